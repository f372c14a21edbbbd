"""A body that a thread writes while a client takes it: no more of it is in memory than the client is behind."""

from __future__ import annotations

import asyncio
import io
import time
from concurrent.futures import CancelledError, Future

from starlette.types import Message, Send

from snapshot.reader import Running

from .http import STALL_SECONDS, RawHeaders

# What is written is sent in pieces of this size. An answer that is no larger has a length, and can still be refused.
CHUNK_BYTES = 256 * 1024
# A table is to be taken within so long once it has begun to come.
TABLE_SECONDS = 600.0


class ClientGone(Exception):
    """Nobody takes the body any more."""


class Body:
    """A binary file to write to. `running` is the query that it is made of: it ends with its client."""

    def __init__(self, loop: asyncio.AbstractEventLoop, send: Send) -> None:
        self._loop, self._send = loop, send
        self._headers: RawHeaders = []
        self._written = bytearray()
        self._sending: Future[None] | None = None
        self.running: Running | None = None
        self.has_begun = self.is_left = False

    def begin(self, headers: RawHeaders, running: Running) -> None:
        """What is sent before the first piece."""
        self._headers, self.running = headers, running
        if self.is_left:
            running.until(0.0)

    def write(self, data: bytes) -> int:
        """Take some bytes; wait where the client is behind. Raises ClientGone."""
        self._written += data
        if len(self._written) >= CHUNK_BYTES:
            self._flush(more=True)
        return len(data)

    def flush(self) -> None:
        """Nothing: pieces are sent when they are large enough."""

    def seek(self, _: int, __: int = 0) -> int:
        """Nobody can; writers of Arrow only look whether there is such a method."""
        raise io.UnsupportedOperation

    def end(self) -> None:
        """All of it is written. Raises ClientGone."""
        self._flush(more=False)

    def empty(self, status: int, headers: RawHeaders) -> None:
        """There is no body. Raises ClientGone."""
        self._start(status, headers)
        self._tell({"type": "http.response.body", "body": b""})

    def leave(self) -> None:
        """The client is gone. Called on the event loop."""
        self.is_left = True
        if self._sending:
            self._sending.cancel()
        if self.running:
            self.running.until(0.0)

    def _flush(self, *, more: bool) -> None:
        if not self.has_begun:
            length = [] if more else [(b"content-length", b"%d" % len(self._written))]
            self._start(200, [*self._headers, *length])
            if self.running:
                self.running.until(time.monotonic() + TABLE_SECONDS)
        self._tell({"type": "http.response.body", "body": bytes(self._written), "more_body": more})
        self._written.clear()

    def _start(self, status: int, headers: RawHeaders) -> None:
        self.has_begun = True
        self._tell({"type": "http.response.start", "status": status, "headers": headers})

    def _tell(self, message: Message) -> None:
        async def sent() -> None:
            await self._send(message)

        self._sending = asyncio.run_coroutine_threadsafe(sent(), self._loop)
        if self.is_left:
            self._sending.cancel()
        try:
            self._sending.result(STALL_SECONDS)
        except (CancelledError, TimeoutError) as error:
            self._sending.cancel()
            self.is_left = True
            raise ClientGone from error
