"""Metrics of different paces, in one project: each is refreshed when it is due, and says how old it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from refresher import Refresher
from snapshot import project as projects
from snapshot import settings as project_settings
from snapshot.build import now, refresh
from snapshot.errors import SourceUnavailable
from snapshot.events import nobody
from snapshot.reader import read_catalog
from snapshot.store import Generation, Store, locked, read_status

from .sources import check, run_sqlite

TABLE = "create table {0} (id integer primary key, day date not null); insert into {0} values (1, '2026-01-01');"
SOURCE = '[sources.{0}]\nurl = "sqlite:///{0}.sqlite"\n'
METRIC = "-- @pace {0}\nselect day, count(*) as n from {1} group by all"


@dataclass
class Shop:
    """A project whose refreshes are made at the moments that a test says, from now on."""

    root: Path
    passed: timedelta = timedelta(0)

    def make(self, tables: dict[str, tuple[str, str]]) -> None:
        """Metrics by name, each of a pace and a table (`source.table`)."""
        (self.root / "metrics").mkdir(parents=True)
        names = sorted({table.partition(".")[0] for _, table in tables.values()})
        (self.root / "pacelayer.toml").write_text('name = "Shop"\n' + "".join(map(SOURCE.format, names)))
        for name, (pace, table) in tables.items():
            source, _, short = table.partition(".")
            run_sqlite(self.root, TABLE.format(short), source)
            (self.root / "metrics" / f"{name}.sql").write_text(METRIC.format(pace, table))
        check(self.root)

    def refresh(self, *due: str) -> Generation:
        """A refresh of some metrics."""
        settings = project_settings.load(self.root)
        project, sources = projects.load(settings)
        with locked(settings.directory):
            store = Store(settings.directory, keep=5)
            return refresh(project, sources, store, nobody, clock=lambda: now() + self.passed, due=due or None)

    def restarted(self) -> Refresher:
        """A refresher that has just begun."""
        refresher = Refresher(project_settings.load(self.root), nobody, lambda: now() + self.passed)
        refresher._plan()
        return refresher


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """One without anything in it."""
    return Shop(tmp_path / "shop")


def test_a_look_at_one_table_does_not_make_the_metrics_of_another_one_fresh(shop: Shop) -> None:
    """However often a refresher starts while the fast ones find nothing changed, the slow one comes when it is due."""
    shop.make({"fast": ("1m", "shop.a"), "slow": ("1h", "shop.b")})
    shop.refresh()
    shop.passed = timedelta(minutes=50)
    shop.refresh("fast")
    assert shop.restarted().pace.seconds_left() == pytest.approx(60, abs=10)
    shop.passed = timedelta(minutes=61)
    shop.refresh("fast")
    refresher = shop.restarted()
    refresher.pace.tick()
    assert refresher.pace.due == {"slow"}


def test_a_look_that_found_nothing_is_remembered_when_another_metric_is_published(shop: Shop) -> None:
    """Else a refresher that starts would look again at once."""
    shop.make({"fast": ("1m", "shop.a"), "slow": ("1h", "shop.b")})
    shop.refresh()
    shop.passed = timedelta(minutes=50)
    shop.refresh()
    run_sqlite(shop.root, "insert into a values (2, '2026-01-02')")
    shop.passed = timedelta(minutes=70)
    assert shop.refresh("fast").number == 2
    refresher = shop.restarted()
    refresher.pace.tick()
    assert refresher.pace.due == set()


def test_with_several_sources_a_snapshot_is_as_of_the_earliest(shop: Shop) -> None:
    """Also where only the others were read, whether they had changed or not; it is stale by the paces of each."""
    shop.make({"fast": ("1m", "near.t"), "slow": ("1h", "far.t")})
    first = read_catalog(shop.refresh().path)
    early = {source.name: source.as_of for source in first.sources}
    run_sqlite(shop.root, "insert into t values (2, '2026-01-02')", "near")
    second = read_catalog(shop.refresh("fast").path)
    late = {source.name: source.as_of for source in second.sources}
    info, metrics = second.snapshot, {metric.name: metric.computed_at for metric in second.metrics}
    assert info.as_of == early["far"] == late["far"] < late["near"]
    assert info.stale_after == late["near"] + timedelta(minutes=2)
    assert metrics == {"fast": late["near"], "slow": early["far"]}

    assert shop.refresh("fast").number == 2
    said = read_status(shop.root / "snapshots")
    assert said.as_of == early["far"]
    assert said.stale_after is not None
    assert said.stale_after > info.stale_after
    shop.refresh()
    renewed, _ = read_status(shop.root / "snapshots").renewed(2, info.as_of, info.stale_after)
    assert renewed > late["near"]


def test_a_project_that_is_read_again_is_refreshed_once(shop: Shop) -> None:
    """With all that is due by what it says now."""
    shop.make({"fast": ("1m", "shop.a"), "slow": ("1h", "shop.b")})
    shop.refresh()
    refresher = shop.restarted()
    (shop.root / "metrics" / "slow.sql").write_text(METRIC.format("1h", "shop.b where id > 0"))
    refresher.reload.set()
    shop.passed = timedelta(minutes=2)
    refresher.pace.due = {"fast"}
    with locked(refresher.settings.directory):
        refresher._refresh()
    assert Store(refresher.settings.directory, keep=5).current().number == 2
    refresher.pace.tick()
    assert refresher.pace.due == set()
    assert refresher.pace.seconds_left() > 30


def test_however_often_it_failed_a_refresh_is_tried_again(shop: Shop) -> None:
    """Days without a source are a thousand failures and more."""
    shop.make({"fast": ("1m", "shop.a")})
    refresher = shop.restarted()
    delays = [refresher._delay(SourceUnavailable("it is gone"), failures) for failures in (0, 20, 1_024, 10**6)]
    assert delays[0] < 2
    assert all(1 <= delay <= 60 for delay in delays[1:])
