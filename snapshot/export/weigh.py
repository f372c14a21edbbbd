"""What the tables of a copied file take that their rows would not, written at once: seen by writing some of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..catalog import TableState, quote
from ..staging import Staging
from ..stored import BLOCK_BYTES, ROW_GROUP, VECTOR
from .apart import SAMPLE, apart
from .disorder import disorder

# So many parts of a table are written to see what all of them would take.
WEIGHED = 4


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
    return apart(staging, rows).bytes / max(1, sum(part.sampled for part in parts))
