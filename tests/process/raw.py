"""HTTP by hand, for what no client library would send."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import httpx

from .asking import LIMIT_SECONDS

JSON_POST = b"POST /graphql HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
QUERY = b'{"query":"{ __typename }"}'


@contextmanager
def connected(base: str) -> Iterator[socket.socket]:
    """A connection to the server at a base URL."""
    host, _, port = base.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=LIMIT_SECONDS) as connection:
        yield connection


def begun(base: httpx.URL, path: str) -> Iterator[bytes]:
    """A download on a socket that hardly reads, so that the server has to wait: first the headers, then all else."""
    with connected(str(base).rstrip("/")) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n".encode())
        said = b""
        while b"\r\n\r\n" not in said:
            said += connection.recv(1024)
        head, _, body = said.partition(b"\r\n\r\n")
        yield head
        while chunk := connection.recv(65536):
            body += chunk
        yield body


def until_closed(
    connection: socket.socket, chunks: Iterable[bytes], pause: float = 0.0, seconds: float = LIMIT_SECONDS
) -> bytes:
    """Send chunks, with pauses that end as soon as the server says something; all that it says until it hangs up.

    Fails where it does not hang up within the limit.
    """
    limit = time.monotonic() + seconds
    try:
        for chunk in chunks:
            connection.sendall(chunk)
            if select.select([connection], [], [], pause)[0]:
                break
            assert time.monotonic() < limit, "the server still listens"
    except (BrokenPipeError, ConnectionResetError):
        pass  # it has hung up; what it said before can still be read
    said = b""
    while chunk := _received(connection):
        said += chunk
        assert time.monotonic() < limit, "the server still speaks"
    return said


def answer(connection: socket.socket, request: bytes) -> bytes:
    """The first answer to a request on a connection that may stay open."""
    connection.sendall(request)
    said = b""
    while b"\r\n\r\n" not in said or len(said.partition(b"\r\n\r\n")[2]) < _length(said):
        chunk = connection.recv(65536)
        if not chunk:
            break
        said += chunk
    return said


def status(said: bytes) -> int:
    """The status of an answer."""
    return int(said.split(b" ", 2)[1])


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except ConnectionResetError:
        return b""


def _length(said: bytes) -> int:
    headers = said.partition(b"\r\n\r\n")[0].lower()
    return int(headers.partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
