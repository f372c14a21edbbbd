"""A large table read by several connections at once, each its share of the table's blocks, all as of one snapshot."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import adbc_driver_manager as adbc

from ...catalog import literal
from .statements import fetch

# A smaller table is read before further connections are made.
LARGE_BLOCKS = 8192
# Of a part: as much as a batch, so that a part waits as a whole for its turn, and another one is read meanwhile.
PART_BLOCKS = 1024
# More would read faster than DuckDB writes. Each keeps two cores busy, the server's and ours: with two cores in all the
# second connection takes a tenth longer than one alone.
CONNECTIONS, CORES_OF_EACH = 4, 2

# Only of what has its rows itself, may be read as a whole, as `ctid` asks, and whose blocks the server finds by their
# numbers: since its version 14.
_BLOCKS = """
select case when c.relkind = 'r' and not c.relhassubclass and a.amname = 'heap'
    and current_setting('server_version_num')::int >= 140000 and has_table_privilege(c.oid, 'select')
then pg_relation_size(c.oid) / current_setting('block_size')::int else 0 end as blocks
from pg_class c left join pg_am a on a.oid = c.relam where c.oid = {place}::regclass"""


def wanted() -> int:
    """How many connections this machine could keep at work."""
    return max(1, min(CONNECTIONS, (os.cpu_count() or 1) // CORES_OF_EACH))


def blocks_of(connection: adbc.AdbcConnection, place: str) -> int:
    """The blocks of a table that is worth several connections; else 0."""
    (found,) = fetch(connection, _BLOCKS.format(place=literal(place)))
    return int(found["blocks"]) if found["blocks"] >= LARGE_BLOCKS else 0


def between(first: str, last: str) -> str:
    """The condition on the rows from one place of a table to another: no other blocks are read."""
    return f"ctid between {literal(first)}::tid and {literal(last)}::tid"


def conditions(blocks: int) -> Sequence[str]:
    """The conditions that cut a table of so many blocks into parts; the last one has no end, so that no row is lost."""
    return tuple(_conditions(range(PART_BLOCKS, blocks, PART_BLOCKS)))


def _conditions(edges: Sequence[int]) -> Iterator[str]:
    for first, end in zip((0, *edges), (*edges, None), strict=True):
        least = f"ctid >= '({first},0)'::tid"
        yield least if end is None else f"{least} and ctid < '({end},0)'::tid"
