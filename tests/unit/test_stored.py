"""How many bytes the columns of a table take in a file of DuckDB's, as it was written down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from snapshot import stored
from snapshot.stored import measure

# Columns, and as how many bits each of their values is written down.
COLUMNS = {"hash(i) % 1024": 10, "i // 1000": 0, "0": 0, "hash(i)": 64, "hash(i) % 4": 2, "hash(i) % 16": 4}


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """With the attached file `made`."""
    with duckdb.connect() as found:
        found.execute(f"attach '{tmp_path / 'made.duckdb'}' as made")
        yield found


def make(connection: duckdb.DuckDBPyConnection, rows: int) -> None:
    """A table of these columns in the file."""
    columns = ", ".join(f"{sql} as c{number}" for number, sql in enumerate(COLUMNS))
    connection.execute(f"create table made.main.t as select {columns} from range({rows}) t(i)")
    connection.execute("checkpoint made")


@pytest.mark.parametrize("rows", [20_000, 300_000])
def test_a_column_takes_what_was_written_of_it(connection: duckdb.DuckDBPyConnection, rows: int) -> None:
    """Not what its blocks have left, or others have in them."""
    make(connection, rows)
    found = measure(connection, "made.main.t")
    assert found.left == 0
    assert found.rows == rows
    for bytes_, bits in zip(found.columns, COLUMNS.values(), strict=True):
        assert abs(bytes_ - rows * bits / 8) <= 0.04 * bytes_ + 4000


def test_blocks_of_large_files_are_not_read(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they have left counts for their last columns."""
    monkeypatch.setattr(stored, "_SMALL", 0)
    make(connection, 300_000)
    found = measure(connection, "made.main.t")
    assert found.left > 0
    assert sum(found.columns) == found.bytes > 1.1 * 300_000 * sum(COLUMNS.values()) / 8
