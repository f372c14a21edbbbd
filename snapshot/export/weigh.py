"""What the tables of a copied file take that their rows would not, written at once: seen by writing some of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

import duckdb

from .. import connect
from ..catalog import TableState, quote
from ..connect import bounded
from ..staging import Staging, added, removed
from ..stored import BLOCK_BYTES, ROW_GROUP, VECTOR, Stored, measure
from .delta import Found
from .rows import JOINING
from .wanted import Wanted

# So many parts of a table are written to see what all of them would take; no more than about so many bytes of each, for
# rows of long texts are many in one.
WEIGHED, SAMPLE = 4, 8 * 2**20
# So many bytes are never too much.
SLACK = BLOCK_BYTES // 4


@dataclass(frozen=True)
class _Part:
    """As many rows as a row group has at most: their table, the first one's place, what they take, how many are there.

    `late` where they lie behind others that come after them by the key.
    """

    table: str
    first: int
    rows: int
    bytes: int
    there: int
    late: bool

    @property
    def every(self) -> int:
        """Of so many vectors of its rows one is enough."""
        return min(self.vectors, -(-self.bytes // SAMPLE) or 1)

    @property
    def vectors(self) -> int:
        """Of its rows."""
        return -(-self.rows // VECTOR)

    @property
    def sample(self) -> str:
        """The condition on rows that are enough, with all columns, to see what it takes."""
        places = f"rowid >= {self.first} and rowid < {self.first + ROW_GROUP}"
        return f"{places} and (rowid - {self.first}) // {VECTOR} % {self.every} = {self.every // 2}"

    @property
    def sampled(self) -> int:
        """About the bytes that those rows take."""
        return self.bytes * len(range(self.every // 2, self.vectors, self.every)) // self.vectors


def leftover(staging: Staging, tables: Sequence[TableState], allowed: int) -> int:
    """About how many bytes the tables of a copied file take beyond those that they would, written from nothing.

    Of those that lost rows, some are written to see, until it is certain whether that is more than what is `allowed`.
    """
    lost, late, least, most = {}, {}, {}, {}
    for state in tables:
        table, parts, beyond = state.table, _parts(staging, state), disorder(staging, state)
        lost[table] = [part for part in parts if not part.late and part.there < part.rows]
        late[table] = _late(parts) + staging.stored(staging.place(table)).pieces * BLOCK_BYTES
        least[table] = max(late[table], beyond)
        most[table] = max(late[table] + sum(part.bytes for part in lost[table]), beyond)
    for table in sorted(most, key=lambda table: least[table] - most[table]):
        if sum(least.values()) > allowed or sum(most.values()) <= allowed:
            break
        gone = sum(part.bytes for part in lost[table]) * (1 - _packed(staging, _some(lost[table])))
        least[table] = most[table] = max(least[table], late[table] + int(gone))
    return sum(least.values())


def disorder(staging: Staging, state: TableState) -> int:
    """What columns of a table take beyond as much for each row as once: rows lie in another order, or are larger now.

    Each column by itself, for what one takes less says nothing of others.
    """
    stored = staging.stored(staging.place(state.table))
    # A table has no columns yet, or none any more where it has no rows.
    columns = zip(stored.columns, state.row_bytes, strict=False)
    return max(0, int(sum(max(0, now - stored.left - was * state.rows) for now, was in columns)) - SLACK)


def row_bytes(staging: Staging, wanted: Wanted, state: TableState, found: Found) -> tuple[float, ...]:
    """What each column took for a row when it took the least since all were read, once these changes are made.

    Rows that are gone took as much as others. Those that came take no more than by themselves, and those that changed
    are as much lighter as by themselves: else what becomes lighter would hide what disorder adds.
    """
    stored = staging.stored(staging.before(state.table))
    now = tuple(bytes_ / max(1, stored.rows) for bytes_ in stored.columns)
    least = tuple(map(min, now, state.row_bytes or now))
    if state.keeps_places or sum(stored.columns) <= SLACK or not (found.inserted or found.updated):
        return least
    came, are, were = _written(staging, *_changed(wanted, found))
    share, left = found.inserted / max(1, came.rows), state.rows - found.deleted - found.updated
    rows = max(1, left + found.updated + found.inserted)
    # Of a part without rows there are no columns.
    columns = zip_longest(least, came.columns, are.columns, were.columns, fillvalue=0)
    return tuple(
        (each * (left + found.updated * _lighter(now, then)) + min(each * found.inserted, new * share)) / rows
        for each, new, now, then in columns
    )


def _lighter(now: float, then: float) -> float:
    """What something takes by what it took, if less."""
    return now / then if now < then else 1.0


def is_in_order(connection: duckdb.DuckDBPyConnection, table: str, key: Sequence[str]) -> bool:
    """Whether no row of a table lies behind one that comes after it by the key."""
    value = f"({', '.join(map(quote, key))})"
    behind = f"select {value} < lag({value}) over () as behind from {table}"
    return connection.execute(f"select not coalesce(bool_or(behind), false) from ({behind})").fetchall() == [(True,)]


def _late(parts: Sequence[_Part]) -> int:
    """What the late ones take beyond as much for each row as the others: among those they would take that."""
    first = [part for part in parts if not part.late]
    rows, bytes_ = sum(part.rows for part in first), sum(part.bytes for part in first)
    return max(0, sum(part.bytes - part.there * bytes_ // rows for part in parts if part.late))


def _row_groups(table: str, key: Sequence[str]) -> str:
    """The SELECT of a table's parts: their numbers, how many rows are there, and whether they are late."""
    value = f"({', '.join(map(quote, key))})" if key else "null"
    return f"""select number, there, coalesce(least < max(greatest) over (
        order by number rows between unbounded preceding and 1 preceding), false) as late
        from (select rowid // {ROW_GROUP} as number, count(*) as there, min({value}) as least, max({value}) as greatest
            from {table} group by all)"""


def _parts(staging: Staging, state: TableState) -> list[_Part]:
    """Of a table whose rows may lie in another way than if they were written at once."""
    table = staging.place(state.table)
    stored = staging.stored(table)
    if stored.rows == state.rows and not state.ordered_by:
        return []
    found = staging.connection.execute(_row_groups(table, state.ordered_by)).fetchall()
    there = {number: (count, late) for number, count, late in found}
    return [
        _Part(
            table,
            first,
            min(ROW_GROUP, stored.rows - first),
            stored.within(first, first + ROW_GROUP),
            *there.get(number, (0, False)),
        )
        for number, first in enumerate(range(0, stored.rows, ROW_GROUP))
    ]


def _some(parts: Sequence[_Part]) -> list[_Part]:
    """Those that lie where each quarter of all has its middle."""
    step, reached, found = sum(part.bytes for part in parts) / WEIGHED, 0, []
    for part in parts:
        if round(reached / step) != round((reached + part.bytes) / step):
            found.append(part)
        reached += part.bytes
    return found


def _packed(staging: Staging, parts: Sequence[_Part]) -> float:
    """What the rows of these parts of a table that are there take, written at once, by what they take now."""
    rows = " union all ".join(f"(from {part.table} where {part.sample})" for part in parts)
    (stored,) = _written(staging, rows)
    return stored.bytes / max(1, sum(part.sampled for part in parts))


def _changed(wanted: Wanted, found: Found) -> tuple[str, str, str]:
    """The SELECTs of some of the rows that came, and of those that changed: as they are and as they were."""
    key, every = ", ".join(map(quote, wanted.shape.key)), -(-found.bytes // SAMPLE) or 1
    some = f"where rowid // {VECTOR} % {every} = 0" if wanted.is_placed else ""
    come, gone = f"(from {added(wanted.table)} {some})", removed(wanted.table)
    return (
        f"from {come} anti join {gone} using ({key})",
        f"from {come} semi join {gone} using ({key}) order by {key}",
        f"from {gone} semi join {come} using ({key}) order by {key}",
    )


def _written(staging: Staging, *parts: str) -> list[Stored]:
    """What the rows of each part take, written at once."""
    file, names = staging.folder / "weighed.duckdb", [f"weighed.main.part{number}" for number in range(len(parts))]
    connect.attach(staging.connection, "weighed", file)
    try:
        with bounded(staging.connection, JOINING):
            for name, rows in zip(names, parts, strict=True):
                staging.connection.execute(f"create table {name} as {rows}")
            staging.connection.execute("checkpoint weighed")
        return [measure(staging.connection, name) for name in names]
    finally:
        staging.connection.execute("detach weighed")
        file.unlink()
