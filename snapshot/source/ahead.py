"""Batches read by threads of their own, so that reading and working on what was read overlap."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress

import nanoarrow

# With so many ready, a thread that waits for a core keeps the other one at work.
READY = 3
# A part of a table, as batches. Its generator runs in one thread from begin to end.
Part = Generator[nanoarrow.Array, None, None]


@contextmanager
def ahead(lanes: Sequence[Iterable[Part]]) -> Iterator[Iterator[nanoarrow.Array]]:
    """The batches of all parts, which are dealt to the lanes in turn, in the order of the parts.

    Each lane is read by a thread of its own, which is a few batches further at most than what was taken of it.
    """
    reading = [_Lane(lane) for lane in lanes]
    try:
        yield _in_turn(reading)
    finally:
        for lane in reading:
            lane.stop()


def _in_turn(lanes: Sequence[_Lane]) -> Iterator[nanoarrow.Array]:
    for lane in itertools.cycle(lanes):
        while isinstance(item := lane.ready.get(), nanoarrow.Array):
            yield item
        if isinstance(item, BaseException):
            raise item
        if item is _END_OF_LANE:  # the one whose turn it is has none left, so no other has
            return


_END_OF_PART, _END_OF_LANE = object(), object()


class _Lane:
    """One thread, and the batches that it has ready."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self.ready: queue.Queue[object] = queue.Queue(READY)
        self._parts, self._stopped = parts, threading.Event()
        self._thread = threading.Thread(target=self._run, name="export", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Have the thread end, once what it waits for has come."""
        self._stopped.set()
        while self._thread.is_alive():
            with suppress(queue.Empty):
                self.ready.get_nowait()
            self._thread.join(0.001)

    def _run(self) -> None:
        last: object = _END_OF_LANE
        try:
            self._read()
        except BaseException as error:  # noqa: BLE001  it is raised again where the batches are worked on
            last = error
        self.ready.put(last)

    def _read(self) -> None:
        for part in self._parts:
            with closing(part) as batches:
                for batch in batches:
                    self.ready.put(batch)
                    if self._stopped.is_set():
                        return
            self.ready.put(_END_OF_PART)
