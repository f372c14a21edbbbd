"""Keys, marks and times of changes that are not quite what the project calls them: exact, or the refresh is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy

from snapshot.errors import SourceUnavailable, SourceValueError
from tests.servers import run

from .changing import again, both_ways, done, server_shop
from .sources import check, make_project, rows, run_sqlite

T = "[sources.shop.tables.t]\n"
BY_CHANGE = f'{T}key = ["k"]\nchanged = "ch"\noverlap = "1s"\n'


def sqlite_shop(folder: Path, script: str, sql: str, settings: str) -> Path:
    """A project over a file with one metric, published once."""
    project = make_project(folder / "shop", script, {"one": sql}, settings)
    check(project)
    again(project)
    return project


def test_a_deleted_row_takes_no_living_one_of_its_key_with_it(postgres: sqlalchemy.URL, tmp_path: Path) -> None:
    """Also where another one went without a trace, so that there are as many as before."""
    run(postgres, "create table t (k text, v int, del timestamp)", "create unique index on t(k) where del is null")
    run(postgres, "insert into t values ('a', 1, null), ('b', 2, null), ('c', 3, null)")
    project = server_shop(tmp_path, postgres, "select k, v from shop.t", f'{T}key = ["k"]\ndeletes = "soft:del"\n')
    run(postgres, "insert into t values ('a', 9, now())", "delete from t where k = 'b'")
    generation, _ = again(project)
    assert done(generation, "shop.t")[0] == "delta"
    assert rows(generation.path, "from one order by k") == [("a", 1), ("c", 3)]


def test_two_keys_of_a_source_that_are_one_here_are_two_rows(postgres: sqlalchemy.URL, tmp_path: Path) -> None:
    """However the project calls them."""
    run(postgres, "create table t (k text primary key, v int)")
    run(postgres, "insert into t values ('1', 1), ('01', 2), ('7', 3), ('8', 4)")
    project = server_shop(tmp_path, postgres, "select k, v from shop.t", f'{T}types = {{ k = "BIGINT" }}\n')
    run(postgres, "update t set v = 10 where k = '1'", "delete from t where k = '7'")
    assert rows(again(project)[0].path, "from one order by v") == [(1, 2), (8, 4), (1, 10)]


def test_two_days_of_a_file_that_are_one_here_are_two_rows(tmp_path: Path) -> None:
    """SQLite lets a day be written with its first hour."""
    script = """create table t (k date primary key, v integer, ch timestamp);
        insert into t values ('2026-01-01', 1, '2026-01-01'), ('2026-01-01 00:00:00', 2, '2025-01-01'),
        ('2026-01-07', 3, '2025-01-01'), ('2026-01-08', 4, '2025-01-01');"""
    project = sqlite_shop(tmp_path, script, "select v from shop.t", f'{T}changed = "ch"\n')
    run_sqlite(project, "update t set v = 10, ch = '2026-02-01' where v = 1; delete from t where v = 3")
    assert rows(again(project)[0].path, "from one order by v") == [(2,), (4,), (10,)]


@pytest.mark.parametrize(
    ("server", "declared", "value"),
    [
        ("mysql", "varchar(9)", "1x"),
        ("mysql", "varchar(9)", "2"),
        ("mysql", "varchar(9)", "true "),
        ("mysql", "double", "0.4"),
        ("mysql", "tinyint(1)", "2"),
        ("postgres", "text", "yes"),
        ("postgres", "text", "on"),
        ("postgres", "integer", "2"),
    ],
)
def test_a_mark_of_deletion_that_is_neither_true_nor_false_is_refused(
    request: pytest.FixtureRequest, tmp_path: Path, server: str, declared: str, value: str
) -> None:
    """Rather than that its row is left out."""
    url = request.getfixturevalue(server)
    run(url, f"create table t (k int primary key, del {declared})", f"insert into t values (1, '{value}')")
    settings = f'{T}deletes = "soft:del"\nchanged = "k"\ntypes = {{ del = "BOOLEAN" }}\n'
    with pytest.raises(SourceValueError, match="does not fit BOOLEAN"):
        server_shop(tmp_path, url, "select k from shop.t", settings)


def test_a_mark_that_is_the_first_of_an_enum_is_what_it_says(mysql: sqlalchemy.URL, tmp_path: Path) -> None:
    """Not the number of its place."""
    run(mysql, "create table t (k int primary key, del enum('0', '1'))", "insert into t values (1, '0'), (2, '1')")
    settings = f'{T}deletes = "soft:del"\nchanged = "k"\ntypes = {{ del = "BOOLEAN" }}\n'
    assert rows(again(server_shop(tmp_path, mysql, "select k from shop.t", settings))[0].path, "from one") == [(1,)]


def test_a_text_of_mysql_without_its_seconds_is_within_the_overlap(mysql: sqlalchemy.URL, tmp_path: Path) -> None:
    """It comes before the same with them."""
    run(mysql, "create table t (k int primary key, v int, ch varchar(30))")
    run(mysql, "insert into t values (1, 1, '2026-01-01 10:00:01'), (2, 2, '2026-01-01 10:00')")
    settings = f'{BY_CHANGE}types = {{ ch = "TIMESTAMP" }}\n'
    project = server_shop(tmp_path, mysql, "select k, v from shop.t", settings)
    run(mysql, "update t set v = 12 where k = 2")
    assert both_ways(project, "select v from one order by k") == [[(1,), (12,)]] * 2


# A server, how it declares times of changes, how the project does, and one that is none.
NO_CHANGES = [
    ("postgres", "timestamp", "", "-infinity"),
    ("postgres", "timestamp", "", "0044-01-01 BC"),
    ("postgres", "text", "TIMESTAMP", "-infinity"),
    ("postgres", "text", "TIMESTAMP", "epoch"),
    ("postgres", "text", "TIMESTAMP", ""),
    ("mysql", "datetime", "", "2026-00-10"),
    ("mysql", "datetime", "", "2025-00-00"),
    ("mysql", "datetime", "", "2026-02-30"),
    ("mysql", "date", "", "2026-02-30"),
    ("mysql", "varchar(30)", "TIMESTAMP", "2026-02-30 10:00"),
    ("mysql", "varchar(30)", "TIMESTAMP", "2026-01-30 99:00:00"),
    ("mysql", "varchar(30)", "TIMESTAMP", " 2026-01-30"),
    ("mysql", "varchar(30)", "TIMESTAMP", "11/27/2026 10:00"),
    ("mysql", "varchar(30)", "INT8", "1e5"),
    ("mysql", "varchar(30)", "INT8", " 5"),
    ("mysql", "varchar(30)", "INT8", "x"),
    ("sqlite", "timestamp", "", "11/27/2026 10:00"),
    ("sqlite", "timestamp", "", "10000-01-01 00:00:00"),
    ("sqlite", "timestamp", "", "2026-02-30 00:00:00"),
    ("sqlite", "timestamp", "", "2026-01-30 99:00:00"),
    ("sqlite", "integer", "", "5.5"),
]


@pytest.mark.parametrize(("server", "declared", "kind", "value"), NO_CHANGES)
def test_a_row_whose_change_is_none_ends_the_refresh(
    request: pytest.FixtureRequest, tmp_path: Path, server: str, declared: str, kind: str, value: str
) -> None:
    """As when the table is read as a whole; it is not left as it was."""
    first = "100" if "INT" in kind or declared == "integer" else "2026-06-01 10:00:00"
    script = [f"create table t (k int primary key, v int, ch {declared})", f"insert into t values (1, 1, '{first}')"]
    script.append("create view s as select * from t")
    settings = BY_CHANGE.replace("tables.t", "tables.s") + (f'types = {{ ch = "{kind}" }}\n' if kind else "")
    late = f"update t set v = 2, ch = '{value}'"
    if server == "sqlite":
        project = sqlite_shop(tmp_path, ";".join(script), "select k, v from shop.s", settings)
        run_sqlite(project, late)
    else:
        url = request.getfixturevalue(server)
        run(url, *script)
        project = server_shop(tmp_path, url, "select k, v from shop.s", settings)
        run(url, *(["set session sql_mode = 'ALLOW_INVALID_DATES'"] if server == "mysql" else []), late)
    with pytest.raises(SourceValueError, match="does not fit"):
        again(project)


@pytest.mark.parametrize(
    ("server", "declared", "kind"),
    [
        ("mysql", "int unsigned zerofill", "BIGINT"),
        ("mysql", "varchar(20)", "INT8"),
        ("mysql", "datetime(6)", "DATE"),
        ("postgres", "oid", "UINTEGER"),
        ("postgres", "xid8", "UBIGINT"),
        ("postgres", "varchar(20)", "INT8"),
    ],
)
def test_a_change_by_another_name_is_followed(
    request: pytest.FixtureRequest, tmp_path: Path, server: str, declared: str, kind: str
) -> None:
    """Only what changed is read."""
    url = request.getfixturevalue(server)
    first, late = ("'2026-01-01'", "'2026-02-01'") if kind == "DATE" else ("'1000'", "'5000000'")
    run(url, f"create table t (k int primary key, v int, ch {declared})", "create view s as select * from t")
    run(url, f"insert into t values (1, 1, {first}), (2, 1, {first}), (3, 1, {late})")
    settings = BY_CHANGE.replace("tables.t", "tables.s") + f'types = {{ ch = "{kind}" }}\n'
    project = server_shop(tmp_path, url, "select k, v from shop.s", settings)
    for number in (2, 3):
        run(url, f"update t set v = {number}, ch = {late} where k = 3")
        generation, _ = again(project)
        assert done(generation, "shop.s")[:2] == ("delta", 1)
    assert rows(generation.path, "select v from one order by k") == [(1,), (1,), (3,)]


@pytest.mark.parametrize("kind", ["BIGINT", "VARCHAR"])
def test_a_number_by_the_name_of_another_is_a_key_as_before(mysql: sqlalchemy.URL, tmp_path: Path, kind: str) -> None:
    """No two of them are one, so nobody reads all."""
    run(mysql, "create table t (k int primary key, ch datetime)")
    run(mysql, "insert into t values (1, '2026-01-01'), (2, '2026-01-02'), (3, '2026-01-03')")
    settings = f'{T}changed = "ch"\noverlap = "1s"\ntypes = {{ k = "{kind}" }}\n'
    project = server_shop(tmp_path, mysql, "select k, ch from shop.t", settings)
    run(mysql, "update t set ch = '2026-01-04' where k = 3")
    assert done(again(project)[0], "shop.t")[:2] == ("delta", 1)


def test_a_day_that_does_not_exist_is_told_of_by_the_server(postgres: sqlalchemy.URL, tmp_path: Path) -> None:
    """Which compares it, as a time that the project calls it."""
    run(postgres, "create table t (k int primary key, ch text)", "insert into t values (1, '2026-01-01 10:00')")
    run(postgres, "create view s as select * from t")
    settings = BY_CHANGE.replace("tables.t", "tables.s") + 'types = { ch = "TIMESTAMP" }\n'
    project = server_shop(tmp_path, postgres, "select k from shop.s", settings)
    run(postgres, "update t set ch = '2026-02-30 10:00'")
    with pytest.raises(SourceUnavailable, match="out of range"):
        again(project)


def test_the_name_of_another_table_is_read_anew(postgres: sqlalchemy.URL, tmp_path: Path) -> None:
    """Nobody wrote the row that has it."""
    run(postgres, "create table other (k int)", "create table t (k int primary key, v regclass)")
    run(postgres, "insert into t values (1, 'other'), (2, 'other')")
    project = server_shop(tmp_path, postgres, "select k, v from shop.t", f'{T}types = {{ v = "VARCHAR" }}\n')
    run(postgres, "alter table other rename to another", "update t set v = v where k = 2")
    assert rows(again(project)[0].path, "from one order by k") == [(1, "another"), (2, "another")]


def test_the_style_of_intervals_is_our_own(postgres: sqlalchemy.URL, tmp_path: Path) -> None:
    """Whatever a database has instead."""
    run(postgres, "create table t (k int primary key, v interval)", "insert into t values (1, '1 mon 2 days 3 hours')")
    project = server_shop(tmp_path, postgres, "select k, v from shop.t", f'{T}types = {{ v = "VARCHAR" }}\n')
    run(postgres, f"alter database \"{postgres.database}\" set intervalstyle = 'iso_8601'")
    assert rows(again(project, full=True)[0].path, "from one") == [(1, "1 mon 2 days 03:00:00")]
