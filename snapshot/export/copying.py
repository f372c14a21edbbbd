"""Whether the new files begin as copies of the last ones, or are written from nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ..connect import PREVIOUS
from ..staging import Previous, Staging, Table
from .wanted import Change, Wanted

# A file of fewer bytes is as quickly written from nothing as copied and changed.
COPIED = 32 * 2**20
# A file that would grow so much beyond one that is written from nothing is not copied: what is dropped or replaced in
# it leaves holes, which are filled by later refreshes.
GROWTH = 1.2
# So many rows at the end of a table are written anew with those that come: two of DuckDB's row groups.
LAST_ROWS = 2 * 122_880


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
    holes, fewer = sum(staging.bytes_of(f"{PREVIOUS}.{table}") for table in stored), 0
    for table, found in in_file.items():
        change = changes.get(table)
        if gone := rows[table] if table in whole else _holes(rows[table], found, change):
            size = staging.bytes_of(staging.before(table))
            holes += size * gone // rows[table]
            fewer += size * max(0, rows[table] - change.state.rows) // rows[table] if change else 0
    size, compact_rows = compact_size(previous, staging.private)
    alive = bytes_ - staging.unused()
    rebuilt = size * sum(rows[table] for table in in_file) / max(1, compact_rows)
    return max(bytes_, alive + holes) <= GROWTH * (min(alive, rebuilt) - fewer)


def _written_anew(previous: Previous, tables: Sequence[Wanted], changes: Mapping[Table, Change]) -> set[str]:
    """The metrics that may be, by what is known of the changes: also where only some periods of one are computed."""
    due = {name for wanted in tables for name in wanted.feeds}
    found = previous.anew | due.intersection(pending.metric for pending in previous.catalog.pending)
    for wanted in tables:
        change = changes.get(wanted.table)
        if wanted.due if change is None else change.mode in ("full", "delta"):
            found |= wanted.feeds
    return set(found)


def _holes(rows: int, wanted: Wanted, change: Change | None) -> int:
    """Of a table's rows, those that do not stay where they are."""
    if change is not None:
        if change.mode != "delta":
            return rows if change.whole else 0
        return min(rows, change.updated + change.deleted + LAST_ROWS)
    looked_for = wanted.state and (wanted.settings.incremental or wanted.state.horizon)
    return 0 if looked_for or (wanted.state and not wanted.due) else rows
