"""Subscriptions: a stream of events for each client, an event for each generation that is published.

A client has no queue. What it was told last is compared with what is current, so that one that reads slowly is told
less often, and costs no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from functools import partial

import orjson
from graphql import OperationType, execute_sync, get_operation_ast
from starlette.types import ASGIApp, Receive, Scope, Send

from snapshot.reader import OpenGeneration, Reader

from .answer import Request
from .changes import Changes
from .connection import while_connected
from .event_stream import HEADERS, HEARTBEAT, known, next_event
from .limits import Places
from .prepare import variables_of
from .schema import Api
from .types import SnapshotPublishedType, snapshot_of

# By this name the application's state has what ends all streams: a server that stops waits for them.
STOP = "stop_streams"
# So many streams are open at once in a process. Each is a file descriptor, of which a process may have 1,024 where
# nobody says otherwise.
MAX_STREAMS = 500
# Proxies close what is silent for a minute.
HEARTBEAT_SECONDS = 15.0
# What a client was told of is not longer, or was nothing of ours.
LONGEST_ID, UNKNOWN_ID = 100, "?"
# Events are kept for others who ask the same until they take so many bytes.
EVENT_BYTES = 8_000_000
# A client that does not read is not waited for when the server stops.
GOODBYE_SECONDS = 1.0


class Live:
    """The streams of one process. Lives on the event loop, but for `is_subscription` and `published`."""

    def __init__(
        self, reader: Reader[Api], max_tokens: int, streams: int = MAX_STREAMS, heartbeat: float = HEARTBEAT_SECONDS
    ) -> None:
        self._reader, self._max_tokens, self._heartbeat = reader, max_tokens, heartbeat
        self._places = Places(streams)
        self._changes = Changes(reader)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._moved, self._stopped = asyncio.Event(), asyncio.Event()
        # Most clients ask the same, and know the same.
        self._events: dict[tuple[str, str, str], asyncio.Task[bytes]] = {}
        self._bytes = 0
        # Events are made one after another: however many clients ask by words of their own, requests have their turn.
        self._making = asyncio.Lock()

    def is_subscription(self, request: Request) -> bool:
        """Whether a request is one that a stream answers; all else is answered, or refused, as without a stream.

        Raises GraphQLError for what cannot be parsed, and for variables that do not fit, and NoSnapshot.
        """
        api = self._reader.current.value
        document = api.documents(request.query, self._max_tokens)
        operation = get_operation_ast(document.node, request.operation_name)
        if document.errors or operation is None or operation.operation is not OperationType.SUBSCRIPTION:
            return False
        variables_of(api.schema, operation, request.variables)
        return True

    def stream(self, request: Request, told: str) -> ASGIApp:
        """The events for a client that was last told of the generation of that id, empty for none.

        Raises Overloaded.
        """
        self._loop = asyncio.get_running_loop()
        self._places.require()
        return partial(self._respond, request, told if len(told) <= LONGEST_ID else UNKNOWN_ID)

    def published(self) -> None:
        """Another generation is current: wake all streams. Called by the thread that follows."""
        self._changes.note(self._reader.current.catalog)
        if self._loop:
            self._loop.call_soon_threadsafe(self._wake)

    def stop(self) -> None:
        """End all streams. They are not complete, so their clients come again."""
        self._stopped.set()

    def _forget(self) -> None:
        self._events.clear()
        self._bytes = 0

    def _wake(self) -> None:
        self._forget()
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def _respond(self, request: Request, told: str, scope: Scope, receive: Receive, send: Send) -> None:
        with self._places.taken():
            current = self._reader.current.generation.id
            await send(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [*HEADERS, (b"x-snapshot-id", current.encode())],
                }
            )
            connected = True
            if scope["method"] != "HEAD":
                connected = await while_connected(receive, self._tell(request, told or current, send), self._stop())
            if connected:
                with suppress(TimeoutError):
                    async with asyncio.timeout(GOODBYE_SECONDS):
                        await send({"type": "http.response.body", "body": b""})

    async def _stop(self) -> None:
        await self._stopped.wait()

    async def _tell(self, request: Request, told: str, send: Send) -> None:
        """What is current where the client does not know it, at once; then each generation that comes."""

        async def say(chunk: bytes) -> None:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})

        if told == self._reader.current.generation.id:
            await say(known(told))
        while True:
            moved, opened = self._moved, self._reader.current
            if opened.generation.id != told:
                await say(await self._event(request, told, opened))
                told = opened.generation.id
                continue
            try:
                await asyncio.wait_for(moved.wait(), self._heartbeat)
            except TimeoutError:
                await say(HEARTBEAT)

    def _event(self, request: Request, told: str, opened: OpenGeneration[Api]) -> Awaitable[bytes]:
        """The event of a generation, for who was told of another one. A client that leaves takes it from nobody."""
        key = request.key, told, opened.generation.id
        if key not in self._events:
            if len(self._events) >= MAX_STREAMS:  # somebody comes again and again, with other words
                self._forget()
            self._events[key] = asyncio.create_task(self._make(request, told, opened))
        return asyncio.shield(self._events[key])

    async def _make(self, request: Request, told: str, opened: OpenGeneration[Api]) -> bytes:
        """In a thread, for the document may be long, and new to this generation's schema."""
        try:
            async with self._making:
                event = await asyncio.to_thread(self._made, request, told, opened)
        except Exception:
            self._forget()  # the next one may have it
            raise
        self._bytes += len(event)
        if self._bytes > EVENT_BYTES:
            self._forget()
        return event

    def _made(self, request: Request, told: str, opened: OpenGeneration[Api]) -> bytes:
        changed = self._changes.since(told, opened.catalog)
        result = execute_sync(
            opened.value.schema,
            opened.value.documents(request.query, self._max_tokens).node,
            root_value=SnapshotPublishedType(snapshot=snapshot_of(opened.catalog), changed_metrics=changed),
            variable_values=dict(request.variables),
            operation_name=request.operation_name,
        )
        return next_event(orjson.dumps(result.formatted), opened.generation.id)
