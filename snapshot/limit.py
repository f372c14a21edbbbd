"""How long a build may take."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from .errors import Overdue

# How long a build that was told to end may take to do so.
GRACE_SECONDS = 60.0
# A query that begins after an interrupt needs another one.
AGAIN_SECONDS = 0.5


@contextmanager
def limited(connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """End what takes longer, by interrupting its queries; a process in which that is not heeded ends itself.

    A source ends its reads by a limit of its own. Raises Overdue.
    """
    over, done = threading.Event(), threading.Event()

    def watch() -> None:
        if done.wait(seconds):
            return
        over.set()
        for _ in range(int(GRACE_SECONDS / AGAIN_SECONDS)):
            connection.interrupt()
            if done.wait(AGAIN_SECONDS):
                return
        os._exit(Overdue.exit_code)

    watcher = threading.Thread(target=watch, name="limit", daemon=True)
    watcher.start()
    try:
        yield
    except Exception as error:
        if over.is_set():
            what = f"the build took longer than {seconds:g} s"
            raise Overdue(what, "read less, or raise time_limit of [snapshots]") from error
        raise
    finally:
        done.set()
        watcher.join()
