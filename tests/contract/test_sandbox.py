"""What a question may do to the machine when it is SQL: read the snapshot, and nothing else."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from snapshot.errors import QueryError
from snapshot.events import nobody
from snapshot.reader import OpenGeneration, Reader, Resources

from ..crash.ledger import ENTRIES, make_ledger, refresh

READ_FILES = [
    "from '{file}'",
    "from read_csv('{file}')",
    "from read_csv_auto('{file}')",
    "from sniff_csv('{file}')",
    "from read_text('{file}')",
    "from read_blob('{file}')",
    "from read_json('{file}')",
    "from read_ndjson_objects('{file}')",
    "from read_parquet('{file}')",
    "from parquet_metadata('{file}')",
    "from glob('{folder}/*')",
    "from read_text('/etc/passwd')",
    "from 'https://example.com/data.csv'",
    "from read_csv('https://example.com/data.csv')",
    "from 's3://bucket/data.parquet'",
    "from sqlite_scan('{file}', 'things')",
    "copy totals from '{file}'",
    "create temp table stolen as from read_csv('{file}')",
    "import database '{folder}'",
]
WRITE_FILES = [
    "copy totals to '{out}'",
    "copy totals to '{out}' (format parquet)",
    "copy (select 1) to '/dev/stdout'",
    "export database '{out}'",
    "attach '{out}' as other",
    "attach '{other}' as other",
    "attach '{other}' as other (read_only)",
    "attach 'https://example.com/other.duckdb' as other",
    "pragma profiling_output = '{out}'",
    "set profiling_output = '{out}'",
    "set profile_output = '{out}'",
    "pragma enable_logging",
    "call enable_logging(storage = 'file', storage_path = '{out}')",
    "set temp_directory = '{out}'",
    "set secret_directory = '{out}'",
    "set extension_directory = '{out}'",
    "set home_directory = '{out}'",
]
CHANGE_DATA = [
    "create table other as select 1",
    "create view other as select 1",
    "create or replace view dashboard_metrics as select 1",
    "insert into totals values (9, 9, 9)",
    "update totals set entries = 0",
    "delete from totals",
    "truncate totals",
    "drop table totals",
    "drop schema shop cascade",
    "alter table totals rename to other",
    "comment on table totals is 'mine'",
    "create schema other",
    "create sequence other",
    "create type other as enum ('a')",
    "create macro other() as 1",
]
CHANGE_SETTINGS = [
    "set enable_external_access = true",
    "set global enable_external_access = true",
    "reset enable_external_access",
    "set lock_configuration = false",
    "set threads = 64",
    "set memory_limit = '1TB'",
    "set max_memory = '1TB'",
    "set TimeZone = 'Europe/Berlin'",
    "set allow_community_extensions = true",
    "set autoinstall_known_extensions = true",
    "set autoload_known_extensions = true",
    "set allowed_directories = ['/']",
    "set allowed_paths = ['{file}']",
    "set custom_extension_repository = 'https://example.com'",
    "set access_mode = 'READ_WRITE'",
    "pragma memory_limit = '1TB'",
    "pragma threads = 64",
    "pragma enable_profiling",
]
LOAD_CODE = [
    "install httpfs",
    "force install httpfs",
    "install httpfs from community",
    "install httpfs from 'https://example.com'",
    "load httpfs",
    "load '{file}'",
    "load postgres",
    "update extensions",
    "create secret (type s3, key_id 'a', secret 'b')",
    "create persistent secret (type s3, key_id 'a', secret 'b')",
]
SEVERAL = [
    "select 1; copy totals to '{out}'",
    "select 1; set enable_external_access = true; from '{file}'",
    "explain analyze copy totals to '{out}'",
    "prepare hostile as copy totals to '{out}'",
]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published ledger, with files beside it that a question must not reach."""
    project = make_ledger(tmp_path_factory.mktemp("sandbox") / "ledger")
    refresh(project)
    (project / "secret.csv").write_text("secret\nswordfish\n")
    shutil.copy(project / "snapshots" / "current.duckdb", project / "other.duckdb")
    return project


@pytest.fixture(scope="module")
def generation(ledger: Path) -> Iterator[OpenGeneration[None]]:
    """The generation as the API has it open."""
    reader: Reader[None] = Reader(ledger / "snapshots", Resources(2, "200MB"), lambda _: None, nobody)
    reader.follow()
    with reader.lease() as generation:
        yield generation
    reader.stop()


def ask(generation: OpenGeneration[None], sql: str) -> list[tuple[object, ...]]:
    """What the generation answers."""
    return generation.query(sql, (), time.monotonic() + 30)


@pytest.mark.parametrize("sql", [*READ_FILES, *WRITE_FILES, *CHANGE_DATA, *CHANGE_SETTINGS, *LOAD_CODE, *SEVERAL])
def test_a_statement_that_does_more_than_read_the_snapshot_fails(
    ledger: Path, generation: OpenGeneration[None], sql: str
) -> None:
    """It is refused, and leaves no file; the connection goes on answering."""
    before = sorted(ledger.rglob("*"))
    file, other = ledger / "secret.csv", ledger / "other.duckdb"
    hostile = sql.format(file=file, other=other, folder=ledger, out=ledger / "out")
    with pytest.raises(QueryError):
        pytest.fail(f"it answered {ask(generation, hostile)}")
    assert sorted(ledger.rglob("*")) == before
    assert ask(generation, "select sum(entries) from totals") == [(ENTRIES,)]


def test_what_a_question_needs_is_there(generation: OpenGeneration[None]) -> None:
    """Dates, texts, JSON, statistics: none of it waits for an extension."""
    sql = """select date_trunc('week', date '2026-11-24')::date::varchar, json_object('a', 1)->>'a', median(amount) > 0,
        regexp_matches('abc', 'b'), strftime(timestamptz '2026-11-24 15:00:00+00', '%H')
        from shop.entries"""
    assert ask(generation, sql) == [("2026-11-23", "1", True, True, "15")]


def test_what_one_question_has_made_is_gone_for_the_next(generation: OpenGeneration[None]) -> None:
    """Each runs on a cursor of its own."""
    ask(generation, "create temp table mine as select 1")
    ask(generation, "set variable mine = 1")
    with pytest.raises(QueryError):
        ask(generation, "from mine")
    assert ask(generation, "select getvariable('mine')") == [(None,)]
