"""Which new files begin as copies of the last ones, and which are written from nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from ..catalog import Catalog, TableState
from ..connect import PREVIOUS, STAGED
from ..staging import BEFORE, BLOCK_BYTES, Previous, Staging, Stored, Table
from .wanted import Change, Wanted

# A file of fewer bytes is as quickly written from nothing as copied and changed.
COPIED = 32 * 2**20
# A file that would grow so much beyond one that is written from nothing is not copied: what is dropped or replaced in
# it leaves holes, which are filled by later refreshes.
GROWTH = 1.2
# Rows of a row group of DuckDB's. Those that come are row groups of their own, which take a block more than they need.
ROW_GROUP = 122_880
# A file may become smaller by so much more than its part, where values become shorter.
PACKED_BETTER = 1.5


def decide(
    staging: Staging, tables: Sequence[Wanted], changes: Mapping[Table, Change], whole: Collection[Table] = ()
) -> None:
    """Decide it by what is known of the changes, as long as the files are not there; `whole` are written anew."""
    previous, wanted = staging.previous, {table.table: table for table in tables}
    if previous and not staging.opened and _is_copyable(previous, wanted):
        worth = {name for name in staging.files if _is_worth_a_copy(staging, previous, name, wanted, changes, whole)}
        staging.copies = frozenset(worth)


def is_written_anew(staging: Staging, wanted: Wanted, change: Change) -> bool:
    """Whether a table is made anew in its file, although only some rows of it changed, or none."""
    if staging.file_of(wanted.table) not in staging.copies:
        return True
    return change.mode == "delta" and _is_in_pieces(staging.stored(staging.before(wanted.table)))


def changed_in_place(staging: Staging, wanted: Wanted, change: Change) -> TableState:
    """The state of a table that was changed in a copy, with what the rows took that are gone."""
    before, was = wanted.state or change.state, staging.stored(staging.before(wanted.table))
    held = before.holding(was.rows)
    return replace(
        change.state,
        gone=held.gone + change.updated + change.deleted,
        gone_bytes=held.gone_bytes + _bytes_gone(held, was, change),
        compact_bytes=before.compact_bytes or was.bytes,
        compact_unpacked=before.compact_unpacked or before.unpacked,
    )


def has_outgrown(staging: Staging, catalog: Catalog) -> bool:
    """Whether a copy came out too large for what is in it: more was left in it than could be foreseen."""
    for name in staging.copies:
        bytes_, excesses = staging.files[name].stat().st_size, _excesses(staging, catalog, name, staging.place)
        if bytes_ > GROWTH * (bytes_ - staging.unused(name) - sum(excesses.values())):
            return True
    return False


def _is_copyable(previous: Previous, wanted: Mapping[Table, Wanted]) -> bool:
    """What is dropped from a file stays in it, for whoever reads its bytes.

    A table that is private now, a column that is excluded, a metric that is gone.
    """
    found = (wanted.get((state.source, state.name)) for state in previous.catalog.tables)
    return previous.copyable and all(table is not None and table.state is not None for table in found)


def _is_worth_a_copy(
    staging: Staging,
    previous: Previous,
    name: str,
    wanted: Mapping[Table, Wanted],
    changes: Mapping[Table, Change],
    whole: Collection[Table],
) -> bool:
    if name not in staging.last or (bytes_ := staging.last[name].stat().st_size) < COPIED:
        return False
    anew = _written_anew(previous, wanted.values(), changes) if name == STAGED else set[str]()
    stored = (grain.table for metric in previous.catalog.metrics if metric.name in anew for grain in metric.grains)
    holes, came, gone = sum(staging.stored(f"{PREVIOUS}.{table}").bytes for table in stored), 0, 0
    excesses = _excesses(staging, previous.catalog, name, staging.before)
    for table, excess in excesses.items():
        found, change, place = wanted[table], changes.get(table), staging.before(table)
        if table in whole or _is_whole(found, change):
            holes += staging.stored(place).bytes
        elif change and change.mode == "delta":
            was = staging.stored(place)
            held = (found.state or change.state).holding(was.rows)
            holes += was.bytes if _is_in_pieces(was) else BLOCK_BYTES
            came += (was.bytes - excess) * change.came // max(1, held.unpacked)
            gone += _bytes_gone(held, was, change)
    used = bytes_ - staging.unused(BEFORE[name])
    return max(bytes_, used + came + holes) <= GROWTH * (used + came - gone - sum(excesses.values()))


def _excesses(staging: Staging, catalog: Catalog, name: str, place: Callable[[Table], str]) -> dict[Table, int]:
    """Of each table in a file, about the bytes that it takes beyond those that it would, written from nothing.

    What is still there of the rows that are gone, or what it takes beyond as much for its values as when it was.
    """
    tables = {(state.source, state.name): state for state in catalog.tables}
    found = {table: 0 for table in tables if staging.file_of(table) == name}
    for table in found:
        state = tables[table]
        if state.compact_bytes:
            now = staging.stored(place(table))
            compact = state.compact_bytes * state.unpacked // max(1, state.compact_unpacked)
            found[table] = max(0, state.holding(now.rows).gone_bytes, now.bytes - compact)
    return found


def _bytes_gone(held: TableState, was: Stored, change: Change) -> int:
    """About what the rows took in the last file that are deleted or replaced: their part of the table's values.

    More where they became shorter, for others are packed the better then.
    """
    part = max(0, was.bytes - held.gone_bytes) * change.went // max(1, held.unpacked)
    return int(min(max(part, change.shorter), PACKED_BETTER * part))


def _is_in_pieces(was: Stored) -> bool:
    """Whether a table takes less, written anew, than its row groups do that are not full."""
    return (was.row_groups - was.rows // ROW_GROUP + 1) * BLOCK_BYTES >= was.bytes


def _written_anew(previous: Previous, tables: Collection[Wanted], changes: Mapping[Table, Change]) -> set[str]:
    """The metrics that may be, by what is known of the changes: also where only some periods of one are computed."""
    due = {name for wanted in tables for name in wanted.feeds}
    found = previous.anew | due.intersection(pending.metric for pending in previous.catalog.pending)
    for wanted in tables:
        change = changes.get(wanted.table)
        if wanted.due if change is None else change.mode in ("full", "delta"):
            found |= wanted.feeds
    return set(found)


def _is_whole(wanted: Wanted, change: Change | None) -> bool:
    """Whether all of a table is read, or may be."""
    if change is not None:
        return change.whole
    looked_for = wanted.state and (wanted.settings.incremental or wanted.state.horizon)
    return not (looked_for or (wanted.state and not wanted.due))
