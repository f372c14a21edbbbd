"""PostgreSQL and MariaDB as sources: read at one moment, never harmed, and told plainly when something is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import adbc_driver_manager as adbc
import nanoarrow
import pytest
import sqlalchemy

from snapshot.errors import SourceUnavailable
from snapshot.settings import SourceSettings
from snapshot.source import Reading, Source, open_source
from snapshot.source.cursor import CursorReading, CursorSource
from snapshot.source.postgres.reading import PostgresReading
from snapshot.store import Store
from tests import servers
from tests.projects import ask, copy_project, pacelayer, serving
from tests.servers import copy_harbor, run, written

from .conftest import SERVERS
from .sources import SERVER_VAULT, check, exported_from, publish, rows


def test_a_read_cannot_write(vault: sqlalchemy.URL) -> None:
    """Whatever a bug of ours would send."""
    with pytest.raises(SourceUnavailable, match=r"(?i)read.only"):
        send(open_source(SourceSettings("shop", written(vault)), Path()), "delete from vault")


def send(found: Source, sql: str) -> None:
    """Run a statement in the transaction of a read."""
    with found.read(["vault"]) as reading:
        send_in(reading, sql)


def send_in(reading: Reading, sql: str) -> None:
    """Run a statement."""
    assert isinstance(reading, CursorReading | PostgresReading)
    if isinstance(reading, CursorReading):
        reading.connection.exec_driver_sql(sql)
        return
    with adbc.AdbcStatement(reading.connection) as statement:
        statement.set_sql_query(sql)
        statement.execute_update()


def test_a_table_that_may_not_be_read_is_named(postgres: sqlalchemy.URL, tmp_path: Path) -> None:
    """And not taken for an empty one."""
    role = f"reader_{(postgres.database or '')[-6:]}"
    run(postgres, *SERVER_VAULT, f"create role {role} login", f"grant select on vault to {role}")
    try:
        found = CursorSource(SourceSettings("shop", ""), postgres.set(username=role))
        with pytest.raises(SourceUnavailable, match="accounts"), exported_from(found, tmp_path):
            pytest.fail("it was exported")
    finally:
        run(postgres, f"drop owned by {role}", f"drop role {role}")


def test_a_table_without_transactions_is_refused(mysql: sqlalchemy.URL, tmp_path: Path) -> None:
    """MyISAM shows what is there at the moment, whatever else was read."""
    run(mysql, "create table things (id bigint primary key) engine = MyISAM")
    found = open_source(SourceSettings("shop", written(mysql)), Path())
    with (
        pytest.raises(SourceUnavailable, match=r"'shop\.things' is of the engine MyISAM"),
        exported_from(found, tmp_path),
    ):
        pytest.fail("it was exported")


def test_a_schema_of_ones_own_is_read(postgres: sqlalchemy.URL, project_over: Callable[..., Path]) -> None:
    """`schema` names it; the default one is not looked into."""
    run(postgres, "create schema sales", "create table sales.deals (id bigint primary key, won boolean)")
    run(postgres, "insert into sales.deals values (1, true)")
    project = project_over(postgres, 'schema = "sales"', won="select count(*) filter (won) as won from shop.deals")
    assert rows(publish(project).path, "from won") == [(1,)]


def test_a_metric_joins_across_sources(postgres: sqlalchemy.URL, mysql: sqlalchemy.URL, tmp_path: Path) -> None:
    """Each source is a schema of the snapshot and has a moment of its own."""
    run(
        postgres,
        "create table users (id bigint primary key, plan text not null)",
        "insert into users values (1, 'pro')",
    )
    run(
        mysql,
        "create table orders (id bigint primary key, user_id bigint not null)",
        "insert into orders values (7, 1)",
    )
    (tmp_path / "metrics").mkdir()
    urls = f'[sources.crm]\nurl = "{written(postgres)}"\n[sources.shop]\nurl = "{written(mysql)}"\n'
    (tmp_path / "pacelayer.toml").write_text(urls)
    sql = "select u.plan, count(*) as orders from shop.orders o join crm.users u on u.id = o.user_id group by all"
    (tmp_path / "metrics" / "plans.sql").write_text(sql)
    check(tmp_path)
    path = publish(tmp_path).path
    assert rows(path, "from plans") == [("pro", 1)]
    assert [name for (name,) in rows(path, "select name from pacelayer.sources order by name")] == ["crm", "shop"]
    assert rows(path, "select count(distinct as_of) from pacelayer.sources") == [(2,)]


TABLES = ("shop.users", "shop.products", "shop.orders", "shop.events")


@pytest.mark.parametrize("server", SERVERS)
def test_the_demo_is_the_same_over_every_database(
    request: pytest.FixtureRequest, server: str, published: Path, harbor_source: Path, tmp_path: Path
) -> None:
    """Table by table, metric by metric, and as the API answers."""
    url: sqlalchemy.URL = request.getfixturevalue(server)
    copy_harbor(harbor_source, url)
    project = copy_project(tmp_path / "project", harbor_source)
    (project / "harbor.sqlite").unlink()
    settings = project / "pacelayer.toml"
    settings.write_text(settings.read_text().replace("sqlite:///harbor.sqlite", written(url)))
    assert pacelayer(project, "check").stderr == "", "sources.lock or the contract has changed"
    pacelayer(project, "refresh")
    ours, theirs = (Store(one / "snapshots", 5).current().path for one in (project, published))
    metrics = [path.stem for path in (project / "metrics").glob("*.sql")]
    for table in (*TABLES, *metrics):
        described = f"select column_name, column_type from (describe {table})"
        assert rows(ours, described) == rows(theirs, described), table
        assert rows(ours, f"select * from {table} order by all") == rows(theirs, f"select * from {table} order by all")
    query = (
        "{ revenue(by: [MONTH, PLAN], orderBy: [{month: ASC}]) { nodes { month plan revenue buyers averageOrder } } }"
    )
    with serving(project) as base, serving(published) as other:
        assert ask(base, query) == ask(other, query)


def test_a_user_who_may_read_some_columns_only_is_enough(
    postgres: sqlalchemy.URL, project_over: Callable[..., Path]
) -> None:
    """A table whose other columns are nobody's business cannot be locked, and is read without."""
    run(postgres, *SERVER_VAULT, "create role rev_some login", "grant select (id, amount) on vault to rev_some")
    try:
        project = project_over(postgres.set(username="rev_some"), held="select sum(amount) as amount from shop.vault")
        assert rows(publish(project).path, "from held") == [(1000,)]
    finally:
        run(postgres, "drop owned by rev_some", "drop role rev_some")


def test_text_of_a_database_in_another_encoding_is_what_it_says(
    postgres_server: sqlalchemy.URL, project_over: Callable[..., Path]
) -> None:
    """Its bytes are not taken for UTF-8."""
    with servers.new_database(
        postgres_server, "encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0"
    ) as url:
        run(
            url, "create table words (id bigint primary key, word text)", "insert into words values (1, 'Ã©'), (2, 'é')"
        )
        project = project_over(url, words="select id, word from shop.words order by id")
        assert rows(publish(project).path, "select word from words") == [("Ã©",), ("é",)]


def test_what_the_server_or_the_role_would_have_instead_changes_nothing(
    postgres: sqlalchemy.URL, project_over: Callable[..., Path]
) -> None:
    """Digits of floats, styles of dates and intervals, the zone."""
    styles = {
        "extra_float_digits": "0",
        "datestyle": "German",
        "intervalstyle": "sql_standard",
        "timezone": "Asia/Tokyo",
    }
    name = postgres.database
    run(postgres, *(f"alter database {name} set {setting} = '{value}'" for setting, value in styles.items()))
    run(postgres, "create table odd (id bigint primary key, f float8[], i interval, t timestamptz, d date)")
    values = "'{0.30000000000000004}', '-1 years -2 mons +3 days', '2026-01-01 00:00+00', '2026-02-03'"
    run(postgres, f"insert into odd values (1, {values})")
    project = project_over(postgres, odd="select f, i::varchar as i, t at time zone 'UTC' as t, d from shop.odd")
    ((floats, interval, moment, day),) = rows(publish(project).path, "from odd")
    assert floats == [0.30000000000000004]
    assert interval == "-1 year -2 months 3 days"
    assert (str(moment), str(day)) == ("2026-01-01 00:00:00", "2026-02-03")


def test_a_text_longer_than_a_packet_is_not_null(mysql: sqlalchemy.URL, project_over: Callable[..., Path]) -> None:
    """A cast of it would be, with a warning that nobody reads."""
    run(mysql, "create table texts (id bigint primary key, word longtext character set latin1)")
    run(mysql, "insert into texts values (1, repeat(convert('é' using latin1), 9000000))")
    project = project_over(mysql, texts="select id, length(word) as letters from shop.texts")
    assert rows(publish(project).path, "select letters from texts") == [(9_000_000,)]


@pytest.mark.parametrize("server", SERVERS)
def test_odd_names_are_names(request: pytest.FixtureRequest, server: str, project_over: Callable[..., Path]) -> None:
    """A percent sign, quotes, blanks, other scripts; and what DuckDB cannot hold stands in nobody's way."""
    url: sqlalchemy.URL = request.getfixturevalue(server)
    quote = '"' if server == "postgres" else "`"
    columns = f"{quote}rate%{quote} int, {quote}цена{quote} int"
    run(url, f"create table {quote}odd % table{quote} (id bigint primary key, {columns})")
    run(url, f"insert into {quote}odd % table{quote} values (1, 2, 3)")
    if server == "postgres":
        run(
            url, 'create table twice ("A" int, a int)', 'create table "Orders" (id int)', "create table orders (id int)"
        )
        run(url, "create table hollow ()")
    project = project_over(url, odd='select "rate%" as rate, "цена" as price from shop."odd % table"')
    assert rows(publish(project).path, "from odd") == [(2, 3)]


@pytest.mark.parametrize("server", SERVERS)
def test_an_export_holds_little_and_more_only_for_rows_that_need_it(
    request: pytest.FixtureRequest, server: str, tmp_path: Path
) -> None:
    """DuckDB compresses two thousand rows at once: thirty such texts have to be held together."""
    url: sqlalchemy.URL = request.getfixturevalue(server)
    run(
        url,
        "create table deeds (id bigint primary key, text longtext)".replace(
            "long", "" if server == "postgres" else "long"
        ),
    )
    for number in range(30):
        run(url, f"insert into deeds values ({number}, repeat('x{number}', 2000000))")
    with exported_from(open_source(SourceSettings("shop", written(url)), tmp_path), tmp_path) as connection:
        assert connection.execute("select count(*) from shop.deeds").fetchall() == [(30,)]


def test_a_read_leaves_no_setting_in_a_session(postgres: sqlalchemy.URL, tmp_path: Path) -> None:
    """A pooler hands the session to somebody else, who may want to write."""
    found = open_source(SourceSettings("shop", written(postgres)), tmp_path)
    said = ("transaction_read_only", "lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
    with found.engine().connect() as connection:
        assert connection.exec_driver_sql("show transaction_read_only").scalar() == "on"
        plain = connection.connection.dbapi_connection
        assert plain is not None
        plain.rollback()
        cursor = plain.cursor()
        assert [cursor.execute(f"show {name}").fetchone()[0] for name in said] == ["off", "0", "0", "0"]
    with found.read([]) as reading:
        assert isinstance(reading, PostgresReading)
        reading.connection.rollback()
        shown = ", ".join(f"current_setting('{name}') as {name}" for name in said)
        statement = adbc.AdbcStatement(reading.connection)
        statement.set_sql_query(f"select {shown}")
        stream, _ = statement.execute_query()
        assert list(nanoarrow.ArrayStream(stream).read_all().to_pylist()[0].values()) == ["off", "0", "0", "0"]
        statement.close()
