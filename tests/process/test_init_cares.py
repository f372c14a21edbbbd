"""`pacelayer init` over what is not plain: secrets, rights, odd names, and what cannot become a project."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy

from snapshot import settings as project_settings
from snapshot.project import check
from tests import servers
from tests.projects import pacelayer
from tests.unit.tiny import publish_again

from .test_init import init


def test_a_password_stays_out_of_the_project(postgres: sqlalchemy.URL, tmp_path: Path) -> None:
    """The file names a variable, and what is said names it too."""
    servers.run(postgres, "create table visits (id bigint primary key, at timestamp not null, page text)")
    url = servers.written(postgres.set(password="correct-horse"))  # noqa: S106  it opens nothing
    done = init(tmp_path / "shop", "--source", url, "--no-up")
    variable = f"{(postgres.database or '').upper()}_URL"
    assert f'url = "${{{variable}}}"' in (tmp_path / "shop" / "pacelayer.toml").read_text()
    assert f"export {variable}=" in done.stderr
    for path in (tmp_path / "shop").rglob("*"):
        assert path.is_dir() or "correct-horse" not in path.read_text()
    assert "correct-horse" not in done.stdout + done.stderr


def test_a_password_among_the_parameters_of_the_url_stays_out_as_well(postgres: sqlalchemy.URL, tmp_path: Path) -> None:
    """And a folder's name may be anything."""
    servers.run(postgres, "create table visits (id bigint primary key, at timestamp not null, page text)")
    url = servers.written(postgres.set(query={**postgres.query, "password": "correct-horse"}))
    folder = tmp_path / 'my "shop"'
    init(folder, "--source", url, "--no-up")
    assert "correct-horse" not in (folder / "pacelayer.toml").read_text()
    assert tomllib.loads((folder / "pacelayer.toml").read_text())["name"] == 'my "shop"'


def test_tables_that_may_not_be_read_are_passed_over(postgres: sqlalchemy.URL, tmp_path: Path) -> None:
    """Whoever may read one of them has a project of that one."""
    role = f"reader_{(postgres.database or '')[-6:]}"
    tables = ("create table secret (id int, at timestamp, amount numeric(9, 2))", "create table open (id int, at date)")
    servers.run(postgres, *tables, f"create role {role} login", f"grant select on open to {role}")
    try:
        init(tmp_path / "shop", "--source", servers.written(postgres.set(username=role)), "--no-up")
        assert "secret" not in " ".join(path.stem for path in (tmp_path / "shop" / "metrics").iterdir())
    finally:
        servers.run(postgres, f"drop owned by {role}", f"drop role {role}")


def odd_tables() -> Iterator[str]:
    """Names that are SQL's words or none at all, and tables of little."""
    yield 'create table "order" ("group" integer primary key, "Select" timestamp, "in total" decimal(10, 2), "Ü" text)'
    yield "create table bare (id integer primary key)"
    yield 'create table "2024 sales" (day date, month text, year integer, amount real, complete boolean)'
    yield "create table untyped (a, b)"
    yield "create table pairs (a integer, b integer, at datetime, primary key (a, b))"
    yield "create table lone (share text)"
    yield "create table numbered (rowid integer primary key, at datetime)"
    yield "create table documents (content json primary key, at datetime)"
    yield "create table заказы (статус text, сумма decimal(10, 2), дата datetime)"


@pytest.mark.parametrize("table", ["order", "bare", "2024 sales", "pairs", "lone", "numbered", "documents", "заказы"])
def test_whatever_a_table_is_called_the_project_is_a_good_one(tmp_path: Path, table: str) -> None:
    """It is checked and can be refreshed, with rows and without."""
    import sqlite3

    with closing(sqlite3.connect(tmp_path / "odd.sqlite")) as odd, odd:
        for statement in odd_tables():
            odd.execute(statement)
        odd.executemany('insert into "lone" values (?)', [("a",), ("b",), ("a",)])
    init(tmp_path, "--source", "sqlite:///odd.sqlite", "--table", table, "--no-up")
    assert check(tmp_path).problems == ()
    publish_again(project_settings.load(tmp_path))


REFUSED = {
    "no database": ((), "name one with --source"),
    "no URL": (("--source", "nonsense"), "it is not the URL of a database"),
    "a password in the place of the port": (
        ("--source", "postgresql://u:correct-horse/shop"),
        "it is not the URL of a",
    ),
    "a password with an at sign": (("--source", "postgresql://u:correct@horse@host/shop"), "in a password @ is %40"),
    "a password with a slash": (("--source", "mysql://u:ab@secret/x@host"), "a part of it has an @"),
    "no database on the server": (("--source", "mysql://root@127.0.0.1/"), "it names no database"),
    "no such file": (("--source", "sqlite:///nowhere.sqlite"), "there is no file nowhere.sqlite"),
    "no such server": (("--source", "postgresql://127.0.0.1:1/shop"), "cannot be read"),
    "no such table": (("--source", "sqlite:///harbor.sqlite", "--table", "ordres"), "there is no table 'ordres'"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_become_a_project_leaves_nothing_behind(tmp_path: Path, harbor_source: Path, what: str) -> None:
    """With the way out, and no stack."""
    (tmp_path / "harbor.sqlite").symlink_to(harbor_source)
    arguments, said = REFUSED[what]
    done = pacelayer(tmp_path, "init", *arguments, "--no-up", check=False)
    assert done.returncode in (2, 10)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "horse" not in done.stdout + done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["harbor.sqlite"]


def test_a_project_that_is_there_is_left_alone(published: Path) -> None:
    """Nobody's files are written over."""
    before = (published / "pacelayer.toml").read_text()
    done = pacelayer(published, "init", "--source", "sqlite:///harbor.sqlite", "--no-up", check=False)
    assert done.returncode == 2
    assert "there is a project already" in done.stderr
    assert (published / "pacelayer.toml").read_text() == before
