"""Projects whose sources change between refreshes, and what a refresh did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy

from snapshot import project as projects
from snapshot import settings as project_settings
from snapshot.build import refresh
from snapshot.events import Event
from snapshot.store import Generation, Store, locked
from tests.servers import written

from .sources import check, make_project, rows

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


@contextmanager
def uncommitted(url: sqlalchemy.URL, statement: str) -> Iterator[sqlalchemy.Connection]:
    """A transaction that has written and is not over."""
    engine = sqlalchemy.create_engine(url)
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
        yield connection
    engine.dispose()
