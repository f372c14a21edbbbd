"""What a stream does that no client sees well from outside: its place, its heartbeat, its end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, cast

import pytest
from graphql import DocumentNode, parse

from gql import document
from gql import live as live_module
from gql.answer import Request
from gql.download.table_file import TableFiles
from gql.event_stream import HEARTBEAT
from gql.limits import Overloaded
from gql.live import Live

from .tiny import Asking, asking, publish, publish_again

METRICS = {"people": "select id, plan from shop.users"}
SUBSCRIPTION = Request("subscription { snapshotPublished { snapshot { number } } }", {})
SCOPE = {"type": "http", "method": "GET"}


class Client:
    """What a stream sends, and a client that stays until it leaves; one that is `deaf` takes nothing of a body."""

    def __init__(self, *, deaf: bool = False) -> None:
        self.body, self.left, self.deaf = list[bytes](), asyncio.Event(), deaf
        self._more = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        """Word that the client has left."""
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        """Take a part of the answer."""
        if message["type"] == "http.response.body":
            if self.deaf:
                await asyncio.Event().wait()
            self.body.append(message["body"])
            self._more.set()

    async def has(self, condition: Callable[[list[bytes]], bool]) -> None:
        """Wait until what came fulfils a condition."""
        async with asyncio.timeout(20):
            while not condition(self.body):
                self._more.clear()
                await self._more.wait()


def run(root: Path, story: Callable[[Asking], Coroutine[Any, Any, None]]) -> None:
    """A story on an event loop, over the open snapshot of a small project."""
    with asking(publish(root, METRICS)) as asked:
        asyncio.run(story(asked))


def test_a_stream_beyond_the_last_place_is_refused_until_one_leaves(tmp_path: Path) -> None:
    """Before a byte is sent, so that there can be a status."""

    async def story(asked: Asking) -> None:
        live, client = Live(asked.reader, 1_000, streams=1), Client()
        first = asyncio.ensure_future(live.stream(SUBSCRIPTION, "")(SCOPE, client.receive, client.send))
        await client.has(bool)
        with pytest.raises(Overloaded):
            live.stream(SUBSCRIPTION, "")

        client.left.set()
        await first

        live.stream(SUBSCRIPTION, "")

    run(tmp_path, story)


def test_a_silent_stream_says_now_and_then_that_it_is_alive(tmp_path: Path) -> None:
    """Proxies would close it."""

    async def story(asked: Asking) -> None:
        live, client = Live(asked.reader, 1_000, heartbeat=0.001), Client()
        stream = asyncio.ensure_future(live.stream(SUBSCRIPTION, "")(SCOPE, client.receive, client.send))

        await client.has(lambda body: body.count(HEARTBEAT) >= 2)

        live.stop()
        await stream
        assert client.body[-1] == b""

    run(tmp_path, story)


def test_a_client_that_takes_nothing_is_not_waited_for_when_the_server_stops(tmp_path: Path) -> None:
    """Nor does it keep anything but its place until then."""

    async def story(asked: Asking) -> None:
        live, client = Live(asked.reader, 1_000), Client(deaf=True)
        stream = asyncio.ensure_future(live.stream(SUBSCRIPTION, "")(SCOPE, client.receive, client.send))
        for _ in range(3):
            publish_again(asked.settings)
            asked.reader.follow()
            live.published()
            await asyncio.sleep(0)

        live.stop()

        async with asyncio.timeout(20):
            await stream
        assert client.body == []

    run(tmp_path, story)


def test_many_clients_that_know_the_same_are_told_by_one_event(tmp_path: Path) -> None:
    """It is made once."""

    async def story(asked: Asking) -> None:
        live, clients = Live(asked.reader, 1_000), [Client() for _ in range(3)]
        streams = [asyncio.ensure_future(live.stream(SUBSCRIPTION, "?")(SCOPE, c.receive, c.send)) for c in clients]
        for client in clients:
            await client.has(bool)

        (first,), *others = (client.body for client in clients)
        assert all(body[0] is first for body in others)
        live.stop()
        await asyncio.gather(*streams)

    run(tmp_path, story)


def test_no_document_of_a_stream_is_read_on_the_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long one would keep all requests waiting, for each stream and each generation."""
    readers = list[threading.Thread]()

    def parse_and_note(*args: Any, **more: Any) -> DocumentNode:
        readers.append(threading.current_thread())
        return parse(*args, **more)

    async def story(asked: Asking) -> None:
        monkeypatch.setattr(document, "parse", parse_and_note)
        live, client = Live(asked.reader, 1_000), Client()
        stream = asyncio.ensure_future(live.stream(SUBSCRIPTION, "?")(SCOPE, client.receive, client.send))

        await client.has(lambda body: b"snapshotPublished" in b"".join(body))

        live.stop()
        await stream
        assert readers
        assert threading.current_thread() not in readers

    run(tmp_path, story)


def test_a_client_that_leaves_while_its_event_is_made_takes_it_from_nobody(tmp_path: Path) -> None:
    """It is made once, for all who know the same."""

    async def story(asked: Asking) -> None:
        live, leaving, staying = Live(asked.reader, 1_000), Client(), Client()
        clients = [leaving, staying]
        async with live._making:
            streams = [asyncio.ensure_future(live.stream(SUBSCRIPTION, "?")(SCOPE, c.receive, c.send)) for c in clients]
            leaving.left.set()
            await streams[0]

        await staying.has(bool)

        live.stop()
        await streams[1]
        assert leaving.body == []

    run(tmp_path, story)


def test_a_table_that_is_being_written_does_not_hold_up_the_server_that_stops() -> None:
    """What a thread writes goes through the event loop, which would wait for the thread."""
    tables, release = TableFiles(cast("Any", None)), threading.Event()
    writing = tables._threads.submit(release.wait, 5)
    tables.stop()
    assert not writing.done()
    release.set()


def test_events_that_many_may_ask_for_take_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much a client selects, under whatever names."""
    monkeypatch.setattr(live_module, "EVENT_BYTES", 10_000)

    async def story(asked: Asking) -> None:
        live = Live(asked.reader, 1_000)
        for number in range(30):
            words = " ".join(f"a{number}_{'x' * 1_000}_{alias}: changedMetrics" for alias in range(3))
            client = Client()
            stream = live.stream(Request(f"subscription {{ snapshotPublished {{ {words} }} }}", {}), "older")
            told = asyncio.ensure_future(stream(SCOPE, client.receive, client.send))
            await client.has(bool)
            client.left.set()
            await told
        assert sum(len(event.result()) for event in live._events.values()) <= 10_000

    run(tmp_path, story)


def test_an_event_that_failed_is_made_for_the_next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was in the way of one may be gone for another one who asks the same."""

    async def story(asked: Asking) -> None:
        live, made = Live(asked.reader, 1_000), Live._made

        def fail(*_: Any) -> bytes:
            raise OSError("too many open files")

        for is_made in (fail, made):
            monkeypatch.setattr(Live, "_made", is_made)
            client = Client()
            stream = live.stream(SUBSCRIPTION, "older")
            told = asyncio.ensure_future(stream(SCOPE, client.receive, client.send))
            if is_made is fail:
                with pytest.raises(OSError, match="too many"):
                    await told
                continue
            await client.has(bool)
            client.left.set()
            await told

    run(tmp_path, story)
