"""What is said to a client that does not keep to its measure, where something was said already."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from gql import wire
from gql.wire import MAX_HEADER_BYTES, REQUEST_SECONDS, PatientProtocol

REQUEST = b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
WHOLE = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
NONE = b"NONE OF THAT KIND\r\n\r\n"
# No byte of a body, however much comes.
EXTENSION = b"1;" + b"x" * MAX_HEADER_BYTES


class Line(asyncio.Transport):
    """What was written to a client."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.unread, self.closed, self.aborted = b"", 0, False, False

    def write(self, data: Any) -> None:
        """Keep it."""
        self.written += bytes(data)

    def is_closing(self) -> bool:
        """As a connection says it."""
        return self.closed

    def close(self) -> None:
        """Nothing more comes."""
        self.closed = True

    def get_write_buffer_size(self) -> int:
        """What the client did not take yet."""
        return self.unread

    def abort(self) -> None:
        """What was not sent is lost."""
        self.aborted = True

    def pause_reading(self) -> None:
        """What is sent to it comes nevertheless."""

    def resume_reading(self) -> None:
        """It was not held up."""


@contextmanager
def connected(app: Any) -> Iterator[tuple[PatientProtocol, Line]]:
    """A client's connection to an application."""
    line, state = Line(), ServerState()
    protocol = PatientProtocol(Config(app, log_config=None), state, {})
    protocol.connection_made(line)
    yield protocol, line
    protocol.connection_lost(None)
    for task in state.tasks:
        task.cancel()


async def begin(send: Any) -> None:
    """The first of two parts of a response."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"8")]})
    await send({"type": "http.response.body", "body": b"some", "more_body": True})


async def said(*, begins: bool) -> Line:
    """What is said to a client that goes beyond its measure, before a response begins, or within one."""

    async def app(_: Any, __: Any, send: Any) -> None:
        if begins:
            await begin(send)
        await asyncio.Event().wait()

    with connected(app) as (protocol, line):
        protocol.data_received(REQUEST)
        await asyncio.sleep(0)
        protocol.data_received(EXTENSION)
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


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("requests", [1, 2])
@pytest.mark.parametrize("wrong", [NONE, REQUEST + b"zz\r\n"])
def test_what_is_no_request_is_not_answered_in_the_place_of_those_before_it(
    wrong: bytes, requests: int, together: bool
) -> None:
    """They are answered as if nothing had followed them; then the connection ends."""

    async def run() -> Line:
        gate = asyncio.Event()

        async def app(_: Any, __: Any, send: Any) -> None:
            await begin(send)
            await gate.wait()
            await send({"type": "http.response.body", "body": b"more"})

        with connected(app) as (protocol, line):
            sent = WHOLE * requests
            for part in [sent + wrong] if together else [sent, wrong]:
                protocol.data_received(part)
                await asyncio.sleep(0)
            gate.set()
            for _ in range(3 * requests):
                await asyncio.sleep(0)
        return line

    line = asyncio.run(run())

    assert line.closed
    assert b" 400 " not in line.written
    assert line.written.count(b"somemore") == requests


def test_nobody_is_hung_up_on_for_a_request_that_comes_while_another_one_is_answered() -> None:
    """It may not even be read; its time begins with the end of the answer."""

    async def run() -> None:
        gate = asyncio.Event()

        async def app(_: Any, __: Any, send: Any) -> None:
            await begin(send)
            await gate.wait()
            await send({"type": "http.response.body", "body": b"more"})

        with connected(app) as (protocol, line):
            protocol.data_received(WHOLE + WHOLE[:-2])
            await asyncio.sleep(0)
            wait_for_ages(protocol)
            assert not line.closed
            gate.set()
            await asyncio.sleep(0)
            assert line.written.endswith(b"somemore")
            protocol._look()
            assert not line.closed
            assert protocol.timeout_keep_alive_task is None  # which would be over sooner, and say nothing
            wait_for_ages(protocol)
            assert line.closed

    asyncio.run(run())


def test_who_does_not_read_what_was_written_last_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """A transport that closes waits for its client, for ever if need be."""
    monkeypatch.setattr(wire, "FAREWELL_SECONDS", 0.0)

    async def run() -> Line:
        async def app(_: Any, __: Any, send: Any) -> None:
            await begin(send)
            raise TimeoutError

        with connected(app) as (protocol, line):
            protocol.data_received(WHOLE)
            await asyncio.sleep(0)
            assert line.closed
            line.unread = 3
            protocol._look()
            while line.unread:
                assert not line.aborted, "it reads"
                line.unread -= 1
                await asyncio.sleep(0)
            for _ in range(3):
                await asyncio.sleep(0)
        return line

    assert asyncio.run(run()).aborted


def test_blank_lines_keep_no_connection_open() -> None:
    """They are no request, and only the first one is waited behind."""

    async def run() -> Line:
        async def app(_: Any, __: Any, send: Any) -> None:
            await begin(send)
            await send({"type": "http.response.body", "body": b"more"})

        with connected(app) as (protocol, line):
            protocol.data_received(WHOLE)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            protocol.data_received(b"\r\n")
            assert protocol._since is not None
            protocol._since -= 2 * REQUEST_SECONDS
            protocol.data_received(b"\r\n")
            protocol._look()
        return line

    assert asyncio.run(run()).closed


def wait_for_ages(protocol: PatientProtocol) -> None:
    """Have it look at its connection as if what it waits for had not come within its time."""
    assert protocol._since is not None
    protocol._since -= 2 * REQUEST_SECONDS
    protocol._look()


@pytest.mark.parametrize("before", [b"", REQUEST])
def test_what_is_no_request_is_told_so_where_nothing_is_answered(before: bytes) -> None:
    """At once, or as the body of a request that waits for it."""

    async def run() -> Line:
        async def app(_: Any, __: Any, ___: Any) -> None:
            await asyncio.Event().wait()

        with connected(app) as (protocol, line):
            protocol.data_received(before + NONE)
        return line

    line = asyncio.run(run())

    assert line.closed
    assert line.written.startswith(b"HTTP/1.1 400 ")


def test_an_application_hears_of_a_client_that_left_with_another_request_sent() -> None:
    """It may be a stream, which would go on for nobody."""
    heard: list[str] = []

    async def run() -> None:
        async def app(_: Any, receive: Any, send: Any) -> None:
            await begin(send)
            while not heard or heard[-1] != "http.disconnect":
                heard.append((await receive())["type"])

        with connected(app) as (protocol, _):
            protocol.data_received(WHOLE * 2)
            await asyncio.sleep(0)
            protocol.connection_lost(None)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    asyncio.run(run())

    assert heard == ["http.request", "http.disconnect"]
