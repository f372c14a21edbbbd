"""What uvicorn leaves open: a client that never finishes its request would hold a connection, and memory, for ever."""

from __future__ import annotations

import asyncio
import math

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from .live import STOP

# A request has to be there, with its body, within so long.
REQUEST_SECONDS = 10.0
# Who reads nothing for so long of what was written before a connection was closed is let go. The system takes megabytes
# ahead, so that a slow client shows now and then only.
FAREWELL_SECONDS = 300.0
# Far more than `http` accepts: whoever sends a little too much is still told so in GraphQL's words. So much may come
# without any of a body: headers, and what follows the last chunk of a body, which is kept as they are.
MAX_HEADER_BYTES = 2**21


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, with so much patience for a request, and room for its headers, and no more.

    One timer serves a connection, however many requests come on it: setting one for each would cost more than a kept
    answer.
    """

    _timer: asyncio.TimerHandle | None = None
    # When what is waited for began; nobody waits for it while an answer is made.
    _since: float | None = None
    # What came since the request, or since the last of its body.
    _bytes = 0
    # The request that is answered; `cycle` is the one that came last.
    _answered: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client that says nothing at all is waited for as long."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._timer = self.loop.call_later(REQUEST_SECONDS, self._look)

    def on_message_begin(self) -> None:
        """A request's first bytes."""
        super().on_message_begin()
        self._since, self._bytes = self.loop.time(), 0

    def data_received(self, data: bytes) -> None:
        """Some bytes of headers or of a body."""
        super().data_received(data)
        self._bytes += len(data)
        if self._since is None and not self._is_answering():  # blank lines, which are no part of a request
            self._since = self.loop.time()
        if self._bytes > MAX_HEADER_BYTES:
            self._refuse(b"431 Request Header Fields Too Large")

    def on_body(self, body: bytes) -> None:
        """Some of a body, which `http` measures."""
        self._bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there."""
        self._since = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """What comes is waited for from now on: while an answer was made, nobody may have listened."""
        super().on_response_complete()
        if self._since is not None:
            self._since = self.loop.time()
            self._unset_keepalive_if_required()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is waited for any more, and nobody waits: what is answered hears of it, also where more came since."""
        if self._timer is not None:
            self._timer.cancel()
        if self._answered is not None and not self._answered.response_complete:
            self._answered.disconnected = True
            self._answered.message_event.set()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """What is no request ends the connection, behind the answers to those that came before it."""
        if self._is_next():
            super().send_400_response(msg)
        elif not self._is_complete() and not self.pipeline:
            self.transport.close()
        else:
            if not self._is_complete():  # it waits for the others, and will not be answered
                self.pipeline.popleft()
                self.cycle = (self.pipeline[0][0] if self.pipeline else self._answered) or self.cycle
            self.cycle.keep_alive, self._since = False, None

    def shutdown(self) -> None:
        """The server stops: streams that would go on for ever end, so that their clients come again elsewhere."""
        if stop := self.app_state.get(STOP):
            stop()
        super().shutdown()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def _look(self) -> None:
        """Hang up on who was waited for too long; else look again when that may be."""
        if self.transport.is_closing():
            self._wait_for_farewell(math.inf)
            return
        left = REQUEST_SECONDS
        if self._since is not None and not self._is_answering():
            left += self._since - self.loop.time()
        if left <= 0:
            self._refuse(b"408 Request Timeout")
            left = REQUEST_SECONDS
        self._timer = self.loop.call_later(left, self._look)

    def _wait_for_farewell(self, before: float) -> None:
        """Let go who has read nothing of what was left `before`; one that reads on is waited for again."""
        left = self.transport.get_write_buffer_size()
        if left < before:
            self._timer = self.loop.call_later(FAREWELL_SECONDS, self._wait_for_farewell, left)
        else:
            self.transport.abort()

    def _refuse(self, status: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._is_next():
            self.transport.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        self.transport.close()

    def _is_next(self) -> bool:
        """Whether what is written now is the answer to the request that comes, and not a part of another, or of one."""
        if self.cycle is None:
            return True
        if self._is_complete():
            return self.cycle.response_complete
        return not self.cycle.response_started and not self.pipeline

    def _is_answering(self) -> bool:
        """Whether it is the server that has to do: it has the whole request, and the next ones may wait."""
        answered = self._answered
        return answered is not None and not answered.response_complete and not answered.more_body

    def _is_complete(self) -> bool:
        """Whether the last request is there, and what came since belongs to another one, or to none."""
        return self._since is None or self.cycle.scope is not self.scope
