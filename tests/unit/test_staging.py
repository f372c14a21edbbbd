"""Rows are taken out of large tables in parts, which come to the same as taking them out at once."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import duckdb
import pytest

from snapshot import connect, staging
from snapshot.connect import SPARE, bounded

ROWS = 300_000


@pytest.mark.parametrize("where", ["id % 3 = 0", "id < 290000", "id >= 100000", "true", "false"])
@pytest.mark.parametrize("place", ["staged.main.orders", "memory.main.orders"])
def test_rows_are_deleted_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, where: str) -> None:
    """Also where so many go that a checkpoint puts the others elsewhere, and once more after that."""
    monkeypatch.setattr(staging, "DELETED_AT_ONCE", 50_000)
    with staging.staging(tmp_path, None, frozenset(), memory="1GB", time_zone="UTC") as files:
        files.open()
        execute = files.connection.execute
        execute(f"create table {place} as select range as id from range({ROWS})")
        files.delete(place, where)
        files.delete(place, "id % 7 = 0")
        kept = f"select range as id from range({ROWS}) where not (({where}) or id % 7 = 0)"
        assert execute(f"(from {place} except all {kept}) union all ({kept} except all from {place})").fetchall() == []


def test_nothing_is_deleted_from_an_empty_table(tmp_path: Path) -> None:
    """There is no last row."""
    with staging.staging(tmp_path, None, frozenset(), memory="1GB", time_zone="UTC") as files:
        files.connection.execute("create table memory.main.orders (id integer)")
        files.delete("memory.main.orders", "true")
        assert files.connection.execute("from memory.main.orders").fetchall() == []


def test_deletes_need_no_memory_for_all_rows(tmp_path: Path) -> None:
    """Of sixteen million rows, one of each vector: eight bytes of each are 128 MB at once."""
    with staging.staging(tmp_path, None, frozenset(), memory="90MB", time_zone="UTC") as files:
        files.open()
        files.connection.execute("create table staged.main.orders as select range as id from range(16_000_000)")
        files.delete("staged.main.orders", "id % 2000 = 0")
        assert files.connection.execute("select count(*) from staged.main.orders").fetchall() == [(15_992_000,)]


def test_what_was_read_of_files_is_let_go_between_stages(tmp_path: Path) -> None:
    """What is in memory stays there, and is not put on the disk to make room."""
    with staging.staging(tmp_path, None, frozenset(), memory="1GB", time_zone="UTC") as files:
        files.open()
        files.connection.execute(
            "create table memory.main.came as select md5(range::varchar) as id from range(1_500_000)"
        )
        with bounded(files.connection, 2**28):
            files.connection.execute("create table staged.main.orders as from memory.main.came")
            files.connection.execute("checkpoint staged")
            files.connection.execute("select max(id) from staged.main.orders")
        held, spilled = 0, 0
        sql = "select tag, memory_usage_bytes, temporary_storage_bytes from duckdb_memory()"
        for tag, memory, disk in files.connection.execute(sql).fetchall():
            held, spilled = held + (memory if tag == "BASE_TABLE" else 0), spilled + disk
        assert held <= SPARE
        assert spilled == 0


def test_there_is_no_file_of_private_tables_without_one(tmp_path: Path) -> None:
    """To make it would cost each refresh."""
    with staging.staging(tmp_path, None, frozenset(), memory="1GB", time_zone="UTC") as files:
        files.open()
        files.checkpoint()
        assert [path.name for path in tmp_path.glob("*.duckdb")] == ["snapshot.duckdb"]


class Spoilt:
    """A connection by which DuckDB does nothing any more, once it is broken."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection, self.broken = connection, False

    def execute(self, sql: str) -> duckdb.DuckDBPyConnection:
        """What the connection says, or that it is of no use."""
        if self.broken:
            raise duckdb.FatalException("the database has been invalidated")
        return self.connection.execute(sql)

    def break_down(self) -> None:
        """As a full disk does it."""
        self.broken = True
        raise OSError("no space is left")


def test_what_broke_a_database_is_what_is_said_of_it(tmp_path: Path) -> None:
    """DuckDB says of each statement after it only that it cannot go on."""
    with staging.staging(tmp_path, None, frozenset(), memory="1GB", time_zone="UTC") as files:
        spoilt = Spoilt(files.connection)
        with pytest.raises(OSError, match="no space"), bounded(cast("duckdb.DuckDBPyConnection", spoilt), 2**28):
            spoilt.break_down()


def test_the_usual_limits_are_back_where_nothing_can_be_let_go(tmp_path: Path) -> None:
    """Whatever DuckDB refuses."""
    with staging.staging(tmp_path, None, frozenset(), memory="1GiB", time_zone="UTC") as files:
        limit = "select current_setting('memory_limit')"
        usual = files.connection.execute(limit).fetchall()
        with pytest.MonkeyPatch.context() as patched, bounded(files.connection, 2**28):
            patched.setattr(connect, "SPARE", -(2**62))
        assert files.connection.execute(limit).fetchall() == usual
