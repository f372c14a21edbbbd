"""What is kept as long as there is room; what was not asked for longest goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

# One value may take so large a part of the room; larger ones are not kept.
LARGEST_PART = 8


class Bounded(Generic[K, V]):
    """Values by their keys, all of them together of at most so much weight. Threads may share it."""

    def __init__(self, room: int, weight: Callable[[K, V], int]) -> None:
        self.room, self._weight = room, weight
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._taken = 0
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[K]:
        """The keys, those that were not asked for longest first."""
        with self._lock:
            return iter(tuple(self._kept))

    def get(self, key: K) -> V | None:
        """A value that is kept."""
        with self._lock:
            if (found := self._kept.get(key)) is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def put(self, key: K, value: V) -> None:
        """Keep a value, in the place of the one that was."""
        weight = self._weight(key, value)
        with self._lock:
            self._remove(key)
            if weight > self.room // LARGEST_PART:
                return
            self._kept[key] = value, weight
            self._taken += weight
            while self._taken > self.room:
                self._remove(next(iter(self._kept)))

    def remove(self, key: K) -> None:
        """Let a value go."""
        with self._lock:
            self._remove(key)

    def _remove(self, key: K) -> None:
        if (gone := self._kept.pop(key, None)) is not None:
            self._taken -= gone[1]
