"""GraphQL over HTTP: a request read strictly, an answer that is kept or made, and the right status."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

from graphql import ExecutionResult, GraphQLError, GraphQLSchema
from starlette.datastructures import QueryParams
from starlette.responses import FileResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from snapshot.errors import DeadlineExceeded, NoSnapshot
from snapshot.events import Event, Flipped, Observer
from snapshot.reader import POLL_SECONDS, OpenGeneration, Reader, Resources
from snapshot.settings import ServerSettings, Settings

from . import errors
from .answer import NotByGet, Request, answer, answer_from, answer_now
from .encoding import LEAST_BYTES, compress, encoding_of
from .freshness import Freshness
from .kept import Answers, Kept, Key, etag_of
from .limits import Overloaded, Workers
from .operation_request import operation_request
from .operations import Operations
from .read import JSON, RESPONSE_JSON, Headers, Malformed, graphql_request, headers_of, media_type
from .resident import NotResident
from .schema import Api, Schemas
from .trace import Trace
from .write import NOT_KEPT, Written, body_of, refused

log = logging.getLogger("pacelayer.gql")

PAGE = Path(__file__).parent / "static" / "graphiql.html"
# The page's own script and style, and nothing from anywhere else.
PAGE_POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:"

HIT = b"hit"
# Another process may be a poll ahead.
REACHING_SECONDS = 2 * POLL_SECONDS
# So many answers are made of a new generation before it is current, in so many seconds.
WARMED, WARMING_SECONDS = 100, 2.0

# What is asked of an address. Raises Malformed, and GraphQLError for a refusal.
Read = Callable[[Scope, Receive, Headers], Awaitable[Request]]


class Service:
    """What all endpoints share: one snapshot, its kept answers, and the threads that make them."""

    def __init__(self, settings: Settings, tell: Observer) -> None:
        self.settings, self._tell = settings.server, tell
        self._settled: GraphQLSchema | None = None
        # DuckDB shares its threads among a process's queries; one each for the requests that are worked on is enough.
        resources = Resources(self.settings.threads, self.settings.memory)
        self.reader = Reader(settings.directory, resources, Schemas(), self._observe, self.warm)
        self.workers = Workers(self.settings.threads)
        self.operations = Operations(settings.root, trusted_only=settings.server.allow == "trusted")
        self.answers = Answers(settings.server.answer_bytes)
        self.freshness = Freshness(self.reader)

    def _observe(self, event: Event) -> None:
        if isinstance(event, Flipped):
            self.answers.leave(event.id)
            self._settle(self.reader.current.value.schema)
        self._tell(event)

    def _settle(self, schema: GraphQLSchema) -> None:
        """A schema lives until a definition changes: the collector need not look at it with every request."""
        if schema is not self._settled:
            self._settled = schema
            gc.unfreeze()  # the schema that was left was frozen, too, and is to go now
            gc.collect()
            gc.freeze()

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
        if headers.x_snapshot_min:
            await self._reach(headers.x_snapshot_min)
        info = self.reader.current.catalog.snapshot
        key = Key(info.id, "", media, request.key)
        kept, timing = self.answers.find(key), HIT
        if kept is None:
            kept = await self.answers.get(key, lambda: self._make(request, key, deadline))
            timing = kept.timing
        encoding = encoding_of(headers.accept_encoding) if len(kept.body) >= LEAST_BYTES else ""
        if encoding and encoding not in kept.encoded:
            self.answers.add(key, kept, encoding, await self.workers.run(lambda: compress(kept.body, encoding)))
        cache = self.freshness.cache_control(info) if kept.lasting else NOT_KEPT
        return Written(kept, encoding, headers.if_none_match, cache, timing)

    async def _reach(self, least: str) -> None:
        """Wait until a generation of at least that number is current, which another process may have shown already.

        Raises Malformed where it does not come.
        """
        if not least.isascii() or not least.isdigit():
            raise Malformed(400, "'X-Snapshot-Min' must be the number of a generation")
        until = time.monotonic() + REACHING_SECONDS
        while (number := self.reader.current.generation.number) < int(least):
            if time.monotonic() > until:
                message = f"generation {least[:20]} is not there yet; the current one is {number}"
                raise Malformed(503, message, **{"Retry-After": "1"})
            await asyncio.sleep(REACHING_SECONDS / 20)

    async def _make(self, request: Request, key: Key, deadline: float) -> Kept:
        """Parse, validate, plan, query, write: all of one generation. In a thread, but for what is at hand."""
        try:
            return _made(request, key, lambda trace: answer_now(request, self.reader, self.settings, trace=trace))
        except NotResident:
            pass

        def respond(trace: Trace) -> ExecutionResult:
            return answer(request, self.reader, self.settings, deadline, trace=trace)

        return await self.workers.run(lambda: _made(request, key, respond))

    def warm(self, opened: OpenGeneration[Api]) -> None:
        """Have the hottest answers of a generation that is not current yet, as far as a moment is enough for them.

        Runs in the thread that follows.
        """
        until = time.monotonic() + WARMING_SECONDS
        try:
            for key, kept in self.answers.hottest(WARMED):
                self._warm_one(opened, key._replace(generation=opened.generation.id), kept, until)
        except DeadlineExceeded:
            log.info("%s is not all warm", opened.generation.id)
        except Exception as error:  # nobody waits for it, and a cold generation answers
            log.error("%s is not warm", opened.generation.id, exc_info=error)

    def _warm_one(self, opened: OpenGeneration[Api], key: Key, kept: Kept, until: float) -> None:
        def respond(trace: Trace) -> ExecutionResult:
            return answer_from(kept.request, self.reader, opened, self.settings, until, trace=trace)

        made = _made(kept.request, key, respond)
        made.encoded.update({encoding: compress(made.body, encoding) for encoding in tuple(kept.encoded)})
        self.answers.keep(key, made)


def _made(request: Request, key: Key, respond: Callable[[Trace], ExecutionResult]) -> Kept:
    """An answer to keep. Raises what `respond` does, but for refusals, which are answers."""
    trace = Trace()
    try:
        result = respond(trace)
    except GraphQLError as error:
        result = ExecutionResult(None, [error])
    _log_unexpected(result)
    status, body = body_of(result, key.media)
    trace.step("write")
    return Kept(
        request=request,
        status=status,
        media=f"{key.media}; charset=utf-8".encode(),
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
                response: ASGIApp = FileResponse(PAGE, headers={"Content-Security-Policy": PAGE_POLICY})
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
            return Response(body, status, {"Cache-Control": NOT_KEPT.decode()}, f"{media}; charset=utf-8")
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
