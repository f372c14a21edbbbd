"""The schemas of the generations that are open: each made once, and made aside, while requests go on."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakSet

from snapshot.catalog import Catalog

from .schema import Api, build

# How long a thread that makes types keeps the others waiting. Python's own 5 ms would be felt in each answer.
TURN_SECONDS = 0.0005

_making = threading.Lock()


class Schemas:
    """Where no definition has changed, the schema of one generation is that of the next, with its documents."""

    def __init__(self) -> None:
        self._open: WeakSet[Api] = WeakSet()

    def __call__(self, catalog: Catalog) -> Api:
        """The schema of a catalogue. Raises ValueError for a column type that has no scalar."""
        with _making, _in_short_turns():
            made = build(catalog, tuple(self._open))
            self._open.add(made)
            return made


@contextmanager
def _in_short_turns() -> Iterator[None]:
    """Have Python change threads often, and look for garbage later: with many types that stops all of them for long."""
    turn, collects = sys.getswitchinterval(), gc.isenabled()
    sys.setswitchinterval(TURN_SECONDS)
    gc.disable()
    try:
        yield
    finally:
        sys.setswitchinterval(turn)
        if collects:
            gc.enable()
