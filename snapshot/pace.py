"""When each metric is due: the jobs of `schedule`, on one clock that nobody puts back."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping

import schedule


class Pace:
    """Metrics become `due` at their paces, and stay so until they are `done`.

    The library has the jobs; when each is to run next is said by `clock` (seconds), whatever the wall clock does. The
    ticks of a pace are a whole number of paces apart: of those that were missed, one is caught up.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.due: set[str] = set()
        self._scheduler = schedule.Scheduler()
        self._next: dict[schedule.Job, float] = {}

    def plan(self, paces: Mapping[str, int], left: Mapping[str, float]) -> None:
        """Begin anew: each metric's pace in seconds, and the seconds for which it is still good."""
        self._scheduler.clear()
        self._next.clear()
        self.due &= set(paces)
        now = self.clock()
        for pace in sorted(set(paces.values())):
            names = [name for name, own in paces.items() if own == pace]
            job = self._scheduler.every(pace).seconds.do(self.due.update, names)
            # What is due already is brought up to date now, and next in a whole pace.
            good = [float(pace) if name in self.due else left.get(name, 0.0) for name in names]
            self._next[job] = now + min(pace, max(0.0, min(good)))

    def tick(self) -> None:
        """Make due what is due by now."""
        now = self.clock()
        for job, moment in list(self._next.items()):
            if moment <= now:
                job.run()  # type: ignore[no-untyped-call]  # the library has no annotation there
                self._next[job] = moment + job.interval * (1 + (now - moment) // job.interval)

    def done(self, metrics: Collection[str]) -> None:
        """These are up to date."""
        self.due.difference_update(metrics)

    def seconds_left(self) -> float:
        """Until the next tick."""
        return max(0.0, min(self._next.values()) - self.clock())
