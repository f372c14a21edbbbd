"""`/table/<metric>.<format>`: the rows of a metric as a file, planned as the API plans them, written as they come."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from snapshot.errors import DeadlineExceeded, NotComputable, OutOfRange

from ..connection import while_connected
from ..execute import not_allowed
from ..limits import Places
from ..plan import Plan
from ..service import Service
from ..write import is_known
from .body import Body, ClientGone
from .http import VARY, RawHeaders, disposition
from .table_request import TableRequest, plan_of, table_request

log = logging.getLogger("pacelayer.gql")

# So many tables are written at once in a process, each in a thread of its own: all of them take turns with the API.
MAX_TABLES = 4


class TableFiles:
    """The tables of the current generation. A file is of one generation, which stays open until it is written."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._places = Places(MAX_TABLES)
        self._threads = ThreadPoolExecutor(MAX_TABLES, "table")

    def stop(self) -> None:
        """Let the threads end. They are not waited for here: what they write goes through the event loop."""
        self._threads.shutdown(wait=False)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file. Raises what `answer` does, Malformed and Overloaded, before anything is sent."""
        loop = asyncio.get_running_loop()
        with self._places.taken():
            body = Body(loop, send)
            cache_control = self._service.freshness.cache_control(self._service.reader.current.catalog.snapshot)
            work = loop.run_in_executor(self._threads, partial(self._write, scope, body, cache_control))
            try:
                await while_connected(receive, _done(work))
            finally:
                body.leave()
                await asyncio.wait([work])
            if (error := work.exception()) is None or isinstance(error, ClientGone):
                return
            if not body.has_begun:
                raise error
            log.error("a table breaks off: %s: %s", type(error).__name__, error)

    def _write(self, scope: Scope, body: Body, cache_control: bytes) -> None:
        """All of it, of one generation. Runs in a thread. Raises ClientGone, too."""
        with self._service.reader.lease() as generation:
            api, settings, file = generation.value, self._service.settings, scope["path_params"]["file"]
            request = table_request(api, file, scope["query_string"])
            plan = plan_of(request, api, settings)
            etag = _etag(generation.generation.id, file, scope["query_string"])
            headers: RawHeaders = [
                (b"etag", etag.encode()),
                (b"x-snapshot-id", generation.generation.id.encode()),
                (b"cache-control", cache_control),
                VARY,
            ]
            if is_known(etag, Headers(scope=scope).get("if-none-match", "")):
                return body.empty(304, headers)
            name, _, ending = file.rpartition(".")
            headers.append((b"content-type", request.format.media.encode()))
            headers.append(disposition(f"{name}-{generation.generation.id}.{ending}"))
            if scope["method"] == "HEAD":
                return body.empty(200, headers)
            deadline = time.monotonic() + settings.deadline
            with generation.running(plan.sql, plan.parameters, deadline) as running:
                body.begin(headers, running)
                return _run(request, plan, body)


def _run(request: TableRequest, plan: Plan, body: Body) -> None:
    """Write the rows. Why a writer fails is known here, where the error says little.

    Raises GraphQLError for what the data does not allow, ClientGone, DeadlineExceeded and QueryFailed.
    """
    running = body.running
    assert running is not None  # noqa: S101  it was begun
    try:
        request.format.write(plan, running, body)
    except Exception as error:
        if body.is_left:
            raise ClientGone from error
        if running.is_overdue:
            raise DeadlineExceeded("the table took longer than it may", "ask for less") from error
        if isinstance(error, OutOfRange | NotComputable):
            raise not_allowed(error) from error
        raise
    body.end()


async def _done(work: asyncio.Future[None]) -> None:
    """Until it is, well or not."""
    await asyncio.wait([work])


def _etag(generation: str, file: str, query_string: bytes) -> str:
    """A weak one: equal questions have equal rows, and perhaps not equal bytes."""
    text = f"{generation}\n{file}\n{query_string.decode('latin-1')}"
    return f'W/"{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}"'
