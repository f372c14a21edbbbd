"""What uvicorn leaves open: a client that never finishes its headers would hold a connection, and memory, for ever."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# As long as a body may take to come.
HEADER_SECONDS = 10.0
# Far more than `http` accepts: whoever sends a little too much is still told so in GraphQL's words.
MAX_HEADER_BYTES = 2**21


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, with so much patience for headers, and room for them, and no more."""

    _waiting: asyncio.TimerHandle | None = None
    _bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client that says nothing at all is waited for as long."""
        super().connection_made(transport)
        self._wait()

    def on_message_begin(self) -> None:
        """A request's first bytes."""
        super().on_message_begin()
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Some bytes of headers or of a body."""
        super().data_received(data)
        self._bytes += len(data)
        if self._waiting is not None and self._bytes > MAX_HEADER_BYTES:
            self._refuse(b"431 Request Header Fields Too Large")

    def on_headers_complete(self) -> None:
        """They are all there."""
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is waited for any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._stop_waiting()
        self._bytes = 0
        self._waiting = self.loop.call_later(HEADER_SECONDS, self._refuse, b"408 Request Timeout")

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _refuse(self, status: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            self.transport.close()
