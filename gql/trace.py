"""What is noted while a request is answered."""

from __future__ import annotations

import time


class Trace:
    """Which generation answered, whether the answer moves with the clock, and how long each step took."""

    def __init__(self) -> None:
        self.generation, self.moves = "", False
        self._last = time.perf_counter()
        self._steps: dict[str, float] = {}

    def step(self, name: str) -> None:
        """A step is over; what is done twice, as of a cursor's own generation, counts as one."""
        now = time.perf_counter()
        self._steps[name] = self._steps.get(name, 0.0) + now - self._last
        self._last = now

    def __str__(self) -> str:
        """As `Server-Timing` has it, in milliseconds."""
        return ", ".join([f"{name};dur={seconds * 1000:.2f}" for name, seconds in self._steps.items()])
