"""What the tables of a copied file take that their rows would not, written at once: seen by writing some of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import duckdb

from .. import connect
from ..catalog import TableState, quote
from ..connect import bounded
from ..staging import BLOCK_BYTES, ROW_GROUP, VECTOR, Staging
from .rows import JOINING

# So many parts of a file's tables are written to see what all of them would take; no more than about so many bytes of
# each: rows of long texts are many in one.
WEIGHED, SAMPLE = 4, 8 * 2**20


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


def leftover(staging: Staging, name: str, tables: Sequence[TableState], allowed: int) -> int:
    """About how many bytes the tables of a new file take beyond those that they would, written from nothing.

    Nothing is written to see where that is certainly no more than what is `allowed`, or certainly more.
    """
    late, lost = 0, list[_Part]()
    for state in tables:
        parts = _parts(staging, state)
        first, behind = [part for part in parts if not part.late], [part for part in parts if part.late]
        lost += [part for part in first if part.there < part.rows]
        # Among the others they would take as much as those.
        rows, bytes_ = sum(part.rows for part in first), sum(part.bytes for part in first)
        late += max(0, sum(part.bytes - part.there * bytes_ // rows for part in behind))
        late += staging.stored(staging.place(state.table)).pieces * BLOCK_BYTES
    most = sum(part.bytes for part in lost)
    if late <= allowed < late + most:
        late += int(most * max(0.0, 1 - _packed(staging, name, _some(lost))))
    return late


def is_in_order(connection: duckdb.DuckDBPyConnection, table: str, key: Sequence[str]) -> bool:
    """Whether no row group of a table lies behind another that comes after it by the key."""
    sql = f"select count(*) from ({_row_groups(table, key)}) where late"
    return bool(key) and connection.execute(sql).fetchall() == [(0,)]


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


def _packed(staging: Staging, name: str, parts: Sequence[_Part]) -> float:
    """What the rows of these parts that are there take, written at once, by what they take now."""
    file, database, tables = staging.folder / f"{name}_weighed.duckdb", f"{name}_weighed", list[str]()
    connect.attach(staging.connection, database, file)
    try:
        with bounded(staging.connection, JOINING):
            for number, (table, some) in enumerate(groupby(parts, key=lambda part: part.table)):
                tables.append(f"{database}.main.t{number}")
                rows = " union all ".join(f"(from {table} where {part.sample})" for part in some)
                staging.connection.execute(f"create table {tables[-1]} as {rows}")
            staging.connection.execute(f"checkpoint {database}")
        return sum(staging.stored(table).bytes for table in tables) / max(1, sum(part.sampled for part in parts))
    finally:
        staging.connection.execute(f"detach {database}")
        file.unlink()
