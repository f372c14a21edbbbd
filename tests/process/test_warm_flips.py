"""A flip is not felt: what was asked most is there, and what did not change is not made again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from snapshot import settings
from snapshot.store import Store, locked

from .asking import data, eventually
from .raw import JSON_POST, connected
from .running import alive, children, running_api
from .shops import COUNTED, ORDERS, Publisher, add_order, make_project

HOT = "{ snapshot { number } latest { nodes { orders } } }"
NUMBER = "{ snapshot { number } }"
FLIPS = 20


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project whose first generation has one order."""
    project = make_project(tmp_path / "shop", ORDERS, COUNTED, more="[snapshots]\nkeep = 3")
    add_order(project)
    Publisher(project).publish()
    return project


@pytest.fixture
def client(shop: Path) -> Iterator[httpx.Client]:
    """A client of its API."""
    with running_api(shop) as (client, _):
        yield client


def ask(client: httpx.Client, query: str, **headers: str) -> httpx.Response:
    """One answer."""
    return client.post("/graphql", json={"query": query}, headers=headers)


def number_of(client: httpx.Client) -> int:
    """The generation that is current, by a question that is never the same."""
    found: int = data(client, f"{NUMBER} # {os.urandom(8).hex()}")["snapshot"]["number"]
    return found


def test_what_was_asked_most_is_answered_before_the_flip(shop: Path, client: httpx.Client) -> None:
    """The first who asks again is answered from memory, with the new numbers."""
    for _ in range(2):
        ask(client, HOT)
    add_order(shop)
    Publisher(shop).publish()
    eventually(lambda: number_of(client) == 2, "generation 2 answers")

    answer = ask(client, HOT)

    assert answer.headers["server-timing"] == "hit"
    assert answer.json()["data"] == {"snapshot": {"number": 2}, "latest": {"nodes": [{"orders": 2}]}}


def test_a_page_of_the_generation_that_goes_keeps_no_other_answer_from_being_there(
    shop: Path, client: httpx.Client
) -> None:
    """Its cursor is of that generation, and is answered by it as long as it is kept."""
    first = data(client, "{ sales(first: 1) { pageInfo { startCursor } } }")["sales"]["pageInfo"]["startCursor"]
    page = f'{{ sales(first: 1, after: "{first}") {{ totalCount }} snapshot {{ number }} }}'
    for query in (page, page, page, HOT, HOT):
        ask(client, query)
    add_order(shop)
    Publisher(shop).publish()
    eventually(lambda: number_of(client) == 2, "generation 2 answers")

    assert ask(client, HOT).headers["server-timing"] == "hit"
    assert ask(client, page).json()["data"]["snapshot"]["number"] == 1


def test_what_was_asked_once_is_not(shop: Path, client: httpx.Client) -> None:
    """It would take the time of what is asked often."""
    ask(client, HOT)
    add_order(shop)
    Publisher(shop).publish()
    eventually(lambda: number_of(client) == 2, "generation 2 answers")

    assert ask(client, HOT).headers["server-timing"] != "hit"


def test_an_answer_of_before_a_rollback_is_not_given_after_it(shop: Path, client: httpx.Client) -> None:
    """Neither when it is warmed, nor when it was kept."""
    for _ in range(2):
        ask(client, HOT)
    add_order(shop)
    Publisher(shop).publish()
    eventually(lambda: number_of(client) == 2, "generation 2 answers")
    ask(client, HOT)
    found = settings.load(shop)
    with locked(found.directory):
        Store(found.directory, found.snapshots.keep).rollback(None)
    eventually(lambda: number_of(client) == 1, "generation 1 answers")

    assert ask(client, HOT).json()["data"] == {"snapshot": {"number": 1}, "latest": {"nodes": [{"orders": 1}]}}


def test_a_request_is_answered_by_the_generation_that_it_needs_at_least(shop: Path, client: httpx.Client) -> None:
    """Who has seen a number is not sent back behind it."""
    add_order(shop)
    Publisher(shop).publish()

    answer = ask(client, HOT, **{"X-Snapshot-Min": "2"})

    assert answer.headers["x-snapshot-id"].endswith("-000002")
    assert answer.json()["data"]["latest"]["nodes"] == [{"orders": 2}]


@pytest.mark.parametrize(("least", "status"), [("3", 503), ("x", 400), ("-1", 400), ("9" * 5_000, 400)])
def test_a_generation_that_is_not_there_is_not_waited_for(client: httpx.Client, least: str, status: int) -> None:
    """Nor what is no number."""
    answer = ask(client, HOT, **{"X-Snapshot-Min": least})

    assert answer.status_code == status
    assert answer.headers["cache-control"] == "no-store"
    assert ("retry-after" in answer.headers) == (status == 503)


def test_workers_share_the_port_and_each_follows_every_publication(shop: Path) -> None:
    """No answer mixes generations, and no worker is left behind."""
    publisher = Publisher(shop)
    with running_api(shop, "--workers", "2") as (_, running):
        eventually(lambda: len(_workers(running.pid)) == 2, "two workers run")
        for _ in range(FLIPS):
            add_order(shop)
            publisher.publish()
            assert [len(_answer(running.args)) for _ in range(4)] == [1] * 4
        eventually(partial(_all_answer, running.args, FLIPS + 1), "both answer from the last one")


def test_a_worker_that_is_killed_is_replaced_and_a_signal_ends_all(shop: Path) -> None:
    """The other one answers meanwhile, and nobody is left behind at the end."""
    with running_api(shop, "--workers", "2") as (_, running):
        eventually(lambda: len(_workers(running.pid)) == 2, "two workers run")
        gone, stays = _workers(running.pid)
        os.kill(gone, signal.SIGKILL)
        eventually(lambda: len({*_workers(running.pid)} - {gone}) == 2, "there are two again")
        eventually(partial(_all_answer, running.args, 1), "both answer")
        assert stays in _workers(running.pid)

        workers = _workers(running.pid)
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0
        eventually(lambda: not any(map(alive, workers)), "the workers end, too")


def test_nobody_is_let_in_while_workers_end(shop: Path) -> None:
    """Whoever comes then is refused at once, and does not wait for a process that answers no more."""
    with running_api(shop, "--workers", "2") as (client, running):
        eventually(lambda: len(_workers(running.pid)) == 2, "two workers run")
        with connected(str(client.base_url).rstrip("/")) as slow:
            slow.sendall(JSON_POST + b"Content-Length: 100\r\n\r\n{")
            eventually(lambda: client.get("/livez").status_code == 200, "it answers")
            running.send_signal(signal.SIGTERM)

            eventually(partial(_refuses, client.base_url), "the address is gone")
            assert _workers(running.pid), "it was only refused once all had ended"
        assert running.wait(30) == 0


def _refuses(base: httpx.URL) -> bool:
    try:
        with connected(str(base).rstrip("/")):
            return False
    except ConnectionRefusedError:
        return True


def _workers(pid: int) -> list[int]:
    command = b"spawn_main"
    return [child for child in children(pid) if command in Path(f"/proc/{child}/cmdline").read_bytes()]


def _answer(command: Any) -> set[int]:
    """The generations that one answer's numbers are of, of whichever worker takes a new connection."""
    base = f"http://127.0.0.1:{command[command.index('--port') + 1]}"
    with httpx.Client(base_url=base, timeout=60) as client:
        found = data(client, f"{HOT} # {os.urandom(8).hex()}")
    return {found["snapshot"]["number"], found["latest"]["nodes"][0]["orders"]}


def _all_answer(command: Any, number: int) -> bool:
    """Whether that generation answers, many times in a row."""
    try:
        return all(_answer(command) == {number} for _ in range(16))
    except httpx.TransportError:
        return False
