"""How long a refresh may take."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import Overdue

# How long a refresh that was told to end may take to do so.
GRACE_SECONDS = 60.0


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """End what takes longer: by an error, which DuckDB heeds; a process that does not heed it either ends itself.

    Raises Overdue. Signals are the main thread's, so only there is a limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    overdue = Overdue(f"it took longer than {seconds} s", "read less, or raise time_limit of [snapshots]")

    def end(*_: object) -> None:
        raise overdue

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    last = threading.Timer(seconds + GRACE_SECONDS, os._exit, [Overdue.exit_code])
    last.daemon = True
    last.start()
    begun = time.monotonic()
    try:
        yield
    except RuntimeError as error:  # DuckDB's for a query that a signal ended
        if time.monotonic() - begun < seconds:
            raise
        raise overdue from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        last.cancel()
