"""What a table takes in a file of DuckDB's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

# Of DuckDB's files: what comes before the first block.
BLOCK_BYTES, _HEADERS = 2**18, 3 * 2**12
# So many rows are together in a table, and so many of those are packed at once.
ROW_GROUP, VECTOR = 122_880, 2_048
# In a larger file it is little what blocks have left, beside what columns take.
_SMALL = 32 * 2**20


@dataclass(frozen=True)
class Stored:
    """The row groups of a table, one after the other: their rows, with those deleted, and about how many bytes each.

    And how many bytes each column takes: in a large file about, for what is small shares a block with others, and what
    a block has left is counted for its last one; `left` is about how much too many that may be.
    """

    row_groups: tuple[tuple[int, int], ...]
    columns: tuple[int, ...]
    left: int

    @property
    def rows(self) -> int:
        """Of all row groups."""
        return sum(rows for rows, _ in self.row_groups)

    @property
    def bytes(self) -> int:
        """Of all row groups."""
        return sum(bytes_ for _, bytes_ in self.row_groups)

    @property
    def pieces(self) -> int:
        """So many row groups are there beyond those that its rows need: each takes up to a block more."""
        return len(self.row_groups) - -(-self.rows // ROW_GROUP)

    def within(self, first: int, end: int) -> int:
        """About how many bytes the rows take that lie from one place to before another."""
        found, begin = 0, 0
        for rows, bytes_ in self.row_groups:
            found += max(0, min(end, begin + rows) - max(first, begin)) * bytes_ // rows
            begin += rows
        return found


def measure(connection: duckdb.DuckDBPyConnection, place: str) -> Stored:
    """Of a table of an attached database, as it was written down."""
    database = place.partition(".")[0]
    ((path,),) = connection.execute(
        "select path from duckdb_databases() where database_name = ?", [database]
    ).fetchall()
    file, row_groups, columns = Path(path), dict[int, tuple[int, int]](), dict[int, int]()
    is_small = file.stat().st_size <= _SMALL
    for number, column, rows, bytes_, lasts in connection.execute(_SEGMENTS, [place]).fetchall():
        before, taken = row_groups.get(number, (0, 0))
        row_groups[number] = before + int(rows), taken + int(bytes_)
        left = _left(file, lasts) if is_small else 0
        columns[column] = columns.get(column, 0) + int(bytes_) - left
    found = tuple(columns[column] for column in sorted(columns))
    return Stored(tuple(row_groups.values()), found, 0 if is_small else BLOCK_BYTES // 4)


def _left(file: Path, blocks: Iterable[int]) -> int:
    """How many bytes of these blocks nothing was written to: zeros, as DuckDB leaves them."""
    found = 0
    with file.open("rb") as content:
        for block in blocks:
            content.seek(_HEADERS + block * BLOCK_BYTES)
            found += BLOCK_BYTES - len(content.read(BLOCK_BYTES).rstrip(b"\0"))
    return found


# A segment reaches to the next one in its block; those that need more have blocks of their own.
_SEGMENTS = f"""
    with segments as (
        select row_group_id, column_id, column_path, count, block_id, block_offset, additional_block_ids,
            lead(block_offset) over (partition by block_id order by block_offset) as next
        from pragma_storage_info(?)
    ), parts as (
        select row_group_id, column_id, if(column_path = '[0]', count, 0) as rows, block_id,
            block_id >= 0 and next is null as is_last,
            if(block_id < 0, 0, coalesce(next, {BLOCK_BYTES}) - block_offset)
                + {BLOCK_BYTES} * len(additional_block_ids) as bytes
        from segments
    )
    select row_group_id, column_id, sum(rows), sum(bytes), coalesce(list(block_id) filter (is_last), [])
    from parts group by row_group_id, column_id order by all"""
