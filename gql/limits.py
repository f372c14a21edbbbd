"""What one request may take: its size, and how many requests are worked on at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

# A request of no more bytes is read on the event loop: to change threads would take as long.
LOOP_BYTES = 8_192
# So many requests may wait for a thread; further ones are told to come back.
WAITING_PER_THREAD = 16

T = TypeVar("T")


class TooLarge(Exception):
    """The body is larger than it may be."""


class Overloaded(Exception):
    """More requests wait than may."""


class Workers:
    """The threads that answer, off the event loop, and a bounded queue before them."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, "answer")
        self._limit = threads * (1 + WAITING_PER_THREAD)
        self._pending = 0

    async def run(self, work: Callable[[], T]) -> T:
        """The result of some work. Raises Overloaded at once where the queue is full."""
        if self._pending >= self._limit:
            raise Overloaded
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._pending -= 1

    def stop(self) -> None:
        """Let the threads end once they have nothing left to do."""
        self._pool.shutdown(wait=True)


class Places:
    """Room for at most so many answers that take long. Lives on the event loop."""

    def __init__(self, number: int) -> None:
        self._free = number

    def require(self) -> None:
        """Raises Overloaded where there is none."""
        if not self._free:
            raise Overloaded

    @contextmanager
    def taken(self) -> Iterator[None]:
        """One of them, for a while. Raises Overloaded where there is none."""
        self.require()
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


async def read_body(receive: Receive, limit: int) -> bytes:
    """A request's body. Raises TooLarge as soon as it is, and ClientDisconnect where the connection ends."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > limit:
            raise TooLarge
        more = message.get("more_body", False)
    return body
