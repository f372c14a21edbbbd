"""A request -> its answer: one that is kept, one that is at hand, or one that a thread makes; warm before a flip."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from graphql import ExecutionResult, GraphQLError, GraphQLSchema
from starlette.types import ASGIApp, Receive, Scope

from snapshot.errors import DeadlineExceeded
from snapshot.events import Event, Flipped, Observer
from snapshot.reader import POLL_SECONDS, OpenGeneration, Reader, Resources
from snapshot.settings import Settings

from .answer import Request, answer, answer_from, answer_now
from .cursor import OtherGeneration
from .encoding import ENCODINGS, LEAST_BYTES, compress, encoding_of
from .event_stream import OneResult
from .freshness import Freshness
from .kept import Answers, Kept, Key, etag_of, to_keep
from .limits import Workers
from .live import Live
from .operation_request import operation_request
from .operations import Operations
from .read import JSON, Headers, graphql_request
from .resident import NotResident
from .schema import Api
from .schemas import Schemas
from .trace import Trace
from .write import NOT_KEPT, Written, body_of

log = logging.getLogger("pacelayer.gql")

HIT = b"hit"
# So many answers are made of a new generation before it is current, in so many seconds: with a poll, they are the most
# that two processes may be apart.
WARMED, WARMING_SECONDS = 100, POLL_SECONDS


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
        self.live = Live(self.reader, self.settings.max_tokens)

    def _observe(self, event: Event) -> None:
        if isinstance(event, Flipped):
            self.answers.leave(event.id)
            self._settle(self.reader.current.value.schema)
            self.live.published()
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
        request = await graphql_request(scope, receive, headers, self.settings.max_body, self.workers)
        if request.digest or self.operations.trusted_only:
            request = self.operations.resolved(request)
        return await self._measured(request) if request.large else request

    async def read_operation(self, scope: Scope, receive: Receive, headers: Headers) -> Request:
        """What is asked of an operation's address."""
        operation = self.operations.at(scope["path_params"]["path"])
        types = self.reader.current.value.schema.type_map
        max_body = self.settings.max_body
        request = await operation_request(scope, receive, headers, max_body, self.workers, operation, types)
        return await self._measured(request) if request.large else request

    async def _measured(self, request: Request) -> Request:
        """A request whose key and size are known: of a large one they take as long as to read it."""
        await self.workers.run(lambda: (request.key, request.size, request.packed))
        return request

    async def stream(self, request: Request, headers: Headers) -> ASGIApp:
        """The events of a subscription, or the one of anything else. Raises what `respond` does."""
        if await self.workers.run(lambda: self.live.is_subscription(request)):
            return self.live.stream(request, headers.last_event_id)
        answered = await self.respond(request, JSON, replace(headers, accept_encoding=""))
        return OneResult(answered.kept.body, answered.kept.generation)

    async def respond(self, request: Request, media: str, headers: Headers) -> Written:
        """The answer to a request. Raises what `answer` does, Overloaded and NoSnapshot."""
        deadline = time.monotonic() + self.settings.deadline
        info = self.reader.current.catalog.snapshot
        key = Key(info.id, "", media, request.key)
        kept, timing = self.answers.find(key), HIT
        if kept is None:
            kept = self._at_hand(request, key)
            if kept is None:
                kept = await self.answers.get(key, request, lambda: self._make(request, key, deadline))
            timing = kept.timing
        if encoding := encoding_of(headers.accept_encoding, small=len(kept.body) < LEAST_BYTES):
            kept = await self._form(kept, key._replace(encoding=encoding), request)
        cache = self.freshness.cache_control(info) if kept.lasting else NOT_KEPT
        return Written(kept, headers.if_none_match, cache, timing)

    async def _form(self, plain: Kept, key: Key, request: Request) -> Kept:
        """An answer in another form, which is kept, and made once, as the answer itself is."""

        async def make() -> Kept:
            return await self.workers.run(lambda: _compressed(plain, key.encoding))

        return self.answers.find(key) or await self.answers.get(key, request, make)

    def _at_hand(self, request: Request, key: Key) -> Kept | None:
        """An answer for which all is there: it takes less time than to change threads, and nobody else can ask."""
        if request.large or self.answers.is_coming(key):
            return None
        try:
            made = _made(key, lambda trace: answer_now(request, self.reader, self.settings, trace=trace))
        except NotResident:
            return None
        self.answers.keep(key, request, made)
        return made

    async def _make(self, request: Request, key: Key, deadline: float) -> Kept:
        """Parse, validate, plan, query, write, in a thread: all of one generation."""

        def respond(trace: Trace) -> ExecutionResult:
            return answer(request, self.reader, self.settings, deadline, trace=trace)

        return await self.workers.run(lambda: _made(key, respond))

    def warm(self, opened: OpenGeneration[Api]) -> None:
        """Have the hottest answers of a generation that is not current yet, as far as a moment is enough for them.

        Runs in the thread that follows.
        """
        until = time.monotonic() + WARMING_SECONDS
        for key, request in self.answers.hottest(WARMED):
            if time.monotonic() > until:  # DuckDB says so only where it is asked
                log.info("%s is not all warm", opened.generation.id)
                return
            try:
                self._warm_one(opened, key, request, until)
            except DeadlineExceeded:
                log.info("%s is not all warm", opened.generation.id)
                return
            except Exception as error:  # nobody waits for it, and a cold generation answers
                log.error("%s is not all warm", opened.generation.id, exc_info=error)

    def _warm_one(self, opened: OpenGeneration[Api], key: Key, request: Request, until: float) -> None:
        def respond(trace: Trace) -> ExecutionResult:
            return answer_from(request, self.reader, opened, self.settings, until, trace=trace)

        fresh = key._replace(generation=opened.generation.id)
        with suppress(OtherGeneration):  # a page of the generation that goes, which is not asked from its beginning
            made = _made(fresh, respond)
            self.answers.keep(fresh, request, made)
            for encoding in ENCODINGS:
                if self.answers.find(key._replace(encoding=encoding)):
                    self.answers.keep(fresh._replace(encoding=encoding), request, _compressed(made, encoding))


def _compressed(plain: Kept, encoding: str) -> Kept:
    return plain.in_form(encoding, compress(plain.body, encoding))


def _made(key: Key, respond: Callable[[Trace], ExecutionResult]) -> Kept:
    """An answer to keep. Raises what `respond` does, but for refusals, which are answers."""
    trace = Trace()
    try:
        result = respond(trace)
    except GraphQLError as error:
        result = ExecutionResult(None, [error])
    _log_unexpected(result)
    status, body = body_of(result, key.media)
    trace.step("write")
    return to_keep(
        status,
        key.media,
        body,
        trace.generation or key.generation,
        etag_of(key, trace.generation),
        lasting=not result.errors and not trace.moves,
        timing=str(trace).encode(),
    )


def _log_unexpected(result: ExecutionResult) -> None:
    for error in result.errors or ():
        if error.path and error.original_error is not None:
            log.error("a field failed: %s", error, exc_info=error.original_error)
