"""Requests that no client library sends, on sockets of our own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, repeat

import httpx
import pytest

from .asking import JSON, assert_says_little, assert_shows_nothing_inside, data
from .raw import JSON_POST, QUERY, answer, connected, status, until_closed

LENGTH = b"Content-Length: %d\r\n" % len(QUERY)


@pytest.mark.parametrize("length", [1_000_001, 20_000_000, 10_000_000_000])
def test_a_body_that_says_it_is_too_large_is_413_and_the_connection_closed(api: str, length: int) -> None:
    """Not a byte of it is waited for."""
    with connected(api) as connection:
        said = until_closed(connection, [JSON_POST + b"Content-Length: %d\r\n\r\n" % length])

    assert status(said) == 413
    assert b'"errors"' in said


def test_an_endless_body_is_413_and_the_connection_closed(api: str) -> None:
    """A body without a length is cut off where it becomes too large."""
    chunk = b"2710\r\n" + b" " * 10_000 + b"\r\n"
    with connected(api) as connection:
        said = until_closed(connection, chain([JSON_POST + b"Transfer-Encoding: chunked\r\n\r\n"], repeat(chunk)))

    assert status(said) == 413


@pytest.mark.parametrize("trailer", [b"x: 1\r\n" * 10_000, b"a" * 100_000], ids=["many", "one"])
def test_endless_headers_after_a_body_are_431_and_the_connection_closed(api: str, trailer: bytes) -> None:
    """They are kept in memory as those before it."""
    body = b"%x\r\n%s\r\n0\r\nx: " % (len(QUERY), QUERY)
    with connected(api) as connection:
        said = until_closed(
            connection, chain([JSON_POST + b"Transfer-Encoding: chunked\r\n\r\n" + body], repeat(trailer))
        )

    assert status(said) == 431


@pytest.fixture(scope="module")
def dripped(api: str) -> Iterator[Mapping[str, Future[bytes]]]:
    """What the server says to a client that sends a little now and then, for ever; it takes a while."""

    def drip(first: bytes, drop: bytes) -> bytes:
        with connected(api) as connection:
            return until_closed(connection, chain([first], repeat(drop)), pause=0.5, seconds=20)

    with ThreadPoolExecutor(3) as pool:
        yield {
            "body": pool.submit(drip, JSON_POST + b"Content-Length: 999999\r\n\r\n", b" "),
            "headers": pool.submit(drip, JSON_POST, b"x: 1\r\n"),
            "silence": pool.submit(drip, b"", b""),
        }


@pytest.mark.parametrize("what", ["body", "headers", "silence"])
def test_what_never_comes_to_its_end_is_408_and_the_connection_closed(
    dripped: Mapping[str, Future[bytes]], what: str
) -> None:
    """A client that sends a little now and then, or nothing, does not hold a connection for ever."""
    assert status(dripped[what].result()) == 408


@pytest.mark.parametrize(
    "headers",
    [b"".join(b"x-%d: 1\r\n" % number for number in range(5_000)), b"x: " + b"a" * 1_000_000 + b"\r\n"],
    ids=["5,000 headers", "a header of 1 MB"],
)
def test_headers_without_measure_are_431_and_the_connection_closed(api: str, headers: bytes) -> None:
    """They are kept in memory before anybody looks at them."""
    request = JSON_POST + headers + LENGTH + b"Connection: close\r\n\r\n" + QUERY
    with connected(api) as connection:
        said = until_closed(connection, [request])

    assert status(said) == 431


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /static/\x00 HTTP/1.1\r\nHost: here\r\n\r\n",
        JSON_POST + b"Content-Length: -1\r\n\r\n" + QUERY,
        JSON_POST + b"Content-Length: many\r\n\r\n" + QUERY,
        JSON_POST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n" + QUERY,
        JSON_POST + LENGTH + b"Content-Length: 5\r\n\r\n" + QUERY,
        JSON_POST + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        JSON_POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /graphql?query=" + b"%20" * 300_000 + b" HTTP/1.1\r\nHost: here\r\n\r\n",
    ],
    ids=[
        "TLS", "nonsense", "half a line", "NUL in the path", "a negative length", "a length in words",
        "a length of 30 digits", "two lengths", "length and chunks", "a bad chunk", "an address of 900 kB",
    ],
)  # fmt: skip
def test_what_is_no_http_is_refused_and_the_connection_closed(api: str, request_: bytes) -> None:
    """There is no telling where the next request would begin."""
    with connected(api) as connection:
        said = until_closed(connection, [request_])

    assert status(said) in (400, 414, 431)
    assert_shows_nothing_inside(said.decode())


def test_a_request_without_an_accept_header_is_answered(api: str) -> None:
    """Who says nothing takes everything."""
    with connected(api) as connection:
        said = answer(connection, JSON_POST + LENGTH + b"\r\n" + QUERY)

    assert status(said) == 200
    assert said.endswith(b'{"data":{"__typename":"Query"}}')


def test_an_accept_header_that_is_no_text_is_406(api: str) -> None:
    """Bytes that are not ASCII name no media type."""
    with connected(api) as connection:
        said = answer(connection, JSON_POST + LENGTH + b"Accept: \xff\xfe\r\n\r\n" + QUERY)

    assert status(said) == 406


@pytest.mark.parametrize("protocol", [b"graphql-transport-ws", b"graphql-ws", b"chat"])
def test_a_websocket_is_refused(api: str, protocol: bytes) -> None:
    """Nobody is switched to another protocol."""
    upgrade = (
        b"GET /graphql HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Protocol: " + protocol + b"\r\n\r\n"
    )
    with connected(api) as connection:
        said = answer(connection, upgrade)

    assert 400 <= status(said) < 500


def test_a_client_that_hangs_up_within_its_body_harms_nobody(api: str, client: httpx.Client) -> None:
    """The next one is answered."""
    with connected(api) as connection:
        connection.sendall(JSON_POST + LENGTH + b"\r\n" + QUERY[:5])

    assert data(client, "{ __typename }") == {"__typename": "Query"}


@pytest.mark.parametrize(
    "path",
    [
        "/", "/nope", "/graphql/nope", "/.git/config", "/static/", "/static/nope.js", "/static/../app.py",
        "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static/%2e%2e%2f%2e%2e%2fpyproject.toml",
        "/static//etc/passwd", "/static/%00", "/static/graphiql.js%00.html", "/static/..%5capp.py",
        "/static/%252e%252e/app.py",
    ],
)  # fmt: skip
def test_a_path_that_leads_nowhere_is_404_and_never_another_file(client: httpx.Client, path: str) -> None:
    """Only the page's own files are served."""
    answer = client.get(client.base_url.copy_with(raw_path=path.encode()))

    assert answer.status_code == 404
    assert_shows_nothing_inside(answer.text)


@pytest.mark.parametrize("path", ["/graphql/", "/static", "/snapshot/", "/livez/", "/table/revenue.csv/"])
def test_no_client_is_sent_to_the_host_that_it_names(client: httpx.Client, path: str) -> None:
    """A cache may keep the answer, and send others there: an address with a slash too many is none."""
    answer = client.get(path, headers={"Host": "elsewhere.example"})

    assert answer.status_code == 404
    assert "location" not in answer.headers


@pytest.mark.parametrize("variables", ["%ff", "%00", "%7B%22x%22%3A%22%ff%22%7D"])
def test_an_address_with_bytes_that_are_no_text_is_400(api: str, variables: str) -> None:
    """Nothing is put in their place."""
    answer = httpx.get(
        httpx.URL(api).copy_with(raw_path=f"/graphql?query=%7B__typename%7D&variables={variables}".encode()),
        headers={"Accept": JSON},
    )

    assert answer.status_code == 400
    assert_says_little(answer)
