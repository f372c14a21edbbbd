"""A clock that jumps: generations keep their order, ages are never negative, the pace is kept."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from refresher import Refresher
from snapshot import project as projects
from snapshot import settings as project_settings
from snapshot.build import Clock, now
from snapshot.build import refresh as build_and_publish
from snapshot.events import Event, Published, RefreshFailed, Unchanged, nobody
from snapshot.reader import Reader, Resources
from snapshot.source import Source, TableShape
from snapshot.source.sqlite import SqliteReading, SqliteSource
from snapshot.store import locked, read_status

from ..projects import pacelayer
from .ledger import refresh, store_of

BACK, AHEAD = timedelta(days=-30), timedelta(days=400)


def clock_off_by(shift: timedelta) -> Clock:
    """A clock that is wrong by so much."""
    return lambda: now() + shift


@dataclass(frozen=True)
class Elsewhen:
    """A source whose own clock is wrong by `shift`."""

    source: SqliteSource
    shift: timedelta

    @property
    def name(self) -> str:
        """That of the source."""
        return self.source.name

    @property
    def place(self) -> str:
        """That of the source."""
        return self.source.place

    def shapes(self) -> Mapping[str, TableShape]:
        """Those of the source."""
        return self.source.shapes()

    @contextmanager
    def read(self, tables: Collection[str], end: float = math.inf) -> Iterator[SqliteReading]:
        """A read that believes to have begun at another time."""
        with self.source.read(tables, end) as reading:
            yield replace(reading, as_of=reading.as_of + self.shift)


def refresh_elsewhen(project: Path, shift: timedelta) -> None:
    """A refresh of a source and with a clock that are both wrong."""
    settings = project_settings.load(project)
    definition, sources = projects.load(settings)
    wrong: list[Source] = [Elsewhen(source, shift) for source in sources if isinstance(source, SqliteSource)]
    with locked(settings.directory):
        build_and_publish(definition, wrong, store_of(project), nobody, clock=clock_off_by(shift))


def change_definition(project: Path) -> None:
    """Have a refresher that starts refresh at once, however fresh the current snapshot is."""
    metric = project / "metrics" / "totals.sql"
    metric.write_text(f"-- Entries by account.\n{metric.read_text()}")


def test_generations_keep_their_order_when_the_clock_jumps(ledger: Path) -> None:
    """Numbers order them and only grow, whatever the times in their names say."""
    for shift in (BACK, AHEAD, timedelta(0)):
        refresh(ledger, clock=clock_off_by(shift), full=True)
    generations = store_of(ledger).generations()
    assert [generation.number for generation in generations] == [4, 3, 2, 1]
    assert store_of(ledger).current() == generations[0]
    assert [generation.id for generation in generations] != sorted((g.id for g in generations), reverse=True)


def test_retention_removes_the_lowest_numbers_when_the_clock_has_jumped(ledger: Path) -> None:
    """A generation of the year to come is not kept longer, one of the month before not shorter."""
    for shift in (AHEAD, BACK, BACK, AHEAD, BACK):
        refresh(ledger, clock=clock_off_by(shift), full=True)
    assert [generation.number for generation in store_of(ledger).generations()] == [6, 5, 4, 3, 2]


@pytest.mark.parametrize("shift", [BACK, AHEAD])
def test_a_reader_follows_to_a_generation_that_seems_to_be_of_another_time(ledger: Path, shift: timedelta) -> None:
    """It follows the pointer, not the clock."""
    reader: Reader[None] = Reader(store_of(ledger).directory, Resources(1, "100MB"), lambda _: None, nobody)
    reader.follow()
    refresh(ledger, clock=clock_off_by(shift))
    reader.follow()
    with reader.lease() as generation:
        assert generation.generation.number == 2
    reader.stop()


def test_an_age_is_never_negative(ledger: Path) -> None:
    """The source's clock was ahead: its data seems to be of the future, for the command line and the API alike."""
    refresh_elsewhen(ledger, AHEAD)
    said = json.loads(pacelayer(ledger, "status", "--json").stdout)
    asked = json.loads(pacelayer(ledger, "query", "{ status { age } }").stdout)
    assert datetime.fromisoformat(said["as_of"]) > now() + AHEAD / 2
    assert said["age_in_seconds"] == 0
    assert asked["data"]["status"]["age"] == 0.0


@pytest.mark.parametrize("shift", [BACK, AHEAD])
def test_the_next_refresh_is_planned_within_the_pace_when_the_clock_jumps_during_one(
    ledger: Path, shift: timedelta
) -> None:
    """How long a refresh took is not the difference of two times of day."""
    jumped = timedelta(0)

    def jump(event: Event) -> None:
        nonlocal jumped
        if isinstance(event, Published | RefreshFailed):
            jumped = shift
            refresher.stop.set()

    change_definition(ledger)
    refresher = Refresher(project_settings.load(ledger), jump, lambda: now() + jumped)
    refresher.run()
    status = read_status(store_of(ledger).directory)
    assert status.last_success is not None
    assert status.next_run is not None
    assert status.next_run <= now() + shift + timedelta(seconds=2)


@pytest.mark.parametrize("shift", [BACK, AHEAD])
def test_a_refresher_that_starts_after_the_clock_has_jumped_keeps_the_pace(ledger: Path, shift: timedelta) -> None:
    """The current snapshot is of the future or of long ago: the next one comes within a pace all the same."""
    refresh(ledger, clock=clock_off_by(shift))

    def stop(event: Event) -> None:
        if isinstance(event, Unchanged | RefreshFailed):
            refresher.stop.set()

    refresher = Refresher(project_settings.load(ledger), stop)
    refresher.run()
    assert read_status(store_of(ledger).directory).number == 2


def test_a_clock_that_is_put_back_while_a_refresher_waits_holds_nothing_up(ledger: Path) -> None:
    """Whatever the scheduler's wall clock says, the next refresh comes within a pace."""

    behind = timedelta(0)

    def put_back(event: Event) -> None:
        nonlocal behind
        if isinstance(event, Published | Unchanged):
            seen.append(type(event))
            behind = BACK
            if len(seen) > 1:
                refresher.stop.set()

    seen: list[type[Event]] = []
    change_definition(ledger)
    refresher = Refresher(project_settings.load(ledger), put_back, lambda: now() + behind)
    refresher.run()
    assert seen == [Published, Unchanged]
