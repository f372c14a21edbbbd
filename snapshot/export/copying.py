"""Which new files begin as copies of the last ones, and which are written from nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ..catalog import Catalog, TableState
from ..connect import PREVIOUS, STAGED
from ..staging import BEFORE, Previous, Staging, Table
from ..stored import BLOCK_BYTES, Stored
from .disorder import disorder
from .wanted import Change, Wanted
from .weigh import leftover

# A file of fewer bytes is as quickly written from nothing as copied and changed.
COPIED = 32 * 2**20
# A file may be so much larger than one that is written from nothing: what is dropped or replaced in a copy leaves
# holes, which are filled by later refreshes. 1.2 is promised, and what is reckoned is off by some.
GROWTH, PROMISED = 1.15, 1.2


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
    return change.mode == "delta" and _is_made_anew(wanted, change, staging.stored(staging.before(wanted.table)))


def has_outgrown(staging: Staging, catalog: Catalog) -> bool:
    """Whether a copy came out too large for what is in it: no two rows need take as much as each other."""
    for name in staging.copies:
        tables, allowed = _tables_in(staging, name, catalog), _allowed(staging, name)
        if leftover(staging, tables, allowed) > allowed:
            return True
    return False


def in_disorder(staging: Staging, catalog: Catalog) -> frozenset[Table]:
    """The tables that make a file too large that was written from nothing: their rows lay in another order."""
    found = set[Table]()
    for name in staging.files.keys() - staging.copies:
        takes = {state.table: disorder(staging, state) for state in _tables_in(staging, name, catalog)}
        bytes_ = staging.files[name].stat().st_size
        # In a small file a block is much, and two may be filled in another way.
        if sum(takes.values()) > min(_allowed(staging, name), bytes_ - int(bytes_ / PROMISED) - 2 * BLOCK_BYTES):
            found |= {table for table, too_many in takes.items() if too_many}
    return frozenset(found)


def _tables_in(staging: Staging, name: str, catalog: Catalog) -> list[TableState]:
    return [state for state in catalog.tables if staging.file_of(state.table) == name]


def _allowed(staging: Staging, name: str) -> int:
    """So many bytes of what is in a file may be too much."""
    bytes_ = staging.files[name].stat().st_size
    return bytes_ - staging.unused(name) - int(bytes_ / GROWTH)


def _is_copyable(previous: Previous, wanted: Mapping[Table, Wanted]) -> bool:
    """What is dropped from a file stays in it, for whoever reads its bytes.

    A table that is private now, a column that is excluded, a metric that is gone.
    """
    found = (wanted.get(state.table) for state in previous.catalog.tables)
    return previous.copyable and all(table is not None and table.state is not None for table in found)


def _is_worth_a_copy(
    staging: Staging,
    previous: Previous,
    name: str,
    wanted: Mapping[Table, Wanted],
    changes: Mapping[Table, Change],
    whole: Collection[Table],
) -> bool:
    """As if every row of a table took as much as any other."""
    if name not in staging.last or (bytes_ := staging.last[name].stat().st_size) < COPIED:
        return False
    anew = _written_anew(previous, wanted.values(), changes) if name == STAGED else set[str]()
    stored = (grain.table for metric in previous.catalog.metrics if metric.name in anew for grain in metric.grains)
    holes, came, gone = sum(staging.stored(f"{PREVIOUS}.{table}").bytes for table in stored), 0, 0
    for state in previous.catalog.tables:
        if staging.file_of(state.table) != name:
            continue
        found, change, was = wanted[state.table], changes.get(state.table), staging.stored(staging.before(state.table))
        left = was.rows - state.rows
        if state.table in whole or _is_whole(found, change):
            holes += was.bytes
        elif change and change.mode == "delta":
            holes += was.bytes if _is_made_anew(found, change, was) else BLOCK_BYTES
            came += was.bytes * (change.inserted + change.updated) // max(1, was.rows)
            left += change.updated + change.deleted
        gone += was.bytes * left // max(1, was.rows)
    used = bytes_ - staging.unused(BEFORE[name])
    return max(bytes_, used + came + holes) <= GROWTH * (used + came - gone)


def _is_made_anew(wanted: Wanted, change: Change, was: Stored) -> bool:
    """Whether a table of which some rows change is made anew within a copy.

    Where it takes less than its row groups do that are not full. Where a row that changed stays at its place in the
    source: in a copy it would lie behind all others, and take more there. Where rows cannot be found by their places.
    """
    is_in_pieces = (was.pieces + 2) * BLOCK_BYTES >= was.bytes
    return is_in_pieces or not wanted.is_placed or (change.updated > 0 and change.state.keeps_places)


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
