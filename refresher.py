"""The refresher: one process that computes every answer at its pace and publishes it, and never stops trying.

    python refresher.py [--project DIR]

SIGTERM and SIGINT end it after the current step; SIGHUP has it read the project's files again before the next refresh.
A second refresher of a directory waits, and takes over when the first one ends.
"""

from __future__ import annotations

import argparse
import logging
import random
import signal
import sys
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from snapshot import settings as project_settings
from snapshot.alarm import tell_once
from snapshot.build import Clock, now, refresh
from snapshot.errors import DiskFailed, Locked, PacelayerError, Problem, ProjectError, code_of
from snapshot.events import (
    Event,
    MetricComputed,
    Observer,
    PaceMissed,
    Published,
    RefreshFailed,
    Repaired,
    TableAltered,
    TableExported,
    Unchanged,
)
from snapshot.pace import Pace
from snapshot.project import load
from snapshot.reader import read_catalog
from snapshot.settings import Settings
from snapshot.store import Store, locked, read_status, recorded, write_status

log = logging.getLogger("pacelayer.refresher")

# Seconds until a failed refresh is tried again: doubled with each failure, with jitter, at most until the next tick.
FIRST_RETRY, MOST_DOUBLED = 1.0, 30
# How often a waiting refresher looks whether the directory is free.
LOCK_SECONDS = 1.0
# The lock, the status and the generations are those of a directory: a refresher has one as long as it lives.
MOVED = Problem("pacelayer.toml", 0, "the path of [snapshots] is another one now", "start the refresher again")


class Stopped(BaseException):
    """A signal came while a refresh was going on; nothing was published, and nothing failed."""


class Refresher:
    """One project's refreshes. `stop` is set to end it, `reload` to have the project's files read again."""

    def __init__(self, settings: Settings, observe: Observer, clock: Clock = now) -> None:
        self.settings, self.clock, self._observer = settings, clock, observe
        self.stop, self.reload = threading.Event(), threading.Event()
        self.project, self.sources = load(settings)
        self.pace = Pace()
        # The moment of the monotonic clock before which what failed is not tried again.
        self._retry_at = 0.0
        # The code of the failure that somebody was told of.
        self._told = ""

    def run(self) -> None:
        """Refresh at the project's pace until `stop`; wait while another has the directory, or it cannot be made."""
        waiting = ""
        while not self.stop.is_set():
            try:
                with locked(self.settings.directory):
                    if waiting:  # the project may have changed meanwhile
                        self.reload.set()
                    self._keep_pace()
            except (Locked, DiskFailed) as error:
                if str(error) != waiting:
                    waiting = str(error)
                    log.warning("waiting: %s", error)
                self.stop.wait(LOCK_SECONDS)

    def _keep_pace(self) -> None:
        self._read_again()
        self._plan()
        while not self.stop.is_set():
            self.pace.tick()
            if self.pace.due and time.monotonic() >= self._retry_at:
                self._refresh()
            else:
                self.stop.wait(self._seconds_left())

    def _plan(self) -> None:
        """Begin with what is left of the paces since the current snapshot: nothing where the project has changed."""
        paces = {definition.metric.name: definition.metric.pace for definition in self.project.definitions}
        self.pace.plan(paces, self._left(paces))
        self._retry_at = 0.0

    def _left(self, paces: Mapping[str, int]) -> dict[str, float]:
        """Seconds for which each metric is still good."""
        try:
            catalog = read_catalog(Store(self.settings.directory, keep=1).current().path)
        except PacelayerError:
            return {}
        info = catalog.snapshot
        if info.definition_hash != self.project.definition_hash:
            return {}
        seen, now = read_status(self.settings.directory).seen(info.number), self.clock()
        computed = {m.name: seen.get(m.name, m.computed_at) for m in catalog.metrics}
        return {name: paces.get(name, 0) - (now - moment).total_seconds() for name, moment in computed.items()}

    def _seconds_left(self) -> float:
        """Until the next tick, or the next try of what is due."""
        seconds = self.pace.seconds_left()
        return min(seconds, max(0.0, self._retry_at - time.monotonic())) if self.pace.due else seconds

    def _refresh(self) -> None:
        """Refresh what is due; it stays due where that fails, and is tried again sooner where it may heal."""
        begun, directory = time.monotonic(), self.settings.directory
        try:
            with recorded(directory, self.clock):
                problem = self._read_again()
                self.pace.tick()
                due = frozenset(self.pace.due)
                store = Store(directory, self.settings.snapshots.keep, observe=self._observe)
                refresh(self.project, self.sources, store, self._observe, clock=self.clock, due=due)
                self.pace.done(due)
                if problem:
                    raise problem
            self._told = ""
            self._complain_of(due, time.monotonic() - begun)
        except Stopped:
            Store(directory, self.settings.snapshots.keep).clean()
            return
        except Exception as error:
            delay = self._delay(error, read_status(directory).failures)
            self._retry_at = time.monotonic() + delay
            if not isinstance(error, PacelayerError):
                log.error("an error that nobody foresaw", exc_info=error)
            self._tell(RefreshFailed(code_of(error), str(error), delay))
        self._say_next()

    def _tell(self, failure: RefreshFailed) -> None:
        """The observer of every failure; whoever the project names, of the first of a row of them."""
        self._observer(failure)
        tell_once(self.settings.on_failure, self.settings.name, failure, self._told)
        self._told = failure.code

    def _complain_of(self, due: Collection[str], seconds: float) -> None:
        """A refresh that takes longer than its pace: the ticks that it missed are made up for by one."""
        pace = min((d.metric.pace for d in self.project.definitions if d.metric.name in due), default=0)
        if seconds > pace > 0:
            self._observer(PaceMissed(pace, seconds))

    def _say_next(self) -> None:
        """Write down when the next refresh is meant to begin, by the wall clock."""
        directory, moment = self.settings.directory, self.clock() + timedelta(seconds=self._seconds_left())
        try:
            write_status(directory, replace(read_status(directory), next_run=moment))
        except DiskFailed as error:
            log.error("%s", error)

    def _delay(self, error: Exception, failures: int) -> float:
        """Seconds until the next try: with the next tick, or sooner."""
        next_tick = max(1.0, self.pace.seconds_left())
        if isinstance(error, PacelayerError) and not error.retryable:
            return next_tick
        jitter = random.uniform(0.5, 1.5)  # noqa: S311  no secret
        return min(next_tick, FIRST_RETRY * 2.0 ** min(failures, MOST_DOUBLED) * jitter)

    def _observe(self, event: Event) -> None:
        """Tell the observer, and end a refresh between two steps once a signal has come."""
        if isinstance(event, RefreshFailed):  # the last words of a process that ends itself
            self._tell(event)
        else:
            self._observer(event)
        if self.stop.is_set() and isinstance(event, TableExported | MetricComputed):
            raise Stopped

    def _read_again(self) -> Exception | None:
        """Read the project's files where that is asked for; where they cannot be used, what is wrong with them.

        Then the old project goes on, and they are read again before the next refresh, which fails as long as they are
        as they are.
        """
        if not self.reload.is_set():
            return None
        self.reload.clear()
        try:
            settings = project_settings.load(self.settings.root)
            if settings.directory != self.settings.directory:
                raise ProjectError((MOVED,))
            self.project, self.sources = load(settings)
        except Exception as error:  # noqa: BLE001  it fails the refresh that goes on with the old project
            self.reload.set()
            return error
        self.settings = settings
        self._plan()
        log.info("read the project again: %d metrics", len(self.project.definitions))
        return None


def log_events(event: Event) -> None:
    """The observer that writes the log: one line for each thing that happened."""
    if isinstance(event, TableExported):
        log.info("exported %s: %s rows in %.2f s", event.table, f"{event.rows:,}", event.seconds)
    elif isinstance(event, MetricComputed):
        done = "kept" if event.carried else "computed"
        log.info("%s %s: %s rows in %.2f s", done, event.metric, f"{event.rows:,}", event.seconds)
    elif isinstance(event, Published):
        log.info("published %s: %.1f MB in %.2f s", event.id, event.bytes / 1e6, event.seconds)
    elif isinstance(event, Unchanged):
        log.info("nothing changed in %.2f s: %s is of now", event.seconds, event.id)
    elif isinstance(event, PaceMissed):
        words = "the refresh took %.0f s, and its pace is %d s: read less, or less often"
        log.warning(words, event.seconds, event.pace)
    elif isinstance(event, RefreshFailed):
        words = "%s: %s; the old snapshot keeps serving, next try in %.0f s"
        log.error(words, event.code, event.message, event.next_try)
    elif isinstance(event, Repaired):
        log.warning("repaired: %s", event.what)
    elif isinstance(event, TableAltered):
        log.warning("%s: %s", event.table, event.what)


def main(argv: Sequence[str] | None = None, observe: Observer = log_events) -> int:
    """The process: 0 after a signal, else the exit code of what is wrong with the project."""
    parser = argparse.ArgumentParser(prog="refresher", description="Keep a project's snapshot fresh.")
    parser.add_argument("--project", type=Path, default=Path(), help="the folder of pacelayer.toml")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("schedule").setLevel(logging.WARNING)
    try:
        refresher = Refresher(project_settings.load(arguments.project.resolve()), observe)
    except PacelayerError as error:
        log.error("%s", error)
        return error.exit_code
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: refresher.stop.set())
    signal.signal(signal.SIGHUP, lambda *_: refresher.reload.set())
    refresher.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
