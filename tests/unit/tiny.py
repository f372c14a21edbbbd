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


def publish(
    root: Path,
    metrics: Mapping[str, str],
    orders: Iterable[Order] = (),
    users: Iterable[User] = (),
    zone: str = "UTC",
) -> Settings:
    """Make the shop and its project in `root`, and publish a snapshot. Rows are numbered from 1."""
    (root / "metrics").mkdir()
    for name, sql in metrics.items():
        (root / "metrics" / f"{name}.sql").write_text(sql, encoding="utf-8")
    (root / project_settings.FILE_NAME).write_text(_TOML.format(zone=zone), encoding="utf-8")
    _write_shop(root / "shop.sqlite", orders, users)
    settings = project_settings.load(root)
    write_lock(root, {source.name: open_source(source, root).shapes() for source in settings.sources})
    project, sources = load(settings)
    with locked(settings.directory):
        refresh(project, sources, Store(settings.directory, settings.snapshots.keep), nobody)
    return settings


@dataclass(frozen=True)
class Asking:
    """The open snapshot of a project."""

    settings: Settings
    reader: Reader[Api]
    generation: OpenGeneration[Api]

    @property
    def metric(self) -> Metric:
        """The first metric of the catalogue."""
        return self.generation.catalog.metrics[0]

    def data(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The data of a GraphQL question, which must not be refused."""
        request, deadline = Request(query, variables or {}), time.monotonic() + SECONDS
        result = answer(request, self.reader, self.generation, self.settings.server, deadline)
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


def _write_shop(path: Path, orders: Iterable[Order], users: Iterable[User]) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(_TABLES)
    connection.executemany(
        "insert into orders values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(number, *map(_stored, order)) for number, order in enumerate(orders, 1)],
    )
    connection.executemany(
        "insert into users values (?, ?, ?)", [(number, *map(_stored, user)) for number, user in enumerate(users, 1)]
    )
    connection.commit()
    connection.close()


def _stored(value: object) -> object:
    """How SQLite is given a value: decimals and dates as text."""
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return str(value) if isinstance(value, Decimal | date) else value
