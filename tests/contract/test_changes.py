"""What a refresh reads of tables that changed a little, and what it says that it did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from snapshot import project as projects
from snapshot import settings as project_settings
from snapshot.build import refresh
from snapshot.errors import CheckFailed, SourceValueError
from snapshot.events import Event, Published, TableAltered, Unchanged
from snapshot.export import copying, delta
from snapshot.settings import SourceSettings
from snapshot.source import Changing, Counts, open_source
from snapshot.store import Generation, Store, locked, read_status
from tests.servers import run, written

from .sources import SETTINGS, check, make_project, rows, run_sqlite

ORDERS = """
create table orders (id integer primary key, amount integer not null, placed date not null, changed timestamp not null);
insert into orders select value, value, date('2026-01-01', (value % 50) || ' days'), '2026-02-01 12:00:00'
from generate_series(1, 200);
"""
# SQLite's shell has generate_series, its library does not.
ORDERS = ORDERS.replace(
    "generate_series(1, 200)",
    "(with recursive n(value) as (select 1 union all select value + 1 from n where value < 200) select value from n)",
)
CHANGED = '[sources.shop.tables.orders]\nchanged = "changed"\n'
DAILY = {"daily": "select placed as day, sum(amount) as amount from shop.orders group by all"}


def shop(folder: Path, settings: str = CHANGED, script: str = ORDERS) -> Path:
    """A project over two hundred orders, published once."""
    project = make_project(folder / "shop", script, DAILY, settings)
    again(project)
    return project


def again(project: Path, **how: Any) -> tuple[Generation, list[Event]]:
    """Another refresh, and what it said."""
    settings = project_settings.load(project)
    definition, sources = projects.load(settings)
    said: list[Event] = []
    with locked(settings.directory):
        return refresh(definition, sources, Store(settings.directory, keep=5), said.append, **how), said


def done(generation: Generation, name: str) -> tuple[Any, ...]:
    """How a table or metric came to be: mode, rows read, inserted, updated, deleted."""
    columns = "mode, read, inserted, updated, deleted"
    sql = f"select {columns} from pacelayer.builds where name = ? and number = ?"
    (found,) = rows(generation.path, sql, [name, generation.number])
    return found


def test_only_what_changed_is_read_and_only_its_periods_are_computed(tmp_path: Path) -> None:
    """Behind the last change that was seen, less the overlap."""
    project = shop(tmp_path)
    run_sqlite(project, "update orders set amount = 0, changed = '2026-02-01 13:00:00' where id in (7, 8)")
    run_sqlite(project, "insert into orders values (201, 5, '2026-01-01', '2026-02-01 12:30:00')")
    generation, _ = again(project)
    assert done(generation, "shop.orders") == ("delta", 201, 1, 2, 0)
    assert done(generation, "daily")[0] == "delta"
    run_sqlite(project, "update orders set amount = 1, changed = '2026-02-01 14:00:00' where id = 7")
    assert done(again(project)[0], "shop.orders") == ("delta", 2, 0, 1, 0)


def test_a_commit_that_is_late_within_the_overlap_is_found(tmp_path: Path) -> None:
    """Its time is before that of a row that was seen."""
    project = shop(tmp_path, CHANGED + 'overlap = "1h"\n')
    run_sqlite(project, "update orders set amount = 0, changed = '2026-02-01 13:00:00' where id = 1")
    again(project)
    run_sqlite(project, "update orders set amount = 0, changed = '2026-02-01 12:05:00' where id = 2")
    assert done(again(project)[0], "shop.orders")[3] == 1


def test_rows_that_went_are_found_by_their_keys(tmp_path: Path) -> None:
    """Also where as many came."""
    project = shop(tmp_path)
    run_sqlite(
        project, "delete from orders where id = 3; insert into orders values (300, 1, '2026-01-01', '2026-02-02')"
    )
    generation, _ = again(project)
    assert done(generation, "shop.orders")[2:] == (1, 0, 1)
    assert rows(generation.path, "select count(*) from shop.orders where id in (3, 300)") == [(1,)]


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
        ("TIMESTAMP_S", "'2026-01-31'", "' 2026-02-01'"),
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


def test_a_table_whose_rows_do_not_add_up_is_read_as_a_whole(tmp_path: Path) -> None:
    """A row that came without a change of its column is missed by no means."""
    project = shop(tmp_path)
    run_sqlite(project, "update orders set changed = '2026-02-01 20:00:00' where id = 1")
    again(project)
    run_sqlite(project, "insert into orders values (400, 1, '2026-01-01', '2026-01-01 00:00:00')")
    generation, _ = again(project)
    assert done(generation, "shop.orders")[0] == "full"
    assert rows(generation.path, "select count(*) from shop.orders") == [(201,)]


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


def test_nothing_changed_publishes_nothing_and_moves_the_moment_on(tmp_path: Path) -> None:
    """`status.json` says as of when the current generation is true."""
    project = shop(tmp_path)
    before = read_status(project / "snapshots")
    generation, said = again(project)
    after = read_status(project / "snapshots")
    assert generation.number == after.number == 1
    assert isinstance(said[-1], Unchanged)
    assert before.as_of is not None
    assert after.as_of is not None
    assert after.as_of > before.as_of


def test_a_table_that_is_read_as_a_whole_and_is_the_same_publishes_nothing(tmp_path: Path) -> None:
    """Its rows are compared by their hashes."""
    project = shop(tmp_path, "")
    assert isinstance(again(project)[1][-1], Unchanged)
    run_sqlite(project, "update orders set amount = amount + 1 where id = 1; update orders set amount = 1 where id = 2")
    assert isinstance(again(project)[1][-1], Published)


def test_a_zero_that_becomes_negative_is_another_row(postgres: sqlalchemy.URL, tmp_path: Path) -> None:
    """Also where the table is read as a whole: both have one hash."""
    run(postgres, "create table t (f float8, g float4)", "insert into t values (0, 0)")
    run(postgres, "create view v as select * from t")
    project = server_shop(tmp_path, postgres, "select f, g from shop.v")
    for change in ("f = '-0'", "g = '-0'"):
        run(postgres, f"update t set {change}")
        assert isinstance(again(project)[1][-1], Published)
    assert isinstance(again(project)[1][-1], Unchanged)


def test_a_full_refresh_reads_everything_and_publishes(tmp_path: Path) -> None:
    """After a restored backup, say, whose times are older."""
    project = shop(tmp_path)
    generation, _ = again(project, full=True)
    assert (generation.number, done(generation, "shop.orders")[0]) == (2, "full")


def test_a_column_that_is_new_in_the_export_has_its_table_read_as_a_whole(tmp_path: Path) -> None:
    """There is nothing to go on from; other values never become nulls."""
    script = ORDERS + "alter table orders add column note text; update orders set note = 'n' || id;"
    project = shop(tmp_path, CHANGED, script)
    (project / "metrics" / "noted.sql").write_text("select note, count(*) as n from shop.orders group by all")
    check(project)
    generation, _ = again(project)
    assert done(generation, "shop.orders")[0] == "full"
    assert rows(generation.path, "select count(note) from shop.orders") == [(200,)]


def test_a_key_that_names_two_rows_is_refused(tmp_path: Path) -> None:
    """One of them would be lost."""
    script = ORDERS.replace("id integer primary key", "id integer")
    project = make_project(tmp_path / "shop", script, DAILY, CHANGED + 'key = ["amount"]\n')
    run_sqlite(project, "update orders set amount = 5 where id = 6")
    with pytest.raises(SourceValueError, match="amount is no key: 5 is there twice"):
        again(project)


def test_a_slow_metric_is_carried_over_and_catches_up_with_all_that_changed(tmp_path: Path) -> None:
    """Every change between is made up for, though each was seen by one refresh only."""
    project = shop(tmp_path)
    (project / "metrics" / "slow.sql").write_text(
        "-- @pace 1h\nselect placed as day, count(*) as n from shop.orders group by all"
    )
    again(project)
    for number in (500, 501):
        run_sqlite(project, f"insert into orders values ({number}, 1, '2026-01-0{number - 498}', '2026-02-03')")
        generation, _ = again(project, due={"daily"})
    assert done(generation, "slow")[0] == "carried over"
    assert rows(generation.path, "select sum(n) from slow") == [(200,)]
    assert rows(generation.path, "select periods from pacelayer.pending") == [(["2026-01-02", "2026-01-03"],)]
    generation, _ = again(project, due={"slow"})
    assert done(generation, "slow")[0] == "delta"
    assert rows(generation.path, "select sum(n) from slow") == [(202,)]


def test_records_are_kept_over_generations(tmp_path: Path) -> None:
    """What each refresh did."""
    project = shop(tmp_path)
    generation, _ = again(project, full=True)
    counted = "select number, count(*) from pacelayer.builds group by all order by all"
    assert rows(generation.path, counted) == [(1, 2), (2, 2)]


FAILING = {
    "-- @test amount < 1000": (
        "update orders set amount = 5000, changed = '2026-02-02' where id = 9",
        "the test 'amount < 1000' of line 1 does not hold (1 row: day = 2026-01-10)",
    ),
    "-- @test rows >= 0.5 * previous": (
        "delete from orders where placed > '2026-01-03'",
        "the test 'rows >= 0.5 * previous' of line 1 does not hold: it has 3 rows, and had 50",
    ),
}


@pytest.mark.parametrize("test", FAILING)
def test_a_failed_check_names_the_rows_and_keeps_the_old_snapshot(tmp_path: Path, test: str) -> None:
    """Up to ten of them."""
    project = shop(tmp_path)
    (project / "metrics" / "daily.sql").write_text(f"{test}\n{DAILY['daily']}")
    again(project)
    harm, words = FAILING[test]
    run_sqlite(project, harm)
    with pytest.raises(CheckFailed) as caught:
        again(project)
    assert words in str(caught.value)
    assert Store(project / "snapshots", keep=5).current().number == 2


@pytest.mark.parametrize("changed", ["", "update orders set amount = 2, changed = '2026-02-02 00:00:00' where id = 1"])
def test_a_source_that_gets_no_new_rows_any_more_fails_the_check(tmp_path: Path, changed: str) -> None:
    """Also where nothing is published because nothing changed."""
    project = shop(tmp_path)
    settings = project / "pacelayer.toml"
    settings.write_text(settings.read_text() + 'max_source_age = "1h"\n')
    run_sqlite(project, changed)
    with pytest.raises(
        CheckFailed, match=r"the newest row of shop.orders is of 2026-02-0\d .*max_source_age is 3600 s"
    ):
        again(project)


TRAPS = (
    "create type size as enum ('s', 'l')",
    "create table t (id bigint primary key, a int not null, b int not null, s size not null, i interval, f float8)",
    "insert into t select n, n, -n, 's', interval '1 month', 0.0 from generate_series(1, 9) n",
)
# What changes a table of PostgreSQL while hardly a row is written, or is lost between two values that are called equal.
UNSEEN = {
    "a new column in the place of one": ("alter table t drop column a", "alter table t add a int not null default 7"),
    "two columns that change their names": (
        "alter table t rename a to x", "alter table t rename b to a", "alter table t rename x to b",
    ),
    "another name in an enum": ("alter type size rename value 's' to 'm'",),
    "a key that is none any more": (
        "alter table t drop constraint t_pkey", "insert into t values (1, 1, 1, 's')", "delete from t where id = 2",
    ),
    "a month that becomes thirty days": ("update t set i = interval '30 days' where id = 1",),
    "a zero that becomes negative": ("update t set f = '-0' where id = 1",),
}  # fmt: skip


def server_shop(folder: Path, url: sqlalchemy.URL, sql: str, settings: str = "") -> Path:
    """A project over a server's database with one metric, published once."""
    (folder / "shop" / "metrics").mkdir(parents=True)
    (folder / "shop" / "metrics" / "one.sql").write_text(sql)
    (folder / "shop" / "pacelayer.toml").write_text(f'[sources.shop]\nurl = "{written(url)}"\n{settings}')
    check(folder / "shop")
    again(folder / "shop")
    return folder / "shop"


def both_ways(project: Path, sql: str) -> list[list[tuple[Any, ...]]]:
    """Rows after an incremental refresh, and after one from nothing."""
    return [rows(again(project, full=full)[0].path, sql) for full in (False, True)]


def test_postgres_looks_again_from_where_a_table_was_rewritten(postgres: sqlalchemy.URL, tmp_path: Path) -> None:
    """It is read as a whole and published once, though its rows are the same; the next look reads nothing."""
    run(postgres, "create table t (id int primary key)", "insert into t select generate_series(1, 9)")
    project = server_shop(tmp_path, postgres, "select id from shop.t")
    run(postgres, "alter table t add column other int")
    assert done(again(project)[0], "shop.t")[:2] == ("unchanged", 9)
    _, said = again(project)
    assert [type(event) for event in said][-1] is Unchanged


def test_rows_whose_key_is_null_have_their_table_read_as_a_whole(tmp_path: Path) -> None:
    """SQLite lets it be, several times, and nothing tells them apart."""
    table = ORDERS.split(";")[0].replace("id integer primary key", "id text primary key")
    row = "insert into orders values ({}, 1, '2026-01-01', '2026-02-01 12:00:00')"
    project = shop(tmp_path, script=f"{table};{row.format('1')};{row.format('null')};")
    run_sqlite(project, row.format("2"))
    assert rows(again(project)[0].path, "select id from shop.orders order by all") == [("1",), ("2",), (None,)]


@pytest.mark.parametrize("unseen", UNSEEN)
def test_postgres_finds_what_hardly_writes_a_row(postgres: sqlalchemy.URL, tmp_path: Path, unseen: str) -> None:
    """The table is what a refresh from nothing has of it."""
    run(postgres, *TRAPS)
    project = server_shop(tmp_path, postgres, "select id, a, b, s, i, f from shop.t")
    run(postgres, *UNSEEN[unseen])
    found, expected = both_ways(project, "select id, a, b, s, i::varchar, f::varchar from shop.t order by all")
    assert found == expected


# A type that is made of the enum `size`, and a value of it.
MADE_OF = {"size": "s", "size[]": "{s}", "fit": "s", "fits[]": '{"{s}"}', "parcel[]": "{(s)}"}


@pytest.mark.parametrize("kind", MADE_OF)
def test_postgres_finds_another_name_in_an_enum_within_other_types(
    postgres: sqlalchemy.URL, tmp_path: Path, kind: str
) -> None:
    """Arrays, domains and composite types show its names, and nobody writes a row."""
    run(postgres, "create type size as enum ('s', 'l')", "create domain fit as size", "create domain fits as fit[]")
    run(postgres, "create type parcel as (fit fit)", f"create table t (id int primary key, value {kind})")
    run(postgres, f"insert into t values (1, '{MADE_OF[kind]}')")
    settings = "[sources.shop.tables.t]\ntypes = { value = 'VARCHAR' }\n"
    project = server_shop(tmp_path, postgres, "select id, value from shop.t", settings)
    run(postgres, "alter type size rename value 's' to 'm'")
    found, expected = both_ways(project, "from one")
    assert found == expected == [(1, MADE_OF[kind].replace("s", "m"))]


def test_a_table_that_its_source_declares_in_another_way_is_told_of(postgres: sqlalchemy.URL, tmp_path: Path) -> None:
    """Once where that is all, and as long as the key that its rows were told apart by is none."""
    run(postgres, "create table t (id int primary key, note varchar(9))", "insert into t values (1, 'a')")
    project = server_shop(tmp_path, postgres, "select id, note from shop.t")

    def told() -> list[str]:
        return [event.what for event in again(project)[1] if isinstance(event, TableAltered)]

    assert told() == []
    run(postgres, "alter table t alter note type varchar(12)")
    assert [told(), told()] == [["its columns are declared in another way"], []]
    run(postgres, "alter table t drop constraint t_pkey")
    assert [told(), told()] == [["id is not its primary key any more"]] * 2


def test_postgres_policies_that_hide_other_rows_are_found(postgres: sqlalchemy.URL, tmp_path: Path) -> None:
    """Nobody wrote, and as many rows are seen as before."""
    name = f"reader_{postgres.database}"
    run(postgres, *TRAPS, f"create role {name} login", f"grant select on t to {name}")
    run(postgres, "alter table t enable row level security", f"create policy own on t to {name} using (id = 1)")
    try:
        project = server_shop(tmp_path, postgres.set(username=name), "select id from shop.t")
        run(postgres, f"alter policy own on t to {name} using (id = 2)")
        assert both_ways(project, "from one") == [[(2,)], [(2,)]]
    finally:
        run(postgres, f"drop owned by {name}", f"drop role {name}")


def test_a_change_of_the_future_hides_none_of_today(tmp_path: Path) -> None:
    """A clock was wrong once."""
    project = shop(tmp_path)
    run_sqlite(project, "update orders set changed = '2099-01-01' where id = 1")
    again(project)
    run_sqlite(project, "update orders set amount = -5, changed = '2026-02-01 12:30:00' where id = 2")
    assert rows(again(project)[0].path, "select amount from shop.orders where id = 2") == [(-5,)]


def test_an_unsigned_key_that_begins_with_1_is_followed(mysql: sqlalchemy.URL, tmp_path: Path) -> None:
    """The overlap goes back behind the least number that there is."""
    run(mysql, "create table visits (id bigint unsigned primary key)", "insert into visits values (1), (2)")
    settings = "[sources.shop.tables.visits]\nappend_only = true\n"
    project = server_shop(tmp_path, mysql, "select count(*) as n from shop.visits", settings)
    run(mysql, "insert into visits values (3)")
    assert done(again(project)[0], "shop.visits") == ("delta", 3, 1, 0, 0)


SECRETS = """
create table people (id integer primary key, mail text not null, plan text not null);
insert into people select value, 'secret-' || value || '@example.org', 'p' || value % 3
from (with recursive n(value) as (select 1 union all select value + 1 from n where value < 900) select value from n);
"""
PEOPLE = {
    "plans": "select plan, count(*) as n from shop.people group by all",
    "hidden": "select id, 'hidden-' || id || '@example.org' as mail from shop.people",
}
SHOWN = '[sources.shop.tables.people]\ncolumns = ["mail"]\n'
# What the project says after it, which metrics it does without then, and what is not to be seen any more.
WITHDRAWN: dict[str, tuple[str, tuple[str, ...], bytes]] = {
    "a table that is private now": (SHOWN + "private = true\n", (), b"secret-1@"),
    "a column that is excluded now": ('[sources.shop.tables.people]\nexclude = ["mail"]\n', (), b"secret-1@"),
    "a table that no metric reads any more": ("", ("plans", "hidden"), b"secret-1@"),
    "a metric that is gone": (SHOWN, ("hidden",), b"hidden-1@"),
}


@pytest.mark.parametrize("what", WITHDRAWN)
def test_a_file_keeps_no_bytes_of_what_was_withdrawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """What is dropped from a copied file stays in it until something else is written there."""
    monkeypatch.setattr(copying, "COPIED", 0)
    monkeypatch.setattr(copying, "GROWTH", 100)
    settings, without, secret = WITHDRAWN[what]
    project = make_project(tmp_path / "shop", ORDERS + SECRETS, {**DAILY, **PEOPLE}, CHANGED + SHOWN)
    assert secret in again(project)[0].path.read_bytes()
    (project / "pacelayer.toml").write_text(SETTINGS + CHANGED + settings)
    for name in without:
        (project / "metrics" / f"{name}.sql").unlink()
    check(project)
    generation, _ = again(project)
    assert generation.number == 2
    assert secret not in generation.path.read_bytes()


@pytest.mark.parametrize(("written", "mode"), [(39, "delta"), (40, "full")])
def test_a_large_table_of_which_much_was_written_is_read_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int, mode: str
) -> None:
    """From more than a fifth on, the last of those seen before among them; the source counts them first."""
    monkeypatch.setattr(delta, "LARGE", 10)
    project = shop(tmp_path, CHANGED, ORDERS + "update orders set changed = date('2025-01-01', id || ' days');")
    run_sqlite(project, f"update orders set amount = 7, changed = '2026-02-01' where id <= {written}")
    generation, _ = again(project)
    assert done(generation, "shop.orders")[0] == mode
    assert rows(generation.path, "select count(*) from shop.orders where amount = 7") == [(written,)]


@pytest.mark.parametrize("copied", [True, False])
@pytest.mark.parametrize("value", ["null", "'abc'", "'-5'"])
def test_a_column_may_be_called_rowid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, copied: bool
) -> None:
    """DuckDB has a name for the places of rows that is the same."""
    monkeypatch.setattr(copying, "COPIED", 0 if copied else 10**9)
    monkeypatch.setattr(copying, "GROWTH", 10**9)
    script = f"{ORDERS}alter table orders add column rowid text; update orders set rowid = {value};"
    project = shop(tmp_path, CHANGED + 'columns = ["rowid"]\n', script)
    assert type(again(project)[1][-1]) is Unchanged
    run_sqlite(project, "update orders set amount = 0, changed = '2026-03-01' where id = 7")
    generation, _ = again(project)
    assert done(generation, "shop.orders")[2:] == (0, 1, 0)
    assert rows(generation.path, "select count(*), min(amount) from shop.orders") == [(200, 0)]


def test_a_transaction_that_stays_open_does_not_have_the_same_published_again(
    postgres: sqlalchemy.URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written since it began is read at each refresh, as a whole where that is much."""
    monkeypatch.setattr(delta, "LARGE", 10)
    run(
        postgres,
        "create table t (id int primary key, v int)",
        "insert into t select i, i from generate_series(1, 50) i",
    )
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "n.sql").write_text("select count(*) as n, sum(v) as v from shop.t")
    (tmp_path / "pacelayer.toml").write_text(f'[sources.shop]\nurl = "{written(postgres)}"\n')
    check(tmp_path)
    engine = sqlalchemy.create_engine(postgres)
    with engine.connect() as open_:
        open_.exec_driver_sql("select txid_current()")
        run(postgres, "update t set v = v + 1")
        assert isinstance(again(tmp_path)[1][-1], Published)
        assert [type(again(tmp_path)[1][-1]) for _ in range(2)] == [Unchanged, Unchanged]
    engine.dispose()


NARROWED = {
    "a moment to the second": "modify moment datetime not null",
    "a text that ignores case": "modify word varchar(9) collate utf8mb4_general_ci not null",
    "an enum with other names": "modify size enum('s', 'l', 'm') not null",
}


@pytest.mark.parametrize("what", NARROWED)
def test_another_type_at_the_source_has_the_table_read_as_a_whole(
    mysql: sqlalchemy.URL, tmp_path: Path, what: str
) -> None:
    """Also where it is the same one in the snapshot: its values may be others, and no row says so."""
    columns = "moment datetime(6) not null, word varchar(9) collate utf8mb4_bin not null, size enum('s', 'l') not null"
    run(mysql, f"create table t (id int primary key, changed datetime not null, {columns})")
    run(mysql, "insert into t values (1, '2026-02-01', '2026-01-01 00:00:00.25', 'long', 's')")
    settings = '[sources.shop.tables.t]\nchanged = "changed"\n'
    project = server_shop(tmp_path, mysql, "select id, moment, word, size from shop.t", settings)
    run(mysql, f"alter table t {NARROWED[what]}")
    generation, _ = again(project)
    assert done(generation, "shop.t")[0] == "full"
    found, expected = both_ways(project, "from one order by all")
    assert found == expected


CHAIN = """
create table o (id integer primary key, cal integer not null, amt integer not null);
create table r (id integer primary key, oid integer not null, cal integer not null);
create table c (id integer primary key, day date not null);
insert into o values (1, 1, 10), (2, 2, 20);
insert into r values (1, 1, 2);
insert into c values (1, '2026-01-01'), (2, '2026-01-02'), (3, '2026-01-03');
"""
KEYED = "".join(f'[sources.shop.tables.{name}]\nchanged = "id"\n' for name in "orc")


@pytest.mark.parametrize("harm", ["delete from r", "delete from r; insert into r values (2, 2, 99)"])
def test_a_join_behind_an_optional_table_has_the_metric_computed_in_full(tmp_path: Path, harm: str) -> None:
    """A row without the optional table's takes part in other rows of the later one."""
    sql = (
        "select c.day, sum(o.amt) as amt from shop.o o left join shop.r r on r.oid = o.id "
        "join shop.c c on c.id = coalesce(r.cal, o.cal) group by all"
    )
    project = make_project(tmp_path / "shop", CHAIN, {"chain": sql}, KEYED)
    again(project)
    run_sqlite(project, harm)
    found, expected = both_ways(project, "from chain order by all")
    assert found == expected


@contextmanager
def uncommitted(url: sqlalchemy.URL, statement: str) -> Iterator[sqlalchemy.Connection]:
    """A transaction that has written and is not over."""
    engine = sqlalchemy.create_engine(url)
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
        yield connection
    engine.dispose()


def test_postgres_finds_what_was_committed_however_late_it_was(postgres: sqlalchemy.URL, tmp_path: Path) -> None:
    """By its transactions, without any column of a time; and what has no `changed` is not read where nobody wrote."""
    run(postgres, "create table orders (id bigint primary key, amount int not null, placed date not null)")
    run(postgres, "insert into orders select n, n, date '2026-01-01' + n % 9 from generate_series(1, 100) n")
    project = tmp_path / "shop"
    (project / "metrics").mkdir(parents=True)
    (project / "metrics" / "daily.sql").write_text(DAILY["daily"])
    (project / "pacelayer.toml").write_text(f'[sources.shop]\nurl = "{written(postgres)}"\n')
    check(project)
    again(project)
    with uncommitted(postgres, "update orders set amount = 0 where id = 50") as late:
        run(postgres, "update orders set amount = 0 where id = 60")
        assert done(again(project)[0], "shop.orders") == ("delta", 1, 0, 1, 0)
        late.commit()
    assert done(again(project)[0], "shop.orders") == ("delta", 2, 0, 1, 0)
    assert isinstance(again(project)[1][-1], Unchanged)
    run(postgres, "truncate orders", "insert into orders values (1, 1, '2026-01-01')")
    assert done(again(project)[0], "shop.orders") == ("full", 1, 1, 0, 0)
