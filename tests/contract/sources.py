"""Projects over one SQLite file of any content, to be exported and looked into."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb

from snapshot import connect
from snapshot import project as projects
from snapshot import settings as project_settings
from snapshot.build import refresh
from snapshot.events import Observer, nobody
from snapshot.export import Change, Wanted, export, write
from snapshot.settings import TableSettings
from snapshot.source import Shapes, Source
from snapshot.source.sqlite import SqliteSource
from snapshot.staging import Staging, Table, staging
from snapshot.store import Generation, Store, locked

SETTINGS = """
[sources.shop]
url = "sqlite:///shop.sqlite"
[snapshots]
memory = "200MB"
"""


# Two tables of which 2,000 is the sum, and a metric of each.
VAULT = """
create table accounts (id integer primary key, owner text not null, secret text, amount integer not null);
create table vault (id integer primary key, amount integer not null, note text);
insert into accounts values (1, 'Ada', 'swordfish', 600), (2, 'Ben', 'open sesame', 400);
insert into vault values (1, 1000, 'below');
"""
# The same on a server.
SERVER_VAULT = (
    (
        "create table accounts (id bigint primary key, owner varchar(99) not null, secret varchar(99), "
        "amount bigint not null)"
    ),
    "create table vault (id bigint primary key, amount bigint not null, note varchar(99))",
    "insert into accounts values (1, 'Ada', 'swordfish', 600), (2, 'Ben', 'open sesame', 400)",
    "insert into vault values (1, 1000, 'below')",
)
VAULT_METRICS = {
    "held": "select owner, sum(amount) as amount from shop.accounts group by all",
    "stored": "select sum(amount) as amount from shop.vault",
}


def make_project(folder: Path, script: str, metrics: Mapping[str, str], settings: str = "") -> Path:
    """A project over a SQLite file that a script has made; its tables are in `sources.lock`."""
    (folder / "metrics").mkdir(parents=True)
    (folder / "pacelayer.toml").write_text(SETTINGS + settings)
    run_sqlite(folder, script)
    for name, sql in metrics.items():
        (folder / "metrics" / f"{name}.sql").write_text(sql)
    check(folder)
    return folder


def set_url(project: Path, url: str, more: str = "") -> None:
    """Let the project's source be there."""
    text = f'[sources.shop]\nurl = "{url}"\n{more}\n[snapshots]\nmemory = "200MB"\n'
    (project / "pacelayer.toml").write_text(text)


def generations(project: Path) -> int:
    """How many are published."""
    return len(Store(project / "snapshots", keep=5).generations())


def check(project: Path) -> None:
    """What `pacelayer check` does, and it must find nothing."""
    report = projects.check(project)
    assert not report.problems, report.problems


def run_sqlite(project: Path, script: str, source: str = "shop") -> None:
    """Run a script on a source of the project."""
    with closing(sqlite3.connect(project / f"{source}.sqlite")) as connection:
        connection.executescript(script)


def publish(project: Path, observe: Observer = nobody) -> Generation:
    """A refresh, as the refresher makes it."""
    settings = project_settings.load(project)
    definition, sources = projects.load(settings)
    with locked(settings.directory):
        store = Store(settings.directory, settings.snapshots.keep, observe=observe)
        return refresh(definition, sources, store, observe)


@contextmanager
def exported(
    folder: Path, script: str, values: Sequence[Any] = (), types: Mapping[str, str] | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The tables that a script has made, exported into a staging file, without any metric.

    `values` are put into the column `value` of the table `things`, whose types `types` names where they are others.
    """
    run_sqlite(folder, script)
    with closing(sqlite3.connect(folder / "shop.sqlite")) as written, written:
        for value in values:
            written.execute("insert into things (value) values (?)", [value])
    source = SqliteSource("shop", folder / "shop.sqlite", {"things": TableSettings(types=types or {})})
    with exported_from(source, folder) as connection:
        yield connection


@contextmanager
def exported_from(source: Source, folder: Path, shapes: Shapes | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """These tables of a source, or all of them, exported into a staging file."""
    with staged_from([source], folder, shapes or {source.name: source.shapes()}) as (files, _):
        yield files.connection


@contextmanager
def staged_from(
    sources: Sequence[Source], folder: Path, shapes: Shapes
) -> Iterator[tuple[Staging, Mapping[Table, Change]]]:
    """These tables of sources, exported into the files of a build."""
    tables = [
        Wanted((source, name), shape, TableSettings(), "", None, True)
        for source, shaped in shapes.items()
        for name, shape in shaped.items()
    ]
    with staging(folder, None, frozenset(), memory="200MB", time_zone="UTC") as files:
        exported = export(files, sources, tables, 1, nobody)
        write(files, tables, exported.changes)
        yield files, exported.changes


def rows(path: Path, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """The answer of a snapshot file."""
    connection = connect.read(path, threads=1, memory="100MB")
    try:
        return connection.execute(sql, parameters).fetchall()
    finally:
        connection.close()


def columns(path: Path, table: str) -> dict[str, str]:
    """The columns of a table of a snapshot file, and their types."""
    return {name: kind for name, kind, *_ in rows(path, f"describe {table}")}
