"""Random histories of a shop: after each refresh, what was kept and changed is what a rebuild from nothing gives.

`PACELAYER_TEST_HISTORIES` says how many histories of each database.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
import sqlalchemy
from hypothesis import given, settings
from hypothesis import strategies as st

from snapshot import build
from snapshot import project as projects
from snapshot import settings as project_settings
from snapshot.events import Event, Published, Unchanged
from snapshot.settings import Settings
from snapshot.source.postgres import parts
from snapshot.store import Generation, Store, locked
from tests.servers import new_database, run, written

from .sources import check, rows
from .test_metrics import quiet

HISTORIES = int(os.environ.get("PACELAYER_TEST_HISTORIES", "2"))
TABLES = (
    "create table users (id bigint primary key, plan varchar(9) not null, updated_at {moment} not null)",
    (
        "create table orders (id bigint primary key, user_id bigint, amount decimal(10,2) not null, "
        "placed_at {plain} not null, gone_at {plain}, updated_at {moment} not null)"
    ),
    "create table visits (id bigint primary key, user_id bigint not null, day date not null)",
    "create table notes (text varchar(20), user_id bigint)",
)
SETTINGS = """
[sources.shop]
url = "{url}"
[sources.shop.tables.users]
changed = "updated_at"
[sources.shop.tables.orders]
changed = "updated_at"
deletes = "soft:gone_at"
[sources.shop.tables.visits]
append_only = true
"""
METRICS = {
    "revenue": (
        "select date_trunc('day', o.placed_at)::date as day, u.plan, count(*) as orders, sum(o.amount) as revenue, "
        "avg(o.amount) as mean, count(distinct o.user_id) as buyers "
        "from shop.orders o join shop.users u on u.id = o.user_id group by all"
    ),
    "guests": (
        "select o.placed_at::date as day, count(*) as orders from shop.orders o "
        "left join shop.users u on u.id = o.user_id where u.id is null group by all"
    ),
    "pairs": (
        "select date_trunc('month', a.placed_at)::date as month, count(*) as n, max(b.amount) as most "
        "from shop.orders a left join shop.orders b on b.user_id = a.user_id and b.id > a.id group by all"
    ),
    "visited": (
        "-- @pace 1h\nselect v.day, count(*) as visits, count(distinct v.user_id) as visitors "
        "from shop.visits v where v.user_id in (select id from shop.users) group by all"
    ),
    "noted": "-- @pace 1h\nselect text, count(*) as n from shop.notes group by all",
    "best": "select user_id, sum(amount) as spent from shop.orders group by all having sum(amount) > 10",
    "named": "with u as (from shop.users where plan <> 'none') select plan, count(*) as n from u group by all",
}
FAST = frozenset(METRICS) - {"visited", "noted"}
NOON = datetime(2026, 2, 27, 12)  # noqa: DTZ001  the shop's times have no zone


@dataclass(frozen=True)
class Act:
    """Something that happens to the shop: statements of one transaction, and how that ends."""

    statements: tuple[str, ...]
    ends: str


@dataclass
class Shop:
    """A database, the transactions that are open in it, and a project over it."""

    engine: sqlalchemy.Engine
    project: Settings
    now: str
    late: bool
    open: list[sqlalchemy.Connection] = field(default_factory=list)
    # The keys of rows that late transactions write: no other writes them, and so waits for their end.
    late_ids: Iterator[int] = field(default_factory=lambda: count(100))

    def do(self, act: Act) -> None:
        """One transaction; a late one is left open. What hurts a constraint does not happen."""
        connection = self.engine.connect()
        try:
            for statement in act.statements:
                late = str(next(self.late_ids)) if "{late}" in statement else ""
                connection.exec_driver_sql(statement.replace("{now}", self.now).replace("{late}", late))
        except sqlalchemy.exc.DBAPIError:
            connection.close()
            return
        if act.ends == "late" and self.late:
            self.open.append(connection)
            return
        connection.rollback() if act.ends == "rolled back" else connection.commit()
        connection.close()

    def end_late(self) -> None:
        """Commit what was left open."""
        for connection in self.open:
            connection.commit()
            connection.close()
        self.open.clear()


def refreshed(project: Settings, due: frozenset[str] | None, *, full: bool = False) -> tuple[Generation, list[Event]]:
    """A refresh of what is due."""
    made, sources = projects.load(project)
    said: list[Event] = []
    with locked(project.directory), patch.object(build, "check_contract"):
        store = Store(project.directory, project.snapshots.keep)
        return build.refresh(made, sources, store, said.append, due=due, full=full, allow_empty=True), said


def contents(generation: Generation) -> dict[str, list[str]]:
    """Every table of the sources, the metrics and their groupings; rows in an order of their own."""
    found = rows(
        generation.path,
        "select schema_name || '.\"' || table_name || '\"' from duckdb_tables() where schema_name <> 'pacelayer'",
    )
    return {table: sorted(map(repr, rows(generation.path, f"from {table}"))) for (table,) in found}


IDS = st.integers(1, 8)
DAYS = st.integers(0, 40).map(lambda hours: f"'{NOON + timedelta(hours=7 * hours)}'")
DATES = st.integers(1, 28).map(lambda day: f"'2026-02-{day:02}'")
AMOUNTS = st.integers(0, 2000).map(lambda cents: f"{cents / 100:.2f}")


@st.composite
def statements(draw: st.DrawFn, ids: st.SearchStrategy[int] = IDS) -> str:
    """One change of one table."""
    number, other = draw(ids), draw(IDS)
    return draw(
        st.sampled_from(
            (
                f"insert into orders values ({number}, {other}, {draw(AMOUNTS)}, {draw(DAYS)}, null, {{now}})",
                f"update orders set amount = {draw(AMOUNTS)}, updated_at = {{now}} where id = {number}",
                f"update orders set placed_at = {draw(DAYS)}, updated_at = {{now}} where id = {number}",
                f"update orders set gone_at = {draw(DAYS)}, updated_at = {{now}} where id = {number}",
                f"update orders set gone_at = null, updated_at = {{now}} where id = {number}",
                f"delete from orders where id = {number}",
                f"update orders set id = {other} + 10, updated_at = {{now}} where id = {number}",
                f"insert into users values ({number}, 'p{other}', {{now}})",
                f"update users set plan = 'p{other}', updated_at = {{now}} where id = {number}",
                f"delete from users where id = {number}",
                f"insert into visits select coalesce(max(id), 0) + 1, {number}, {draw(DATES)} from visits",
                f"insert into notes values ('n{other}', {number})",
                f"delete from notes where user_id = {number}",
            )
        )
    )


ACTS = st.one_of(
    st.builds(Act, st.lists(statements(), min_size=1, max_size=3).map(tuple), st.sampled_from(("kept", "rolled back"))),
    st.builds(
        Act,
        st.builds(
            lambda user, amount, day: (
                f"insert into orders values ({{late}}, {user}, {amount}, {day}, null, {{now}})",
            ),
            *(IDS, AMOUNTS, DAYS),
        ),
        st.just("late"),
    ),
)
# What happens, whether late transactions end then, and what is due.
STEPS = st.lists(
    st.tuples(st.lists(ACTS, max_size=5), st.booleans(), st.sampled_from((None, FAST, frozenset({"visited"})))),
    min_size=1,
    max_size=4,
)


@contextmanager
def shop_in(url: sqlalchemy.URL, folder: Path, moment: str, plain: str, now: str) -> Iterator[Shop]:
    """An empty shop in a database."""
    run(url, *(table.format(moment=moment, plain=plain) for table in TABLES))
    (folder / "metrics").mkdir()
    for name, sql in METRICS.items():
        (folder / "metrics" / f"{name}.sql").write_text(sql)
    (folder / "pacelayer.toml").write_text(SETTINGS.format(url=written(url)))
    with patch.object(projects, "check_contract"):
        check(folder)
    shop = Shop(
        sqlalchemy.create_engine(url), project_settings.load(folder), now, late=url.get_backend_name() != "sqlite"
    )
    try:
        yield shop
    finally:
        for connection in shop.open:
            connection.close()
        shop.engine.dispose()


@contextmanager
def _shop(server: sqlalchemy.URL | None) -> Iterator[Shop]:
    """A shop of its own, on a server or in a file."""
    with TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        if server is None:
            url = sqlalchemy.make_url(f"sqlite:///{folder / 'shop.sqlite'}")
            kinds = ("timestamp", "timestamp", "strftime('%Y-%m-%d %H:%M:%f', 'now')")
        else:
            url = stack.enter_context(new_database(server))
            postgres = url.get_backend_name() == "postgresql"
            kinds = ("timestamptz", "timestamp", "now()") if postgres else ("timestamp(6)", "datetime", "now(6)")
        yield stack.enter_context(shop_in(url, folder, *kinds))


def assert_as_rebuilt(shop: Shop, generation: Generation) -> None:
    """Table by table and metric by metric."""
    rebuilt = replace(shop.project, snapshots=replace(shop.project.snapshots, path="rebuilt"))
    expected = contents(refreshed(rebuilt, None, full=True)[0])
    found = contents(generation)
    assert found.keys() == expected.keys()
    assert {table: rows for table, rows in found.items() if rows != expected[table]} == {}


def live_through(shop: Shop, history: Sequence[tuple[Sequence[Act], bool, frozenset[str] | None]]) -> None:
    """A refresh after each step, and one of everything at the end."""
    refreshed(shop.project, None)
    for acts, late_ones_end, due in history:
        for act in acts:
            shop.do(act)
        if late_ones_end:
            shop.end_late()
        generation, _ = refreshed(shop.project, due)
        if due is None:
            assert_as_rebuilt(shop, generation)
    shop.end_late()
    assert_as_rebuilt(shop, refreshed(shop.project, None)[0])
    generation, events = refreshed(shop.project, None)
    if shop.engine.name == "postgresql" and isinstance(events[-1], Published):
        # A transaction of another database was over only now: what was written during it is read again.
        modes = f"select distinct mode from pacelayer.builds where number = {generation.number} and kind = 'table'"
        assert rows(generation.path, modes) == [("unchanged",)]
    else:
        assert isinstance(events[-1], Unchanged)


@settings(quiet, max_examples=HISTORIES)
@given(history=STEPS)
@pytest.mark.parametrize("kind", ["sqlite", "postgres", "large postgres", "mysql"])
def test_an_incremental_snapshot_is_what_a_rebuild_gives(
    request: pytest.FixtureRequest, kind: str, history: Sequence[tuple[Sequence[Act], bool, frozenset[str] | None]]
) -> None:
    """Whatever was inserted, changed, deleted, marked as deleted, rolled back or committed late in between."""
    server = None if kind == "sqlite" else request.getfixturevalue(f"{kind.removeprefix('large ')}_server")
    blocks = 1 if kind == "large postgres" else parts.LARGE_BLOCKS
    with _shop(server) as shop, patch.object(parts, "LARGE_BLOCKS", blocks):
        live_through(shop, history)
