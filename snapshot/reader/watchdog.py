"""Queries end when their time is up."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from ..errors import DeadlineExceeded

# interrupt() does not outlive the moment: a query that had not begun yet is interrupted again after so long.
INTERRUPT_SECONDS = 0.01


class Watchdog:
    """Interrupts queries whose time is up, again and again until each of them is done."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running: dict[duckdb.DuckDBPyConnection, float] = {}
        self._stopped = False
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()

    @contextmanager
    def watching(self, cursor: duckdb.DuckDBPyConnection, deadline: float) -> Iterator[None]:
        """Interrupt what runs on the cursor once the deadline has passed.

        Raises DeadlineExceeded where it has already.
        """
        if time.monotonic() >= deadline:
            raise DeadlineExceeded("the query waited longer than it may", "ask again")
        with self._changed:
            self._running[cursor] = deadline
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                del self._running[cursor]

    def move(self, cursor: duckdb.DuckDBPyConnection, deadline: float) -> None:
        """Let what is watched have another deadline."""
        with self._changed:
            if cursor in self._running:
                self._running[cursor] = deadline
                self._changed.notify()

    def stop(self) -> None:
        """End the thread."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()

    def _watch(self) -> None:
        with self._changed:
            while not self._stopped:
                now = time.monotonic()
                for cursor in [cursor for cursor, deadline in self._running.items() if deadline <= now]:
                    cursor.interrupt()
                earliest = min(self._running.values(), default=None)
                self._changed.wait(None if earliest is None else max(earliest - now, INTERRUPT_SECONDS))
