"""Whether the new files begin as copies of the last ones, or are written from nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from ..catalog import Catalog, TableState, quote
from ..connect import PREVIOUS, STAGED
from ..staging import BLOCK_BYTES, Previous, Staging, Table, added, removed
from .wanted import Change, Wanted

# A file of fewer bytes is as quickly written from nothing as copied and changed.
COPIED = 32 * 2**20
# A file that would grow so much beyond one that is written from nothing is not copied: what is dropped or replaced in
# it leaves holes, which are filled by later refreshes.
GROWTH = 1.2
# The rows that come are row groups of their own, each of which takes a block more. Before those are more than so much
# of a table, row groups are joined; for that, three full ones are written anew at most.
UNFILLED = 1 / 16
ROW_GROUP = 122_880
LAST_ROWS = 3 * ROW_GROUP


def decide(
    staging: Staging, tables: Sequence[Wanted], changes: Mapping[Table, Change], whole: Collection[Table] = ()
) -> None:
    """Decide it by what is known of the changes, as long as the files are not there; `whole` are written anew."""
    if not staging.opened:
        staging.copies = _is_worth_a_copy(staging, tables, changes, whole)


def compact_size(previous: Previous, private: Collection[Table]) -> tuple[int, int]:
    """Bytes and rows of the last generation's file that was written from nothing."""
    info = previous.catalog.snapshot
    if info.compact_bytes:
        return info.compact_bytes, info.compact_rows
    rows = (state.rows for state in previous.catalog.tables if (state.source, state.name) not in private)
    return previous.path.stat().st_size, sum(rows)


def has_outgrown(staging: Staging, catalog: Catalog) -> bool:
    """Whether the new file is too large for what is in it: what a copy is changed by leaves more than was foreseen."""
    if not staging.copies:
        return False
    bytes_, info = staging.snapshot.stat().st_size, catalog.snapshot
    tables = _in_file(catalog, staging, staging.place)
    return bytes_ > GROWTH * _rebuilt(bytes_ - staging.unused(STAGED), (info.compact_bytes, info.compact_rows), tables)


def _rebuilt(used: int, compact: tuple[int, int], tables: Sequence[TableState]) -> float:
    """About the bytes of a file with these tables that is written from nothing: whichever is less.

    What is in use without the rows that are gone, or as much for each row as in the last one that was: `compact` are
    the bytes and rows of that.
    """
    compact_bytes, compact_rows = compact
    rows, gone = sum(state.rows for state in tables), sum(state.gone_bytes for state in tables)
    return min(used - gone, compact_bytes * rows / max(1, compact_rows))


def _in_file(catalog: Catalog, staging: Staging, place: Callable[[Table], str]) -> list[TableState]:
    """The tables of a snapshot's file, each with what is still there of the rows that are gone."""
    tables = {(state.source, state.name): state for state in catalog.tables}
    return [
        state.holding(staging.stored(place(table)).rows) if state.gone else state
        for table, state in tables.items()
        if table not in staging.private
    ]


def _is_worth_a_copy(
    staging: Staging, tables: Sequence[Wanted], changes: Mapping[Table, Change], whole: Collection[Table]
) -> bool:
    previous = staging.previous
    if previous is None or (bytes_ := previous.path.stat().st_size) < COPIED:
        return False
    wanted = {table.table: table for table in tables}
    rows = {(state.source, state.name): state.rows for state in previous.catalog.tables}
    # What is dropped from a file stays in it, for whoever reads its bytes: a table that is private now, a column that
    # is excluded, a metric that is gone.
    if not previous.copyable or any(table not in wanted or wanted[table].state is None for table in rows):
        return False
    in_file = {table: found for table, found in wanted.items() if table in rows and table not in staging.private}
    anew = _written_anew(previous, tables, changes)
    stored = (grain.table for metric in previous.catalog.metrics if metric.name in anew for grain in metric.grains)
    holes, fewer = sum(staging.stored(f"{PREVIOUS}.{table}").bytes for table in stored), 0
    for table, found in in_file.items():
        change = changes.get(table)
        if gone := rows[table] if table in whole else _holes(staging, rows[table], found, change):
            size = staging.stored(staging.before(table)).bytes
            holes += size * gone // rows[table]
            if change and change.mode == "delta":
                came = size * (change.updated + change.inserted) // rows[table]
                fewer += max(0, bytes_gone(staging, found, change) - came)
    used, compact = bytes_ - staging.unused(PREVIOUS), compact_size(previous, staging.private)
    rebuilt = _rebuilt(used, compact, _in_file(previous.catalog, staging, staging.before))
    return max(bytes_, used + holes) <= GROWTH * (rebuilt - fewer)


def bytes_gone(staging: Staging, wanted: Wanted, change: Change) -> int:
    """About what the rows took that are deleted or replaced: as much as others, or by how much texts became shorter."""
    texts = (
        f"octet_length({quote(name)})" if column.type == "BLOB" else f"strlen({quote(name)}::varchar)"
        for name, column in wanted.shape.columns.items()
        if column.type in ("VARCHAR", "BLOB", "JSON") or column.type.endswith("[]")
    )
    lengths = " + ".join(("0", *(f"coalesce({length}, 0)" for length in texts)))
    went, key = removed(wanted.table), ", ".join(map(quote, wanted.shape.key))
    before = f"select sum({lengths}) from {went}"
    after = f"select sum({lengths}) from {added(wanted.table)} where ({key}) in (select ({key}) from {went})"
    sql = f"select coalesce(({before}), 0) - coalesce(({after}), 0)"
    ((shorter,),) = staging.connection.execute(sql).fetchall()
    stored = staging.stored(staging.before(wanted.table))
    return max(stored.bytes * (change.updated + change.deleted) // max(1, stored.rows), int(shorter))


def is_joined(staging: Staging, wanted: Wanted, change: Change) -> bool:
    """Whether a table's row groups are so many by now that they are joined."""
    was = staging.stored(staging.before(wanted.table))
    unfilled = was.row_groups - was.rows // ROW_GROUP + 1
    return change.updated + change.inserted > 0 and unfilled * BLOCK_BYTES > UNFILLED * was.bytes


def _written_anew(previous: Previous, tables: Sequence[Wanted], changes: Mapping[Table, Change]) -> set[str]:
    """The metrics that may be, by what is known of the changes: also where only some periods of one are computed."""
    due = {name for wanted in tables for name in wanted.feeds}
    found = previous.anew | due.intersection(pending.metric for pending in previous.catalog.pending)
    for wanted in tables:
        change = changes.get(wanted.table)
        if wanted.due if change is None else change.mode in ("full", "delta"):
            found |= wanted.feeds
    return set(found)


def _holes(staging: Staging, rows: int, wanted: Wanted, change: Change | None) -> int:
    """Of a table's rows, those that do not stay where they are."""
    if change is not None:
        if change.mode != "delta":
            return rows if change.whole else 0
        return min(rows, change.updated + change.deleted + (LAST_ROWS if is_joined(staging, wanted, change) else 0))
    looked_for = wanted.state and (wanted.settings.incremental or wanted.state.horizon)
    return 0 if looked_for or (wanted.state and not wanted.due) else rows
