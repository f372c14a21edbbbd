"""Small projects of our own: a SQLite file, some metrics, and the real refresh in this process."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from snapshot import settings
from snapshot.build import refresh
from snapshot.events import nobody
from snapshot.project import check, load
from snapshot.store import Generation, Store, locked

# Metrics of which every number tells the generation: the n-th one has n orders.
COUNTED = {
    "sales": """
        select date_trunc('day', o.created_at)::date as day, count(*) as orders, sum(o.amount) as revenue
        from shop.orders o group by all""",
    "latest": "select count(*) as orders, max(id) as last_id from shop.orders",
}
ORDERS = "create table orders (id integer primary key, amount decimal(10, 2) not null, created_at datetime not null);"


def make_project(root: Path, script: str, metrics: Mapping[str, str], more: str = "", pace: str = "1h") -> Path:
    """A project over a new SQLite file made by `script`; `more` is added to its pacelayer.toml."""
    (root / "metrics").mkdir(parents=True)
    change(root, script)
    text = f'name = "Shop"\npace = "{pace}"\n[sources.shop]\nurl = "sqlite:///shop.sqlite"\n{more}\n'
    (root / "pacelayer.toml").write_text(text)
    for name, sql in metrics.items():
        (root / "metrics" / f"{name}.sql").write_text(sql)
    report = check(root)
    assert report.problems == ()
    return root


def change(project: Path, script: str) -> None:
    """Run SQL in the source of a project."""
    with closing(sqlite3.connect(project / "shop.sqlite")) as shop:
        shop.executescript(script)


def add_order(project: Path) -> None:
    """One order more, of 1.10, in one of the first ten days of 2026."""
    change(
        project,
        "insert into orders (amount, created_at) select 1.10, '2026-01-' || printf('%02d', 1 + count(*) % 10) "
        "|| ' 10:00:00' from orders",
    )


class Publisher:
    """Refreshes a project for real, as `pacelayer refresh` does, without the start of a process each time."""

    def __init__(self, project: Path) -> None:
        self._settings = settings.load(project)
        self._project, self._sources = load(self._settings)

    def publish(self) -> Generation:
        """One refresh."""
        directory = self._settings.directory
        with locked(directory):
            return refresh(self._project, self._sources, Store(directory, self._settings.snapshots.keep), nobody)


def publish(project: Path) -> Generation:
    """One refresh of a project."""
    return Publisher(project).publish()
