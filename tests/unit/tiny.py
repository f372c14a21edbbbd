"""A small shop in a SQLite file, published in this process, and questions asked of its snapshot."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from graphql import GraphQLError

from gql.answer import Request, answer
from gql.schema import Api, build
from snapshot import settings as project_settings
from snapshot.build import refresh
from snapshot.catalog import Metric
from snapshot.events import nobody
from snapshot.project import load
from snapshot.reader import OpenGeneration, Reader, Resources
from snapshot.settings import Settings
from snapshot.source import open_source, write_lock
from snapshot.store import Store, locked

SECONDS = 30.0
_TOML = """
name = "Tiny"
time_zone = "{zone}"
[sources.shop]
url = "sqlite:///shop.sqlite"
"""
_TABLES = """
drop table if exists orders;
drop table if exists users;
create table orders (
    id integer primary key, user_id integer, region text, amount decimal(10,2) not null, fee decimal(8,3), weight real,
    paid boolean not null, due date, placed_at timestamp not null);
create table users (id integer primary key, plan text not null, born date);
"""


class Order(NamedTuple):
    """One row of `shop.orders`; what a test does not care about has a value of its own."""

    user_id: int | None = 1
    region: str | None = "eu"
    amount: Decimal = Decimal("1.00")
    fee: Decimal | None = None
    weight: float | None = None
    paid: bool = True
    due: date | None = None
    placed_at: datetime = datetime(2026, 3, 1, 12)  # noqa: DTZ001  the shop's times have no zone


class User(NamedTuple):
    """One row of `shop.users`."""

    plan: str = "free"
    born: date | None = None


def make(root: Path, metrics: Mapping[str, str], zone: str = "UTC") -> Settings:
    """A project in `root` over an empty shop; nothing is published yet."""
    (root / "metrics").mkdir()
    for name, sql in metrics.items():
        (root / "metrics" / f"{name}.sql").write_text(sql, encoding="utf-8")
    (root / project_settings.FILE_NAME).write_text(_TOML.format(zone=zone), encoding="utf-8")
    settings = project_settings.load(root)
    fill(settings)
    write_lock(root, {source.name: open_source(source, root).shapes() for source in settings.sources})
    return settings


def fill(settings: Settings, orders: Iterable[Order] = (), users: Iterable[User] = ()) -> None:
    """Put these rows into the shop, numbered from 1, in place of those that were there."""
    connection = sqlite3.connect(settings.root / "shop.sqlite")
    connection.executescript(_TABLES)
    for table, rows in (("orders", orders), ("users", users)):
        for number, row in enumerate(rows, 1):
            values = (number, *map(_stored, row))
            connection.execute(f"insert into {table} values ({', '.join('?' * len(values))})", values)
    connection.commit()
    connection.close()


def publish(
    root: Path,
    metrics: Mapping[str, str],
    orders: Iterable[Order] = (),
    users: Iterable[User] = (),
    zone: str = "UTC",
) -> Settings:
    """A project in `root` over a shop with these rows, and a snapshot of it."""
    settings = make(root, metrics, zone)
    fill(settings, orders, users)
    publish_again(settings)
    return settings


def publish_again(settings: Settings) -> None:
    """Publish a snapshot of the shop as it is now."""
    project, sources = load(settings)
    with locked(settings.directory):
        refresh(project, sources, Store(settings.directory, settings.snapshots.keep), nobody, allow_empty=True)


@dataclass(frozen=True)
class Asking:
    """The open snapshot of a project."""

    settings: Settings
    reader: Reader[Api]
    generation: OpenGeneration[Api]

    def metric(self, name: str) -> Metric:
        """A metric of the catalogue."""
        return next(metric for metric in self.generation.catalog.metrics if metric.name == name)

    def data(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The data of a GraphQL question, which must not be refused."""
        request, deadline = Request(query, variables or {}), time.monotonic() + SECONDS
        result = answer(request, self.reader, self.settings.server, deadline)
        assert not result.errors, result.errors
        assert result.data is not None
        return result.data

    def refusal(self, query: str) -> str:
        """The code of the refusal of a question."""
        try:
            data = self.data(query)
        except GraphQLError as error:
            return str((error.extensions or {})["code"])
        raise AssertionError(f"not refused: {data}")

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query of the snapshot."""
        return self.generation.query(sql, parameters, time.monotonic() + SECONDS)


@contextmanager
def asking(settings: Settings) -> Iterator[Asking]:
    """Questions to the current snapshot of a project."""
    failures: list[object] = []
    reader = Reader(settings.directory, Resources(1, "1GB"), build, failures.append)
    reader.follow()
    try:
        with reader.lease() as generation:
            yield Asking(settings, reader, generation)
    finally:
        reader.stop()


def _stored(value: object) -> object:
    """How SQLite is given a value: decimals and dates as text."""
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return str(value) if isinstance(value, Decimal | date) else value
