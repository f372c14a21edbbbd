"""The refresher: one process that computes every answer at its pace and publishes it, and never stops trying.

    python refresher.py [--project DIR]

SIGTERM and SIGINT end it after the current step; SIGHUP has it read the project's files again before the next refresh.
A second refresher of a directory waits, and takes over when the first one ends.
"""

from __future__ import annotations

import argparse
import logging
import math
import random
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import schedule

from snapshot import settings as project_settings
from snapshot.build import Clock, now, refresh
from snapshot.errors import DiskFailed, Locked, PacelayerError
from snapshot.events import Event, MetricComputed, Observer, Published, RefreshFailed, Repaired, TableExported
from snapshot.project import load
from snapshot.reader import read_catalog
from snapshot.settings import Settings
from snapshot.store import Store, locked, read_status, recorded, write_status

log = logging.getLogger("pacelayer.refresher")

# Seconds until a failed refresh is tried again: doubled with each failure, with jitter, at most one pace.
FIRST_RETRY = 1.0
# How often a waiting refresher looks whether the directory is free.
LOCK_SECONDS = 1.0


class Stopped(BaseException):
    """A signal came while a refresh was going on; nothing was published, and nothing failed."""


class Refresher:
    """One project's refreshes. `stop` is set to end it, `reload` to have the project's files read again."""

    def __init__(self, settings: Settings, observe: Observer, clock: Clock = now) -> None:
        self.settings, self.clock, self._observer = settings, clock, observe
        self.stop, self.reload = threading.Event(), threading.Event()
        self.project, self.sources = load(settings)
        self.scheduler = schedule.Scheduler()
        self._due = 0.0

    def run(self) -> None:
        """Refresh at the project's pace until `stop`; wait while another has the directory, or it cannot be made."""
        waiting = ""
        while not self.stop.is_set():
            try:
                with locked(self.settings.directory):
                    self._keep_pace()
            except (Locked, DiskFailed) as error:
                if str(error) != waiting:
                    waiting = str(error)
                    log.warning("waiting: %s", error)
                self.stop.wait(LOCK_SECONDS)

    def _keep_pace(self) -> None:
        if delay := self._first_delay():
            log.info("the current snapshot is good for %.0f s", delay)
            self._plan(delay)
        else:
            self._refresh()
        # The scheduler has the job, the monotonic clock the moment: a wall clock that is put back holds nothing up.
        while not self.stop.wait(max(0.0, self._due - time.monotonic())):
            self.scheduler.run_all()

    def _plan(self, seconds: float) -> None:
        """Make the next refresh the only one to come, in that many seconds, at least one; and say so."""
        seconds = max(1, math.ceil(seconds))
        self._due = time.monotonic() + seconds
        self.scheduler.clear()
        self.scheduler.every(seconds).seconds.do(self._refresh)
        directory = self.settings.directory
        try:
            write_status(directory, replace(read_status(directory), next_run=self.clock() + timedelta(seconds=seconds)))
        except DiskFailed as error:
            log.error("%s", error)

    def _first_delay(self) -> float:
        """Seconds that the current snapshot is still good for: none where there is none or the project has changed."""
        try:
            info = read_catalog(Store(self.settings.directory, keep=1).current().path).snapshot
        except PacelayerError:
            return 0.0
        if info.definition_hash != self.project.definition_hash:
            return 0.0
        pace = self._pace()
        return min(pace, max(0.0, pace - (self.clock() - info.built_at).total_seconds()))

    def _refresh(self) -> None:
        """One refresh, after which the next is planned: at the pace, or sooner where it failed and may heal."""
        begun, directory = time.monotonic(), self.settings.directory
        try:
            with recorded(directory, self.clock):
                self._read_again()
                store = Store(directory, self.settings.snapshots.keep, observe=self._observe)
                refresh(self.project, self.sources, store, self._observe, clock=self.clock)
            delay = max(0.0, self._pace() - (time.monotonic() - begun))
        except Stopped:
            return
        except Exception as error:
            delay = self._delay(error, read_status(directory).failures)
            if not isinstance(error, PacelayerError):
                log.error("an error that nobody foresaw", exc_info=error)
            code = error.code if isinstance(error, PacelayerError) else "INTERNAL"
            self._observer(RefreshFailed(code, str(error), delay))
        self._plan(delay)

    def _pace(self) -> float:
        return min((d.metric.pace for d in self.project.definitions), default=self.settings.pace)

    def _delay(self, error: Exception, failures: int) -> float:
        if isinstance(error, PacelayerError) and not error.retryable:
            return self._pace()
        jitter = random.uniform(0.5, 1.5)  # noqa: S311  no secret
        return min(self._pace(), FIRST_RETRY * 2.0**failures * jitter)

    def _observe(self, event: Event) -> None:
        """Tell the observer, and end a refresh between two steps once a signal has come."""
        self._observer(event)
        if self.stop.is_set() and isinstance(event, TableExported | MetricComputed):
            raise Stopped

    def _read_again(self) -> None:
        if self.reload.is_set():
            self.reload.clear()
            settings = project_settings.load(self.settings.root)
            self.project, self.sources = load(settings)
            self.settings = settings
            log.info("read the project again: %d metrics", len(self.project.definitions))


def log_events(event: Event) -> None:
    """The observer that writes the log: one line for each thing that happened."""
    if isinstance(event, TableExported):
        log.info("exported %s: %s rows in %.2f s", event.table, f"{event.rows:,}", event.seconds)
    elif isinstance(event, MetricComputed):
        log.info("computed %s: %s rows in %.2f s", event.metric, f"{event.rows:,}", event.seconds)
    elif isinstance(event, Published):
        log.info("published %s: %.1f MB in %.2f s", event.id, event.bytes / 1e6, event.seconds)
    elif isinstance(event, RefreshFailed):
        log.error(
            "%s: %s; the old snapshot keeps serving, next try in %.0f s", event.code, event.message, event.next_try
        )
    elif isinstance(event, Repaired):
        log.warning("repaired: %s", event.what)


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
