"""GraphQL over HTTP: a request read strictly, an answer that is kept or made, and the right status."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from graphql import ExecutionResult, GraphQLError
from starlette.datastructures import QueryParams
from starlette.responses import FileResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from snapshot.errors import DeadlineExceeded, NoSnapshot
from snapshot.reader import Reader
from snapshot.settings import ServerSettings, Settings

from . import errors
from .answer import NotByGet, Request, answer
from .encoding import LEAST_BYTES, compress, encoding_of
from .freshness import Freshness
from .kept import VARY, Answers, Kept, Key, etag_of
from .limits import Overloaded, Workers
from .operation_request import operation_request
from .operations import Operations
from .read import JSON, RESPONSE_JSON, Headers, Malformed, graphql_request, headers_of, media_type
from .schema import Api
from .trace import Trace
from .write import NOT_KEPT, NOT_KEPT_HEADERS, Written, body_of, refused

log = logging.getLogger("pacelayer.gql")

PAGE = Path(__file__).parent / "static" / "graphiql.html"
# The page's own script and style, and nothing from anywhere else.
PAGE_POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:"
# No cache may give it to a client that asks for an answer at the same address.
PAGE_HEADERS = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache", "Vary": VARY.decode()}

HIT = b"hit"

# What is asked of an address. Raises Malformed, and GraphQLError for a refusal.
Read = Callable[[Scope, Receive, Headers], Awaitable[Request]]


class Service:
    """What all endpoints share: one snapshot, its kept answers, and the threads that make them."""

    def __init__(self, reader: Reader[Api], workers: Workers, settings: Settings) -> None:
        self.reader, self.workers, self.settings = reader, workers, settings.server
        self.operations = Operations(settings.root, trusted_only=settings.server.allow == "trusted")
        self.answers = Answers(settings.server.answer_bytes)
        self.freshness = Freshness(reader)

    async def read_graphql(self, scope: Scope, receive: Receive, headers: Headers) -> Request:
        """What is asked of `/graphql`."""
        request = await graphql_request(scope, receive, headers, self.settings.max_body)
        trusted_only = self.operations.trusted_only
        return self.operations.resolved(request) if request.digest or trusted_only else request

    async def read_operation(self, scope: Scope, receive: Receive, headers: Headers) -> Request:
        """What is asked of an operation's address."""
        operation = self.operations.at(scope["path_params"]["path"])
        types = self.reader.current.value.schema.type_map
        return await operation_request(scope, receive, headers, self.settings.max_body, operation, types)

    async def respond(self, request: Request, media: str, headers: Headers) -> ASGIApp:
        """The answer to a request. Raises what `answer` does, Overloaded and NoSnapshot."""
        deadline = time.monotonic() + self.settings.deadline
        info = self.reader.current.catalog.snapshot
        key = Key(info.id, "", media, request.key)
        kept, timing = self.answers.find(key), HIT
        if kept is None:
            kept = await self.answers.get(key, lambda: self.workers.run(lambda: self._make(request, key, deadline)))
            timing = kept.timing
        encoding = encoding_of(headers.accept_encoding) if len(kept.body) >= LEAST_BYTES else ""
        if encoding:
            kept = await self._form(kept, key._replace(encoding=encoding))
        cache = self.freshness.cache_control(info) if kept.lasting else NOT_KEPT
        return Written(kept, headers.if_none_match, cache, timing)

    async def _form(self, plain: Kept, key: Key) -> Kept:
        """An answer in another form, which is kept, and made once, as the answer itself is."""

        def compressed() -> Kept:
            return replace(plain, body=compress(plain.body, key.encoding), encoding=key.encoding)

        return self.answers.find(key) or await self.answers.get(key, lambda: self.workers.run(compressed))

    def _make(self, request: Request, key: Key, deadline: float) -> Kept:
        """Parse, validate, plan, query, write: all of one generation. Runs in a thread."""
        trace = Trace()
        try:
            result = answer(request, self.reader, self.settings, deadline, trace=trace)
        except GraphQLError as error:
            result = ExecutionResult(None, [error])
        _log_unexpected(result)
        status, body = body_of(result, key.media)
        trace.step("write")
        return Kept(
            status=status,
            media=key.media,
            body=body,
            generation=trace.generation or key.generation,
            etag=etag_of(key, trace.generation),
            lasting=not result.errors and not trace.moves,
            timing=str(trace).encode(),
        )


class Endpoint:
    """One address, as an ASGI application; `read` says what is asked there."""

    def __init__(self, service: Service, read: Read, *, page: bool = False) -> None:
        self.service, self.read, self.page = service, read, page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; whatever goes wrong inside becomes an answer of its own kind."""
        media = JSON
        try:
            headers = headers_of(scope)
            if self.page and _wants_page(scope, headers):
                response: ASGIApp = FileResponse(PAGE, headers=PAGE_HEADERS)
            else:
                media = media_type(headers.accept)
                request = await self.read(scope, receive, headers)
                response = await self.service.respond(request, media, headers)
        except Exception as error:  # noqa: BLE001  the API's edge, one of three places where errors end
            response = _failed(error, media, self.service.settings)
        await response(scope, receive, send)


def _failed(error: Exception, media: str, settings: ServerSettings) -> Response:
    """The answer to a request that has no result. What nobody foresaw goes to the log, its number to the client."""
    match error:
        case GraphQLError():
            status, body = body_of(ExecutionResult(None, [error]), media)
            return Response(body, status, NOT_KEPT_HEADERS, f"{media}; charset=utf-8")
        case Malformed():
            return refused(media, error.status, errors.MALFORMED, error.message, error.headers)
        case NotByGet():
            return refused(media, 405, errors.MALFORMED, "only queries may be sent by GET", {"Allow": "POST"})
        case NoSnapshot():
            message = "no snapshot has been published yet; try again soon"
            return refused(media, 503, errors.NO_SNAPSHOT, message, {"Retry-After": "5"})
        case Overloaded():
            message = "too many requests at once; try again soon"
            return refused(media, 503, errors.OVERLOADED, message, {"Retry-After": "1"})
        case DeadlineExceeded():
            message = f"the answer took longer than {settings.deadline:g} s; ask for less"
            return refused(media, 400 if media == RESPONSE_JSON else 200, errors.TIMEOUT, message)
    number = uuid.uuid4().hex[:12]
    log.error("request %s failed", number, exc_info=error)
    return refused(media, 500, errors.INTERNAL, f"something went wrong; the log knows it as {number}")


def _log_unexpected(result: ExecutionResult) -> None:
    for error in result.errors or ():
        if error.path and error.original_error is not None:
            log.error("a field failed: %s", error, exc_info=error.original_error)


def _wants_page(scope: Scope, headers: Headers) -> bool:
    """A browser that opens the address, rather than a client that asks a question."""
    return (
        scope["method"] in ("GET", "HEAD")
        and "text/html" in headers.accept
        and not {"query", "extensions"} & QueryParams(scope["query_string"]).keys()
    )
