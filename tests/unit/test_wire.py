"""What is said to a client that does not keep to its measure, where something was said already."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn import Config
from uvicorn.server import ServerState

from gql.wire import MAX_HEADER_BYTES, PatientProtocol

REQUEST = b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
# No byte of a body, however much comes.
EXTENSION = b"1;" + b"x" * MAX_HEADER_BYTES


class Line(asyncio.Transport):
    """What was written to a client."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.closed = b"", False

    def write(self, data: Any) -> None:
        """Keep it."""
        self.written += bytes(data)

    def is_closing(self) -> bool:
        """As a connection says it."""
        return self.closed

    def close(self) -> None:
        """Nothing more comes."""
        self.closed = True


async def said(*, begins: bool) -> Line:
    """What is said to a client that goes beyond its measure, before a response begins, or within one."""

    async def app(_: Any, __: Any, send: Any) -> None:
        if begins:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
            await send({"type": "http.response.body", "body": b"some", "more_body": True})
        await asyncio.Event().wait()

    line, state = Line(), ServerState()
    protocol = PatientProtocol(Config(app, log_config=None), state, {})
    protocol.connection_made(line)
    protocol.data_received(REQUEST)
    await asyncio.sleep(0)
    protocol.data_received(EXTENSION)
    protocol.connection_lost(None)
    for task in state.tasks:
        task.cancel()
    return line


def test_who_sends_too_much_is_told_so_and_hung_up_on() -> None:
    """Nothing was said before."""
    line = asyncio.run(said(begins=False))

    assert line.closed
    assert line.written.startswith(b"HTTP/1.1 431 ")


def test_a_refusal_is_not_written_into_a_response_that_has_begun() -> None:
    """It would be taken for a part of it."""
    line = asyncio.run(said(begins=True))

    assert line.closed
    assert line.written.endswith(b"some")
