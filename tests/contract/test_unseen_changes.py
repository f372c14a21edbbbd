"""Changes that no row tells of, and those of transactions that are late."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy

from snapshot.events import Published, TableAltered, Unchanged
from snapshot.export import delta
from tests.servers import run, written

from .changing import DAILY, again, both_ways, done, server_shop, uncommitted
from .sources import check


def test_what_was_written_during_an_older_transaction_is_read_again_after_it(
    postgres: sqlalchemy.URL, tmp_path: Path
) -> None:
    """Of a table without a key: as a whole, and published once, so that the next look can go on from there."""
    run(postgres, "create table t (v int)", "insert into t values (1)")
    project = server_shop(tmp_path, postgres, "select sum(v) as v from shop.t")
    engine = sqlalchemy.create_engine(postgres)
    with engine.connect() as older:
        older.exec_driver_sql("select txid_current()")
        run(postgres, "insert into t values (2)")
        assert done(again(project)[0], "shop.t")[0] == "full"
        assert isinstance(again(project)[1][-1], Unchanged)
    engine.dispose()
    assert done(again(project)[0], "shop.t")[0] == "unchanged"
    assert isinstance(again(project)[1][-1], Unchanged)


def test_a_zero_that_becomes_negative_is_another_row(postgres: sqlalchemy.URL, tmp_path: Path) -> None:
    """Also where the table is read as a whole: both have one hash."""
    run(postgres, "create table t (f float8, g float4)", "insert into t values (0, 0)")
    run(postgres, "create view v as select * from t")
    project = server_shop(tmp_path, postgres, "select f, g from shop.v")
    for change in ("f = '-0'", "g = '-0'"):
        run(postgres, f"update t set {change}")
        assert isinstance(again(project)[1][-1], Published)
    assert isinstance(again(project)[1][-1], Unchanged)


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


def test_postgres_looks_again_from_where_a_table_was_rewritten(postgres: sqlalchemy.URL, tmp_path: Path) -> None:
    """It is read as a whole and published once, though its rows are the same; the next look reads nothing."""
    run(postgres, "create table t (id int primary key)", "insert into t select generate_series(1, 9)")
    project = server_shop(tmp_path, postgres, "select id from shop.t")
    run(postgres, "alter table t add column other int")
    assert done(again(project)[0], "shop.t")[:2] == ("unchanged", 9)
    _, said = again(project)
    assert [type(event) for event in said][-1] is Unchanged


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
    assert [told(), told()] == [["its columns are declared in another way, so all of it is read"], []]
    run(postgres, "alter table t drop constraint t_pkey")
    assert [told(), told()] == [["id is not its primary key any more, so its changes cannot be told"]] * 2


@pytest.mark.parametrize("server", ["postgres", "mysql"])
def test_columns_that_no_metric_uses_are_told_of_until_the_next_generation(
    request: pytest.FixtureRequest, tmp_path: Path, server: str
) -> None:
    """They are not exported, but whoever looks after the project may want them."""
    url = request.getfixturevalue(server)
    run(url, "create table t (id int primary key, note varchar(9))", "insert into t values (1, 'a')")
    project = server_shop(tmp_path, url, "select id, note from shop.t")

    def told() -> list[str]:
        return [event.what for event in again(project)[1] if isinstance(event, TableAltered)]

    run(url, "alter table t add more int default 3", "insert into t values (2, 'b', 2)")
    assert "it has other columns than before: 'pacelayer check' takes them up" in told()
    assert told() == []
    run(url, "alter table t drop column more", "insert into t values (3, 'c')")
    assert "it has other columns than before: 'pacelayer check' takes them up" in told()
    assert told() == []


def test_a_table_of_postgres_that_was_written_anew_is_told_of(postgres: sqlalchemy.URL, tmp_path: Path) -> None:
    """For all of it is read, though few rows may have changed."""
    run(postgres, "create table t (id int primary key)", "insert into t values (1)")
    project = server_shop(tmp_path, postgres, "select id from shop.t")
    run(postgres, "truncate t", "insert into t values (1), (2)")
    said = [[event.what for event in again(project)[1] if isinstance(event, TableAltered)] for _ in range(2)]
    assert said == [["it was altered, written anew or exchanged at its source, so all of it is read"], []]


def test_postgres_tables_that_others_inherit_from_have_no_key(postgres: sqlalchemy.URL, tmp_path: Path) -> None:
    """It names one row among their own only."""
    run(postgres, "create table t (id int primary key, v int)", "create table u () inherits (t)")
    run(postgres, "insert into t values (1, 1), (2, 2)", "insert into u values (1, 10)")
    project = server_shop(tmp_path, postgres, "select id, v from shop.t")
    run(postgres, "update u set v = 11", "delete from t where id = 2", "insert into t values (3, 3)")
    assert both_ways(project, "from one order by all") == [[(1, 1), (1, 11), (3, 3)]] * 2


def test_another_database_of_the_same_name_is_read_anew(postgres: sqlalchemy.URL, tmp_path: Path) -> None:
    """Though its tables and their files have the same numbers, as of one that it was copied from."""
    run(postgres, "create table t (id int primary key, v int)", "insert into t values (1, 1)")
    server, name = postgres.set(database="postgres"), postgres.database
    run(server, f"create database {name}_copy template {name}")
    try:
        run(postgres, "update t set v = 999")
        project = server_shop(tmp_path, postgres, "select id, v from shop.t")
        run(server, f"alter database {name} rename to {name}_old", f"alter database {name}_copy rename to {name}")
        assert both_ways(project, "from one") == [[(1, 1)]] * 2
    finally:
        run(server, f"drop database if exists {name}_old", f"drop database if exists {name}_copy")


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
