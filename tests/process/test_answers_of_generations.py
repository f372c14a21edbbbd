"""Answers and generations: none outlives its own, and none is kept under the tag of another."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from snapshot import settings
from snapshot.store import Store, locked

from .asking import eventually
from .running import running_api
from .shops import COUNTED, ORDERS, Publisher, add_order, make_project

# Generations
from .test_kept_answers import get, is_hit


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project of which the n-th generation has n orders; nothing is published yet."""
    project = make_project(tmp_path / "shop", ORDERS, COUNTED, more="[snapshots]\nkeep = 3")
    add_order(project)
    return project


def publish_next(project: Path, publisher: Publisher) -> int:
    """Publish the next generation; its number."""
    number = publisher.publish().number
    add_order(project)
    return number


def roll_back(project: Path, number: int) -> None:
    """Make a generation current again."""
    found = settings.load(project)
    with locked(found.directory):
        Store(found.directory, found.snapshots.keep).rollback(number)


ORDERS_NOW = "{ latest { nodes { orders } } snapshot { number } }"


def number_of(answer: httpx.Response) -> int:
    """The generation that an answer is of, which has to be one throughout, its headers included."""
    found = answer.json()["data"]
    numbers = {found["latest"]["nodes"][0]["orders"], found["snapshot"]["number"]}
    (number,) = numbers | {int(answer.headers["x-snapshot-id"].partition("-")[2])}
    return number


def test_no_answer_outlives_a_flip_or_a_rollback(shop: Path) -> None:
    """Forth, back and forth again: each time the tag is another one, and the older answer's tag is good for nothing."""
    publisher, tags = Publisher(shop), dict[int, str]()
    publish_next(shop, publisher)
    with running_api(shop) as (client, _):

        def follows(number: int) -> bool:
            return number_of(get(client, ORDERS_NOW)) == number

        for number, change in (
            (1, None),
            (2, partial(publish_next, shop, publisher)),
            (1, partial(roll_back, shop, 1)),
            (2, partial(roll_back, shop, 2)),
            (3, partial(publish_next, shop, publisher)),
        ):
            if change:
                change()
            eventually(partial(follows, number), f"generation {number} answers")
            answer = get(client, ORDERS_NOW)
            assert is_hit(answer)
            assert tags.setdefault(number, answer.headers["etag"]) == answer.headers["etag"]
            for other, tag in tags.items():
                assert get(client, ORDERS_NOW, if_none_match=tag).status_code == (304 if other == number else 200)
        assert len(set(tags.values())) == 3


@contextmanager
def asking(client: httpx.Client, seen: list[tuple[int, str]], failed: list[str]) -> Iterator[None]:
    """Four clients that ask the same all the time, half of them for a compressed form."""
    stop = threading.Event()

    def ask(encoding: str) -> None:
        while not stop.is_set():
            answer = client.get("/graphql", params={"query": ORDERS_NOW}, headers={"Accept-Encoding": encoding})
            try:
                seen.append((number_of(answer), answer.headers["etag"]))
            except (AssertionError, ValueError, KeyError) as error:
                failed.append(f"{error!r} {answer.text}")
            stop.wait(0.005)

    threads = [threading.Thread(target=ask, args=(encoding,)) for encoding in ("identity", "br") * 2]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_flips_and_rollbacks_under_load_keep_no_answer_under_another_generations_tag(shop: Path) -> None:
    """A tag stands for one generation, in whose middle whatever request was."""
    publisher, seen, failed = Publisher(shop), list[tuple[int, str]](), list[str]()
    publish_next(shop, publisher)
    publish_next(shop, publisher)
    with running_api(shop) as (client, _), asking(client, seen, failed):
        for number in (1, 2) * 5:
            roll_back(shop, number)
            eventually(lambda number=number: seen and seen[-1][0] == number, f"generation {number} answers")  # type: ignore[misc]

    assert failed == []
    assert len(set(seen)) == 2


def test_a_page_of_an_older_generation_is_of_that_one(shop: Path) -> None:
    """Its cursor says which; its tag and its name are that one's, and nothing of it is kept under the current one."""
    publisher = Publisher(shop)
    for _ in range(3):
        publish_next(shop, publisher)
    query = (
        "query ($after: String) { sales(by: [DAY], first: 1, after: $after) { nodes { day } pageInfo { endCursor } } }"
    )
    with running_api(shop) as (client, _):

        def page(after: str | None) -> httpx.Response:
            variables = json.dumps({"after": after})
            return client.get("/graphql", params={"query": query, "variables": variables})

        first = page(None)
        cursor = first.json()["data"]["sales"]["pageInfo"]["endCursor"]
        publish_next(shop, publisher)
        eventually(lambda: page(None).headers["x-snapshot-id"].endswith("4"), "generation 4 answers")

        for _ in range(2):
            second = page(cursor)
            assert second.headers["x-snapshot-id"] == first.headers["x-snapshot-id"]
            assert second.headers["server-timing"] != "hit"
        assert page(cursor).headers["etag"] == second.headers["etag"]


def test_without_room_for_answers_each_question_is_worked_on(shop: Path) -> None:
    """`answer_bytes = 0`; what caches are told stays."""
    text = (shop / "pacelayer.toml").read_text()
    (shop / "pacelayer.toml").write_text(text + "[server]\nanswer_bytes = 0\n")
    publish_next(shop, Publisher(shop))
    with running_api(shop) as (client, _):
        answers = [get(client, ORDERS_NOW) for _ in range(2)]

    assert [is_hit(answer) for answer in answers] == [False, False]
    assert answers[0].headers["etag"] == answers[1].headers["etag"]


def test_an_answer_is_good_until_the_refresher_means_to_start_again(shop: Path) -> None:
    """A second at least: while a refresh is overdue, caches still spare the API."""

    def max_age(client: httpx.Client) -> int:
        found = re.match(
            r"public, max-age=(\d+), stale-while-revalidate=3600$",
            get(client, "{ __typename }").headers["cache-control"],
        )
        assert found
        return int(found[1])

    def say(**said: Any) -> None:
        path = shop / "snapshots" / "status.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | said))

    publish_next(shop, Publisher(shop))
    with running_api(shop) as (client, _):
        assert 3_000 < max_age(client) <= 3_600
        moment = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() + 600))
        say(next_run=moment)
        eventually(lambda: 500 < max_age(client) <= 600, "what the refresher says is told")
        say(next_run="2020-01-01T00:00:00+00:00")
        eventually(lambda: max_age(client) > 3_000, "a word of long ago does not count")


def test_an_answer_is_good_for_a_second_while_a_refresh_is_overdue(tmp_path: Path) -> None:
    """Caches still spare the API."""
    project = make_project(tmp_path / "shop", ORDERS, COUNTED, pace="1s")
    publish_next(project, Publisher(project))
    with running_api(project) as (client, _):
        assert get(client, ORDERS_NOW).headers["cache-control"] == "public, max-age=1, stale-while-revalidate=1"
