"""GraphQL over HTTP: a request read strictly, one pass through the pipeline, an answer with the right status."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson
from graphql import ExecutionResult, GraphQLError
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import FileResponse, Response

from snapshot.errors import DeadlineExceeded, NoSnapshot
from snapshot.reader import Reader
from snapshot.settings import ServerSettings

from . import errors
from .answer import NotByGet, Request, answer
from .exact import json_of
from .limits import Overloaded, TooLarge, Workers, read_body
from .schema import Api

log = logging.getLogger("pacelayer.gql")

PAGE = Path(__file__).parent / "static" / "graphiql.html"
RESPONSE_JSON, JSON = "application/graphql-response+json", "application/json"
# The page's own script and style, and nothing from anywhere else.
PAGE_POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:"

MAX_HEADERS, MAX_HEADER_BYTES = 100, 32_768


class Malformed(Exception):
    """The request is no GraphQL request: an HTTP status, and words for the client."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers


class Endpoint:
    """`/graphql`."""

    def __init__(self, reader: Reader[Api], workers: Workers, settings: ServerSettings) -> None:
        self.reader, self.workers, self.settings = reader, workers, settings

    async def respond(self, request: HttpRequest) -> Response:
        """Answer a request; whatever goes wrong inside becomes an answer of its own kind."""
        if _wants_page(request):
            return FileResponse(PAGE, headers={"Content-Security-Policy": PAGE_POLICY})
        deadline = time.monotonic() + self.settings.deadline
        media = JSON
        try:
            _refuse_headers(request)
            media = _media_type(request.headers.get("accept", ""))
            asked = await self._read(request)
            return await self.workers.run(lambda: self._answer(asked, media, deadline))
        except Exception as error:  # noqa: BLE001  the API's edge, one of three places where errors end
            return self._failed(error, media)

    async def _read(self, request: HttpRequest) -> Request:
        """Read a request. Raises Malformed."""
        if request.method != "POST":
            return _from_query(request)
        kind, _, parameters = request.headers.get("content-type", "").partition(";")
        charset = parameters.lower().replace(" ", "").replace('"', "")
        if (
            kind.strip().lower() != JSON
            or charset not in ("", "charset=utf-8")
            or request.headers.get("content-encoding")
        ):
            raise Malformed(415, f"send {JSON} in UTF-8, not compressed")
        try:
            if int(request.headers.get("content-length") or 0) > self.settings.max_body:
                raise TooLarge
            body = await read_body(request.stream(), self.settings.max_body)
        except (TooLarge, ValueError) as error:
            raise Malformed(
                413, f"the body is larger than {self.settings.max_body} bytes", Connection="close"
            ) from error
        except (TimeoutError, ClientDisconnect) as error:
            raise Malformed(408, "the body did not come in time", Connection="close") from error
        return _from_body(body)

    def _answer(self, asked: Request, media: str, deadline: float) -> Response:
        """Parse, validate, plan, query, respond: all of one generation. Runs in a thread."""
        try:
            result = answer(asked, self.reader, self.settings, deadline)
        except GraphQLError as error:
            result = ExecutionResult(None, [error])
        return _response(result, media)

    def _failed(self, error: Exception, media: str) -> Response:
        """The answer to a request that has no result. What nobody foresaw goes to the log, its number to the client."""
        match error:
            case Malformed():
                return _refused(media, error.status, errors.MALFORMED, error.message, error.headers)
            case NotByGet():
                return _refused(media, 405, errors.MALFORMED, "only queries may be sent by GET", {"Allow": "POST"})
            case NoSnapshot():
                message = "no snapshot has been published yet; try again soon"
                return _refused(media, 503, errors.NO_SNAPSHOT, message, {"Retry-After": "5"})
            case Overloaded():
                message = "too many requests at once; try again soon"
                return _refused(media, 503, errors.OVERLOADED, message, {"Retry-After": "1"})
            case DeadlineExceeded():
                message = f"the answer took longer than {self.settings.deadline:g} s; ask for less"
                return _refused(media, 400 if media == RESPONSE_JSON else 200, errors.TIMEOUT, message)
        number = uuid.uuid4().hex[:12]
        log.error("request %s failed", number, exc_info=error)
        return _refused(media, 500, errors.INTERNAL, f"something went wrong; the log knows it as {number}")


def _response(result: ExecutionResult, media: str) -> Response:
    """A result on the wire. Without `data` it is a request error, which the newer media type says by its status."""
    body: dict[str, Any] = {}
    status = 200
    if result.errors:
        _log_unexpected(result.errors)
        body["errors"] = errors.formatted(result)
    if result.data is not None or not result.errors:
        body["data"] = result.data
        if result.extensions:
            body["extensions"] = result.extensions
    elif media == RESPONSE_JSON:
        status = 400
    return Response(orjson.dumps(body), status, media_type=f"{media}; charset=utf-8")


def _log_unexpected(found: list[GraphQLError]) -> None:
    for error in found:
        if error.path and error.original_error is not None:
            log.error("a field failed: %s", error, exc_info=error.original_error)


def _refused(media: str, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    body = orjson.dumps({"errors": [{"message": message, "extensions": {"code": code}}]})
    return Response(body, status, headers, media_type=f"{media}; charset=utf-8")


def _media_type(accept: str) -> str:
    """The media type of ours that the client likes best. Raises Malformed where it takes neither."""
    qualities: dict[str, float] = {}
    for part in (accept or "*/*").lower().split(","):
        kind, _, parameters = part.partition(";")
        quality = re.search(r"\bq\s*=\s*([^;]*)", parameters)
        number = quality[1].strip() if quality else "1"
        qualities.setdefault(kind.strip(), float(number) if re.fullmatch(r"[01](\.\d{0,3})?", number) else 0.0)
    ranges = {
        media: next((r for r in (media, "application/*", "*/*") if r in qualities), "")
        for media in (JSON, RESPONSE_JSON)
    }
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
        raise Malformed(406, f"answers are {RESPONSE_JSON} or {JSON}")
    return best


def _refuse_headers(request: HttpRequest) -> None:
    """Raises Malformed for headers without measure."""
    headers = request.headers.raw
    if len(headers) > MAX_HEADERS or sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES:
        raise Malformed(431, "the headers are too large", Connection="close")


def _wants_page(request: HttpRequest) -> bool:
    """A browser that opens the address, rather than a client that asks a question."""
    return (
        request.method in ("GET", "HEAD")
        and "query" not in request.query_params
        and "text/html" in request.headers.get("accept", "")
    )


def _from_query(request: HttpRequest) -> Request:
    try:
        unquote_to_bytes(request.url.query).decode()
    except UnicodeDecodeError as error:
        raise Malformed(400, "the address is not UTF-8") from error
    parameters = request.query_params
    data: dict[str, Any] = {name: parameters.get(name) for name in ("query", "operationName")}
    data |= {name: _json(parameters[name].encode()) for name in ("variables", "extensions") if parameters.get(name)}
    return _checked(data, get=True)


def _from_body(body: bytes) -> Request:
    data = _json(body)
    if isinstance(data, list):
        raise Malformed(400, "batches are not supported; send one request")
    if not isinstance(data, dict):
        raise Malformed(400, "the body must be a JSON object with a 'query'")
    return _checked(data, get=False)


def _json(text: bytes) -> Any:
    try:
        return json_of(text)
    except ValueError as error:
        raise Malformed(400, "the request is not JSON in UTF-8") from error


def _checked(data: dict[str, Any], *, get: bool) -> Request:
    query, variables, name = data.get("query"), data.get("variables"), data.get("operationName")
    if not isinstance(query, str) or not query.strip():
        raise Malformed(400, "'query' must be a text")
    if variables is not None and not isinstance(variables, dict):
        raise Malformed(400, "'variables' must be an object")
    if name is not None and not isinstance(name, str):
        raise Malformed(400, "'operationName' must be a text")
    if not isinstance(data.get("extensions", {}), dict | None):
        raise Malformed(400, "'extensions' must be an object")
    explain = bool((data.get("extensions") or {}).get("ways"))
    return Request(query, variables or {}, name or None, get, explain)
