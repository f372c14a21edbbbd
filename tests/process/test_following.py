"""The API goes from generation to generation, and nobody who asks notices."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from gql.app import create_app
from snapshot import settings
from snapshot.store import Store, locked

from .asking import BROWSER, data, eventually
from .running import answers, running_api
from .shops import COUNTED, ORDERS, Publisher, add_order, make_project

CLIENTS, FLIPS = 8, 50
# Root fields of which each tells the generation by itself: the n-th one has n orders.
QUESTION = """{
    snapshot { id number }
    sales(by: [YEAR]) { nodes { year orders } }
    latest { nodes { orders lastId } }
}"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project of which nothing is published yet; its first generation will have one order."""
    project = make_project(tmp_path / "shop", ORDERS, COUNTED, more="[snapshots]\nkeep = 3")
    add_order(project)
    return project


def publish_next(project: Path, publisher: Publisher | None = None) -> int:
    """Publish the next generation, which has an order more than the last one; its number."""
    number = (publisher or Publisher(project)).publish().number
    add_order(project)
    return number


@dataclass
class Crowd:
    """Clients that ask one after the other until they are told to stop, and what they got."""

    client: httpx.Client
    stop: threading.Event = field(default_factory=threading.Event)
    answers: list[list[dict[str, Any]]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def ask(self, mine: list[dict[str, Any]]) -> None:
        """What one client does, three times a second, so that two processors are not busy with asking alone."""
        while not self.stop.wait(0.3):
            try:
                answer = self.client.post("/graphql", json={"query": QUESTION})
                if answer.status_code != 200 or "errors" in answer.json():
                    self.failures.append(answer.text)
                else:
                    mine.append(answer.json()["data"])
            except httpx.TransportError as error:
                self.failures.append(repr(error))

    def has_seen(self, number: int) -> bool:
        """Whether that generation has answered a client."""
        return any(mine and mine[-1]["snapshot"]["number"] == number for mine in self.answers)


@contextmanager
def crowd(client: httpx.Client) -> Iterator[Crowd]:
    """Eight clients at work."""
    asking = Crowd(client, answers=[[] for _ in range(CLIENTS)])
    threads = [threading.Thread(target=asking.ask, args=(mine,)) for mine in asking.answers]
    for thread in threads:
        thread.start()
    try:
        yield asking
    finally:
        asking.stop.set()
        for thread in threads:
            thread.join()


def generations_in(answer: dict[str, Any]) -> set[int]:
    """The generations that the numbers of one answer are of."""
    (year,), (latest,) = answer["sales"]["nodes"], answer["latest"]["nodes"]
    in_name = int(answer["snapshot"]["id"].partition("-")[2])
    return {answer["snapshot"]["number"], in_name, year["orders"], latest["orders"], latest["lastId"]}


def answered_by(client: httpx.Client, number: int) -> bool:
    """Whether a generation answers, and answers right."""
    return generations_in(data(client, QUESTION)) == {number}


def test_before_the_first_snapshot_the_api_lives_and_is_not_ready_and_then_comes_up(shop: Path) -> None:
    """Whoever asks is told to come back, and need not be told when: the API finds the snapshot by itself."""
    with running_api(shop, ready=False) as (client, _):
        assert client.get("/livez").status_code == 200
        for answer in (client.get("/readyz"), client.post("/graphql", json={"query": QUESTION})):
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
        assert (
            client.post("/graphql", json={"query": QUESTION}).json()["errors"][0]["extensions"]["code"] == "NO_SNAPSHOT"
        )

        publish_next(shop)

        eventually(lambda: answers(client, "/readyz"), "the API is ready")
        assert generations_in(data(client, QUESTION)) == {1}


def test_a_browser_gets_graphiql_before_the_first_snapshot(shop: Path) -> None:
    """The page is a file; it will say itself that there is nothing yet."""
    with running_api(shop, ready=False) as (client, _):
        assert client.get("/graphql", headers={"Accept": BROWSER}).status_code == 200


def test_fifty_flips_under_load_fail_no_request_and_mix_no_answer(shop: Path) -> None:
    """Each answer is of one generation throughout, and no client goes back to an earlier one.

    They come as fast as they can be made, and only one is kept: a file may be gone while the API is about to open it.
    """
    text = (shop / "pacelayer.toml").read_text()
    (shop / "pacelayer.toml").write_text(text.replace("keep = 3", "keep = 1"))
    publisher = Publisher(shop)
    publish_next(shop, publisher)
    with running_api(shop) as (client, _), crowd(client) as asking:
        for number in range(2, FLIPS + 2):
            assert publish_next(shop, publisher) == number
        eventually(partial(asking.has_seen, FLIPS + 1), "the last generation answers")

    assert asking.failures == []
    seen = set()
    for mine in asking.answers:
        mixed = [answer for answer in mine if len(generations_in(answer)) != 1]
        assert mixed == []
        numbers = [answer["snapshot"]["number"] for answer in mine]
        assert numbers == sorted(numbers)
        seen |= set(numbers)
    assert len(seen) > FLIPS / 4


def test_a_rollback_is_followed_and_so_is_the_refresh_after_it(shop: Path) -> None:
    """Back to the older numbers, then on, with a number that was never used."""
    for _ in range(2):
        publish_next(shop)
    found = settings.load(shop)
    with running_api(shop) as (client, _):
        with locked(found.directory):
            Store(found.directory, found.snapshots.keep).rollback(None)
        eventually(partial(answered_by, client, 1), "generation 1 answers again")
        assert data(client, "{ status { generations { number current } } }")["status"]["generations"] == [
            {"number": 2, "current": False},
            {"number": 1, "current": True},
        ]

        publish_next(shop)

        eventually(partial(answered_by, client, 3), "generation 3 answers")


def test_a_generation_that_nobody_reads_any_more_is_let_go(shop: Path) -> None:
    """The API has the current file open and no other."""
    publish_next(shop)
    with running_api(shop) as (client, running):
        for number in (2, 3):
            publish_next(shop)
            eventually(partial(answered_by, client, number), f"generation {number} answers")

        current = (shop / "snapshots" / "current.duckdb").resolve()
        eventually(lambda: open_snapshots(running.pid) == {current}, "the older files are closed")


def open_snapshots(pid: int) -> set[Path]:
    """The snapshots that a process has open."""
    files = {descriptor.resolve() for descriptor in Path(f"/proc/{pid}/fd").iterdir() if descriptor.is_symlink()}
    return {file for file in files if file.suffix == ".duckdb"}


def test_a_generation_that_was_left_is_not_kept_in_memory(shop: Path) -> None:
    """A process that follows for months does not grow."""
    publish_next(shop)
    app: Any = create_app(settings.load(shop))
    reader = app.graphql.service.reader

    def leased() -> tuple[int, weakref.ref[Any]]:
        with reader.lease() as generation:
            return generation.generation.number, weakref.ref(generation.value)

    async def follow_twice() -> weakref.ref[Any]:
        async with app.router.lifespan_context(app):
            _, first = leased()
            for number in (2, 3):
                publish_next(shop)
                eventually(lambda: leased()[0] == number, f"generation {number} is open")  # noqa: B023  asked at once
            return first

    try:
        first = asyncio.run(follow_twice())
        assert first() is None
    finally:
        gc.unfreeze()
