"""The columns by which changes are found: keys, times, marks of deletion, of every type."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy

from snapshot.errors import SourceValueError
from snapshot.events import Unchanged
from snapshot.export import copying
from snapshot.settings import SourceSettings
from snapshot.source import Changing, Counts, open_source
from tests.servers import run, written

from .changing import CHANGED, DAILY, ORDERS, again, done, server_shop, shop
from .sources import check, make_project, rows, run_sqlite


@pytest.mark.parametrize("how", ['changed = "changed"', "append_only = true"])
def test_a_row_that_came_late_for_another_one_is_found_by_the_sum_of_the_keys(tmp_path: Path, how: str) -> None:
    """There are as many as before, and its time and key are old."""
    settings = f'[sources.shop.tables.orders]\n{how}\noverlap = "1s"\n'
    project = shop(tmp_path, settings, ORDERS + "update orders set changed = '2026-01-01' where id = 1;")
    run_sqlite(
        project, "delete from orders where id = 100; insert into orders values (-5, 1, '2026-01-01', '2025-01-01')"
    )
    generation, _ = again(project)
    assert done(generation, "shop.orders")[0] == "full"
    assert rows(generation.path, "select id from shop.orders where id in (-5, 100)") == [(-5,)]


@pytest.mark.parametrize("server", ["sqlite", "postgres", "mysql"])
def test_keys_are_added_up_beyond_the_range_of_integers(
    request: pytest.FixtureRequest, tmp_path: Path, server: str
) -> None:
    """Exactly, whatever their signs."""
    keys = (2**63 - 1, 2**63 - 2, 2**63 - 3, -5)
    statements = ["create table t (id bigint primary key)", f"insert into t values ({'), ('.join(map(str, keys))})"]
    if server == "sqlite":
        make_project(tmp_path / "shop", ";".join(statements), {"keys": "select id from shop.t"})
        url = "sqlite:///shop/shop.sqlite"
    else:
        database = request.getfixturevalue(server)
        run(database, *statements)
        url = written(database)
    source = open_source(SourceSettings("shop", url), tmp_path)
    with source.read(["t"]) as reading:
        assert isinstance(reading, Changing)
        assert reading.counts("t", "1 = 1", "1 = 0", "id") == Counts(4, 0, sum(keys))
        assert reading.counts("t", "1 = 1", f"id >= {sorted(keys)[1]}") == Counts(4, 3, 0)
        assert reading.counts("t", "1 = 0", "1 = 1", "id") == Counts(0, 0, 0)


@pytest.mark.parametrize(
    ("kind", "types"), [("oid", ""), ("text", "id = 'UBIGINT'"), ("numeric(20)", "id = 'UBIGINT'")]
)
def test_postgres_adds_up_keys_of_other_types(postgres: sqlalchemy.URL, tmp_path: Path, kind: str, types: str) -> None:
    """Which are whole numbers in the snapshot."""
    run(postgres, f"create table t (id {kind} primary key)", "insert into t values ('1'), ('2')")
    run(postgres, "create view v as select * from t")
    settings = f'[sources.shop.tables.v]\nkey = ["id"]\nappend_only = true\ntypes = {{ {types} }}\n'
    project = server_shop(tmp_path, postgres, "select id from shop.v", settings)
    assert isinstance(again(project)[1][-1], Unchanged)
    run(postgres, "delete from t where id = '2'", "insert into t values ('3')")
    generation, _ = again(project)
    assert done(generation, "shop.v")[0] == "delta"
    assert rows(generation.path, "from one order by all") == [(1,), (3,)]


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("BIGINT", "'8'", "'12'"),
        ("TIMESTAMP WITH TIME ZONE", "'2026-02-01 08:00:00+09'", "'2026-01-31 19:30:00-05'"),
    ],
)
def test_what_is_written_as_a_text_changes_as_what_the_project_calls_it(
    postgres: sqlalchemy.URL, tmp_path: Path, kind: str, before: str, after: str
) -> None:
    """A text that is greater may come before."""
    run(postgres, "create table t (id int primary key, seen text)", f"insert into t values (1, {before})")
    run(postgres, "create view v as select * from t")
    settings = (
        f'[sources.shop.tables.v]\nkey = ["id"]\nchanged = "seen"\noverlap = "1s"\ntypes = {{ seen = "{kind}" }}\n'
    )
    project = server_shop(tmp_path, postgres, "select id, seen from shop.v", settings)
    run(postgres, f"insert into t values (2, {after})")
    generation, _ = again(project)
    assert done(generation, "shop.v") == ("delta", 2, 1, 0, 0)


def test_rows_that_are_marked_as_deleted_are_left_out(tmp_path: Path) -> None:
    """From the first read on, and when they are marked later."""
    script = ORDERS + "alter table orders add column gone boolean; update orders set gone = true where id <= 10;"
    project = shop(tmp_path, CHANGED + 'deletes = "soft:gone"\n', script)
    run_sqlite(project, "update orders set gone = true, changed = '2026-02-02' where id between 11 and 15")
    run_sqlite(project, "update orders set gone = false, changed = '2026-02-02' where id = 1")
    generation, _ = again(project)
    assert done(generation, "shop.orders")[2:] == (1, 0, 5)
    assert rows(generation.path, "select count(*) from shop.orders") == [(186,)]


def test_a_mark_that_is_neither_true_nor_false_is_refused(tmp_path: Path) -> None:
    """Its row does not just go."""
    script = ORDERS + "alter table orders add column gone boolean; update orders set gone = 'false' where id = 10;"
    with pytest.raises(SourceValueError, match=r"shop.orders.gone: the text 'false' at id = 10 does not fit BOOLEAN"):
        shop(tmp_path, CHANGED + 'deletes = "soft:gone"\n', script)


def test_a_key_that_names_two_rows_is_refused(tmp_path: Path) -> None:
    """One of them would be lost."""
    script = ORDERS.replace("id integer primary key", "id integer")
    project = make_project(tmp_path / "shop", script, DAILY, CHANGED + 'key = ["amount"]\n')
    run_sqlite(project, "update orders set amount = 5 where id = 6")
    with pytest.raises(SourceValueError, match="amount is no key: 5 is there twice"):
        again(project)


def test_rows_whose_key_is_null_have_their_table_read_as_a_whole(tmp_path: Path) -> None:
    """SQLite lets it be, several times, and nothing tells them apart."""
    table = ORDERS.split(";")[0].replace("id integer primary key", "id text primary key")
    row = "insert into orders values ({}, 1, '2026-01-01', '2026-02-01 12:00:00')"
    project = shop(tmp_path, script=f"{table};{row.format('1')};{row.format('null')};")
    run_sqlite(project, row.format("2"))
    assert rows(again(project)[0].path, "select id from shop.orders order by all") == [("1",), ("2",), (None,)]


def test_a_change_of_the_future_hides_none_of_today(tmp_path: Path) -> None:
    """A clock was wrong once."""
    project = shop(tmp_path)
    run_sqlite(project, "update orders set changed = '2099-01-01' where id = 1")
    again(project)
    run_sqlite(project, "update orders set amount = -5, changed = '2026-02-01 12:30:00' where id = 2")
    assert rows(again(project)[0].path, "select amount from shop.orders where id = 2") == [(-5,)]


@pytest.mark.parametrize("value", ["1795000000", "1.5e9", "' 2026-02-03'"])
def test_a_change_that_is_no_time_is_refused(tmp_path: Path, value: str) -> None:
    """Not overlooked for being less than all times."""
    project = shop(tmp_path)
    run_sqlite(project, f"update orders set amount = -1, changed = {value} where id = 7")
    with pytest.raises(SourceValueError, match=r"changed: .* at id = 7 does not fit TIMESTAMP"):
        again(project)


def test_a_day_that_is_none_is_refused_as_a_change(mysql: sqlalchemy.URL, tmp_path: Path) -> None:
    """MariaDB's zeros."""
    run(mysql, "create table t (id int primary key, seen datetime)", "insert into t values (1, now()), (2, now())")
    settings = '[sources.shop.tables.t]\nchanged = "seen"\n'
    project = server_shop(tmp_path, mysql, "select id, seen from shop.t", settings)
    with sqlalchemy.create_engine(mysql).begin() as connection:
        connection.exec_driver_sql("set session sql_mode = ''")
        connection.exec_driver_sql("update t set seen = '0000-00-00' where id = 2")
    with pytest.raises(SourceValueError, match="the value '0000-00-00 00:00:00' at id = 2 does not fit TIMESTAMP"):
        again(project)


@pytest.mark.parametrize(
    ("last", "late"), [("00:10", ""), ("00:10", " 00:00"), ("00:10:00", " 00:00:00"), ("09:15", " 09:05")]
)
def test_a_change_without_its_seconds_is_within_the_overlap(tmp_path: Path, last: str, late: str) -> None:
    """A text that is shorter comes before the same with zeros."""
    project = shop(tmp_path)
    run_sqlite(project, f"update orders set changed = '2026-03-01 {last}' where id = 1")
    again(project)
    run_sqlite(project, f"update orders set amount = -1, changed = '2026-03-01{late}' where id = 2")
    assert done(again(project)[0], "shop.orders")[2:] == (0, 1, 0)


def test_an_unsigned_key_that_begins_with_1_is_followed(mysql: sqlalchemy.URL, tmp_path: Path) -> None:
    """The overlap goes back behind the least number that there is."""
    run(mysql, "create table visits (id bigint unsigned primary key)", "insert into visits values (1), (2)")
    settings = "[sources.shop.tables.visits]\nappend_only = true\n"
    project = server_shop(tmp_path, mysql, "select count(*) as n from shop.visits", settings)
    run(mysql, "insert into visits values (3)")
    assert done(again(project)[0], "shop.visits") == ("delta", 3, 1, 0, 0)


@pytest.mark.parametrize("name", ["wire", '"Wire"', "same", "old", "added"])
def test_a_column_may_be_called_as_what_rows_are_called_on_their_way(tmp_path: Path, name: str) -> None:
    """A change of another column is seen."""
    script = f"create table t (id integer primary key, {name} text, amount integer); insert into t values (1, 'a', 1);"
    project = make_project(
        tmp_path / "shop", script, {"one": f"select {name} as w, sum(amount) as s from shop.t group by all"}
    )
    again(project)
    run_sqlite(project, "update t set amount = 9")
    generation, _ = again(project)
    assert done(generation, "shop.t")[0] == "full"
    assert rows(generation.path, "from one") == [("a", 9)]


@pytest.mark.parametrize("kind", ["varchar(9)", "int", "boolean"])
@pytest.mark.parametrize("server", ["postgres", "mysql"])
def test_what_the_project_calls_a_boolean_marks_rows_as_deleted(
    request: pytest.FixtureRequest, tmp_path: Path, server: str, kind: str
) -> None:
    """Also where the source has a word or a number for it."""
    url = request.getfixturevalue(server)
    yes, no = {"varchar(9)": ("'true'", "'false'"), "int": ("1", "0"), "boolean": ("true", "false")}[kind]
    run(url, f"create table t (id int primary key, seen int, gone {kind})")
    run(url, f"insert into t values (1, 1, {yes}), (2, 1, {no}), (3, 1, null), (4, 1, {no})")
    settings = '[sources.shop.tables.t]\nchanged = "seen"\ndeletes = "soft:gone"\ntypes = { gone = "BOOLEAN" }\n'
    project = server_shop(tmp_path, url, "select id, gone from shop.t", settings)
    run(url, f"update t set gone = {yes}, seen = 2 where id = 4")
    assert rows(again(project)[0].path, "from one order by id") == [(2, False), (3, None)]


def test_a_row_without_a_key_stays_where_others_change(tmp_path: Path) -> None:
    """SQLite lets a key be null; what comes is told apart from it all the same."""
    script = """create table t (id text primary key, seen timestamp, v text);
        insert into t values (null, '2026-01-01', 'x'), ('1', '2026-01-02', 'y'), ('2', '2026-01-03', 'z');"""
    settings = '[sources.shop.tables.t]\nchanged = "seen"\n'
    project = make_project(tmp_path / "shop", script, {"t": "select count(*) as n, max(v) as v from shop.t"}, settings)
    again(project)
    run_sqlite(project, "update t set v = 'zz', seen = '2026-02-01' where id = '2'")
    generation, _ = again(project)
    assert rows(generation.path, "select id, v from shop.t order by v") == [(None, "x"), ("1", "y"), ("2", "zz")]


@pytest.mark.parametrize("copied", [True, False])
@pytest.mark.parametrize("value", ["null", "'abc'", "'-5'"])
def test_a_column_may_be_called_rowid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, copied: bool
) -> None:
    """DuckDB has a name for the places of rows that is the same."""
    monkeypatch.setattr(copying, "COPIED", 0 if copied else 10**9)
    monkeypatch.setattr(copying, "GROWTH", 10**9)
    monkeypatch.setattr(copying, "BLOCK_BYTES", 0)
    script = f"{ORDERS}alter table orders add column rowid text; update orders set rowid = {value};"
    project = shop(tmp_path, CHANGED + 'columns = ["rowid"]\n', script)
    assert type(again(project)[1][-1]) is Unchanged
    run_sqlite(project, "update orders set amount = 0, changed = '2026-03-01' where id = 7")
    generation, _ = again(project)
    assert done(generation, "shop.orders")[2:] == (0, 1, 0)
    assert rows(generation.path, "select count(*), min(amount) from shop.orders") == [(200, 0)]


EDGES = {
    "smallint": ("1", "2"),
    "int": ("-2147483648", "-2147483600"),
    "bigint": ("-9223372036854775808", "5"),
    "date": ("'0001-01-01'", "'0001-01-01'"),
    "timestamp": ("'0001-01-01 00:00:00'", "'0001-01-01 00:05:00'"),
}


@pytest.mark.parametrize("kind", EDGES)
@pytest.mark.parametrize("server", ["sqlite", "postgres", "mysql"])
def test_a_change_is_found_by_the_least_values_of_its_type(
    request: pytest.FixtureRequest, tmp_path: Path, server: str, kind: str
) -> None:
    """What is seen again goes back before all of them: to the first one."""
    kind = {"mysql": {"timestamp": "datetime"}}.get(server, {}).get(kind, kind)
    first, second = EDGES.get(kind, EDGES["timestamp"])
    table = f"create table b (k int primary key, v int, ch {kind})"
    fill = (table, f"insert into b values (1, 1, {first}), (2, 2, {second})", "create view t as select * from b")
    settings = '[sources.shop.tables.t]\nkey = ["k"]\nchanged = "ch"\noverlap = "12h"\n'
    if server == "sqlite":
        settings += f'types = {{ k = "INTEGER", v = "INTEGER", ch = "{kind.upper()}" }}\n'
        project = make_project(tmp_path / "shop", ";".join(fill), {"one": "select k, v from shop.t"}, settings)
        check(project)
        again(project)
        run_sqlite(project, f"update b set v = 9, ch = {second} where k = 1")
    else:
        database = request.getfixturevalue(server)
        run(database, *fill)
        project = server_shop(tmp_path, database, "select k, v from shop.t", settings)
        run(database, f"update b set v = 9, ch = {second} where k = 1")
    generation, _ = again(project)
    assert done(generation, "shop.t")[0] == "delta"
    assert rows(generation.path, "from one order by k") == [(1, 9), (2, 2)]
