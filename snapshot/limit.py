"""How long a build may take."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import duckdb

from .errors import Overdue

log = logging.getLogger("pacelayer.limit")

# How long a build that was told to end may take to do so.
GRACE_SECONDS = 60.0
# A query that begins after an interrupt needs another one.
AGAIN_SECONDS = 0.5


class Limit:
    """A build's time.

    What ends by itself, as statements at a source and other processes do, ends at `end` (of time.monotonic()): a little
    after the watch has begun to interrupt, so that it is known why.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds, self.end = seconds, time.monotonic() + seconds + AGAIN_SECONDS
        self._watched: list[duckdb.DuckDBPyConnection] = []

    @contextmanager
    def watching(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Have the queries of a connection interrupted when the time is over."""
        self._watched.append(connection)
        try:
            yield
        finally:
            self._watched.remove(connection)

    def left(self) -> float:
        """Seconds until `end`."""
        return max(0.0, self.end - time.monotonic())

    def interrupt(self) -> None:
        """End the queries that are running."""
        for connection in tuple(self._watched):
            connection.interrupt()

    def error(self) -> Overdue:
        """What is wrong when the time is over."""
        what = f"the build took longer than {self.seconds:g} s"
        return Overdue(what, "read less, or raise time_limit of [snapshots]")


@contextmanager
def limited(seconds: float, last_words: Callable[[Overdue], None]) -> Iterator[Limit]:
    """End what takes longer; a process in which that is not heeded ends itself, after its `last_words`.

    Raises Overdue.
    """
    limit, over, done = Limit(seconds), threading.Event(), threading.Event()

    def watch() -> None:
        if done.wait(seconds):
            return
        over.set()
        for _ in range(int(GRACE_SECONDS / AGAIN_SECONDS)):
            limit.interrupt()
            if done.wait(AGAIN_SECONDS):
                return
        try:
            log.critical("the build was told to end and did not: the process ends itself")
            last_words(limit.error())
        finally:
            os._exit(Overdue.exit_code)

    watcher = threading.Thread(target=watch, name="limit", daemon=True)
    watcher.start()
    try:
        yield limit
    except Exception as error:
        if over.is_set():
            raise limit.error() from error
        raise
    finally:
        done.set()
        watcher.join()
