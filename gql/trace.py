"""What is noted while a request is answered."""

from __future__ import annotations

import time


class Trace:
    """Which generation answered, whether the answer moves with the clock, and how long each step took."""

    def __init__(self) -> None:
        self.generation, self.moves = "", False
        self._last = time.perf_counter()
        self._steps: list[str] = []

    def step(self, name: str) -> None:
        """A step is over."""
        now = time.perf_counter()
        self._steps.append(f"{name};dur={(now - self._last) * 1000:.2f}")
        self._last = now

    def __str__(self) -> str:
        """As `Server-Timing` has it, in milliseconds."""
        return ", ".join(self._steps)
