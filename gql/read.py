"""An HTTP request -> a GraphQL request, read strictly."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from .answer import Request
from .bounded import Bounded
from .exact import json_of
from .limits import LOOP_BYTES, TooLarge, Workers, read_body

RESPONSE_JSON, JSON, EVENTS = "application/graphql-response+json", "application/json", "text/event-stream"

METHODS = ("GET", "HEAD", "POST")
MAX_HEADERS, MAX_HEADER_BYTES = 100, 32_768
# Clients send the same few requests again and again. What those may take that are kept as read, in bytes, and what one
# takes beside its text and its variables; and how many headers are kept, which are bounded by themselves.
REQUEST_BYTES, OVERHEAD, KEPT_HEADERS = 8_000_000, 1_000, 250
_HEADERS = (
    *(b"accept", b"accept-encoding", b"if-none-match", b"last-event-id", b"x-snapshot-min"),
    *(b"content-encoding", b"content-length", b"content-type"),
)

Read = Callable[[bytes], Request]
_requests = Bounded[tuple[Read, bytes], Request](
    REQUEST_BYTES, lambda key, request: OVERHEAD + len(key[1]) + request.size
)


class Malformed(Exception):
    """The request is no GraphQL request: an HTTP status, and words for the client."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers


@dataclass(frozen=True, slots=True)
class Headers:
    """The headers that matter, as they were sent; empty where one was not."""

    accept: str = ""
    accept_encoding: str = ""
    content_encoding: str = ""
    content_length: str = ""
    content_type: str = ""
    if_none_match: str = ""
    last_event_id: str = ""
    x_snapshot_min: str = ""


def headers_of(scope: Scope) -> Headers:
    """The headers of a request. Raises Malformed for headers without measure."""
    return _headers(tuple(scope["headers"]))


@lru_cache(KEPT_HEADERS)
def _headers(raw: tuple[tuple[bytes, bytes], ...]) -> Headers:
    if len(raw) > MAX_HEADERS or sum(len(name) + len(value) for name, value in raw) > MAX_HEADER_BYTES:
        raise Malformed(431, "the headers are too large", Connection="close")
    found: dict[str, str] = {}
    for name, value in raw:
        if name in _HEADERS:
            key = name.decode().replace("-", "_")
            found[key] = ", ".join(filter(None, (found.get(key), value.decode("latin-1").strip(" \t"))))
    return Headers(**found)


async def graphql_request(scope: Scope, receive: Receive, headers: Headers, max_body: int, workers: Workers) -> Request:
    """What is asked of `/graphql`. Raises Malformed and Overloaded."""
    if scope["method"] not in METHODS:
        raise Malformed(405, "ask by GET or POST", Allow=", ".join(METHODS))
    if scope["method"] != "POST":
        return await _request(_from_query, scope["query_string"], workers)
    return await _request(_from_body, await body_of(receive, headers, max_body), workers)


async def body_of(receive: Receive, headers: Headers, max_body: int) -> bytes:
    """The body of a POST, empty where there is none. Raises Malformed for any but JSON of at most so many bytes."""
    try:
        if int(headers.content_length or 0) > max_body:
            raise TooLarge
        body = await read_body(receive, max_body)
    except (TooLarge, ValueError) as error:
        raise Malformed(413, f"the body is larger than {max_body} bytes", Connection="close") from error
    except ClientDisconnect as error:
        raise Malformed(408, "the body did not come in time", Connection="close") from error
    if body and (not _is_json(headers.content_type) or headers.content_encoding):
        raise Malformed(415, f"send {JSON} in UTF-8, not compressed")
    return body


@lru_cache(KEPT_HEADERS)
def _is_json(content_type: str) -> bool:
    kind, _, parameters = content_type.partition(";")
    charset = re.sub(r"[ \t\"]", "", parameters.lower())
    return kind.strip().lower() == JSON and charset in ("", "charset=utf-8")


@lru_cache(KEPT_HEADERS)
def media_type(accept: str) -> str:
    """The media type of ours that the client likes best. Raises Malformed where it takes neither."""
    qualities = qualities_of(accept or "*/*")
    ranges = {
        media: next((r for r in (media, "application/*", "*/*") if r in qualities), "")
        for media in (JSON, RESPONSE_JSON)
    } | ({EVENTS: EVENTS} if EVENTS in qualities else {})
    # Of two that are liked alike, the one that was named, and first.
    best = max(
        ranges,
        key=lambda m: (
            qualities.get(ranges[m], 0.0),
            ranges[m] == m,
            -list(qualities).index(ranges[m]) if ranges[m] else 0,
        ),
    )
    if not qualities.get(ranges[best]):
        raise Malformed(406, f"answers are {RESPONSE_JSON}, {JSON} or {EVENTS}")
    return best


def qualities_of(header: str) -> dict[str, float]:
    """What a client says of how it likes what, by its name in lower case, in its order."""
    found: dict[str, float] = {}
    for part in header.lower().split(","):
        name, _, parameters = part.partition(";")
        quality = re.search(r"\bq\s*=\s*([^;]*)", parameters)
        number = quality[1].strip() if quality else "1"
        found.setdefault(name.strip(), float(number) if re.fullmatch(r"[01](\.\d{0,3})?", number) else 0.0)
    return found


async def _request(read: Read, sent: bytes, workers: Workers) -> Request:
    if len(sent) > LOOP_BYTES:
        return replace(await workers.run(lambda: read(sent)), large=True)
    request = _requests.get((read, sent))
    if request is None:
        _requests.put((read, sent), request := read(sent))
    return request


def parameters_of(query_string: bytes) -> list[tuple[str, str]]:
    """The names and values of an address, in their order. Raises Malformed."""
    try:
        return parse_qsl(query_string.decode(), keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise Malformed(400, "the address is not UTF-8") from error


def _from_query(query_string: bytes) -> Request:
    parameters = dict(parameters_of(query_string))
    data: dict[str, Any] = {name: parameters.get(name) for name in ("query", "operationName")}
    data |= {name: json(parameters[name].encode()) for name in ("variables", "extensions") if parameters.get(name)}
    return _checked(data, get=True)


def _from_body(body: bytes) -> Request:
    data = json(body)
    if isinstance(data, list):
        raise Malformed(400, "batches are not supported; send one request")
    if not isinstance(data, dict):
        raise Malformed(400, "the body must be a JSON object with a 'query'")
    return _checked(data, get=False)


def json(text: bytes) -> Any:
    """The value of a JSON text. Raises Malformed."""
    try:
        return json_of(text)
    except ValueError as error:
        raise Malformed(400, "the request is not JSON in UTF-8") from error


def _checked(data: Mapping[str, Any], *, get: bool) -> Request:
    query, variables, name = data.get("query"), data.get("variables"), data.get("operationName")
    if not isinstance(data.get("extensions"), dict | None):
        raise Malformed(400, "'extensions' must be an object")
    extensions = data.get("extensions") or {}
    digest = _digest(extensions.get("persistedQuery"))
    if (not digest and not (isinstance(query, str) and query.strip())) or not isinstance(query, str | None):
        raise Malformed(400, "'query' must be a text")
    if variables is not None and not isinstance(variables, dict):
        raise Malformed(400, "'variables' must be an object")
    if name is not None and not isinstance(name, str):
        raise Malformed(400, "'operationName' must be a text")
    return Request(query or "", variables or {}, name or None, get, bool(extensions.get("ways")), digest)


def _digest(persisted: Any) -> str:
    """The hash that a client calls a document by, as Apollo's protocol has it; empty where there is none."""
    if persisted is None:
        return ""
    if not isinstance(persisted, dict) or persisted.get("version") != 1:
        raise Malformed(400, "'persistedQuery' must have the version 1")
    digest = persisted.get("sha256Hash")
    if not isinstance(digest, str) or not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise Malformed(400, "'sha256Hash' must be 64 hexadecimal digits")
    return digest
