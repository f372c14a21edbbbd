"""A question has its time and no more, and more questions than can be worked on are told to come back."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import httpx
import pytest

from snapshot.errors import DeadlineExceeded, QueryFailed
from snapshot.events import nobody
from snapshot.reader import Reader, Resources

from .asking import JSON, RESPONSE_JSON, assert_says_little, data, eventually, post
from .heavy import LONG, make_heavy
from .running import idle, running_api

QUICK = "{ pairs { totalCount } }"
# One is worked on, sixteen wait; so many at once are too many.
CROWD = 60

Served = tuple[httpx.Client, subprocess.Popen[bytes]]


@pytest.fixture(scope="module")
def heavy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of which a question can take half a minute, and may take two seconds."""
    return make_heavy(tmp_path_factory.mktemp("heavy") / "project", "deadline = 2.0")


@pytest.fixture(scope="module")
def served(heavy: Path) -> Iterator[Served]:
    """Its API, which works on one question at a time."""
    with running_api(heavy) as running:
        yield running


@pytest.mark.parametrize(("media", "status"), [(RESPONSE_JSON, 400), (JSON, 200)])
def test_a_question_that_takes_too_long_is_ended(served: Served, media: str, status: int) -> None:
    """The answer says so, and what may help."""
    answer = post(served[0], LONG, media)

    assert answer.status_code == status
    assert answer.json()["errors"][0]["extensions"]["code"] == "TIMEOUT"
    assert_says_little(answer)


def test_a_question_that_was_ended_computes_no_longer(served: Served) -> None:
    """What nobody waits for takes nothing from others."""
    client, process = served
    post(client, LONG)

    eventually(idle(process.pid), "the API rests, although the question would go on for long", seconds=10)


def test_questions_that_waited_too_long_are_ended_too(served: Served) -> None:
    """Four at once on one thread: each has its answer at its own deadline, and then the next is answered."""
    client, process = served
    with ThreadPoolExecutor(4) as pool:
        found = [
            answer.json()["errors"][0]["extensions"]["code"]
            for answer in pool.map(post, [client] * 4, [f"{LONG} # {number}" for number in range(4)])
        ]

    assert found == ["TIMEOUT"] * 4
    eventually(idle(process.pid), "the API rests", seconds=10)
    assert data(client, QUICK) == {"pairs": {"totalCount": 16}}


def test_a_query_whose_time_is_up_before_it_begins_is_not_run(heavy: Path) -> None:
    """DuckDB, which would refuse it, is not even asked."""
    reader = Reader(heavy / "snapshots", Resources(1, "256MB"), lambda _: None, nobody)
    reader.follow()
    try:
        with reader.lease() as generation:
            with pytest.raises(DeadlineExceeded):
                generation.query("from nowhere", (), monotonic())
            with pytest.raises(QueryFailed):
                generation.query("from nowhere", (), monotonic() + 60)
    finally:
        reader.stop()


def test_a_query_is_interrupted_at_its_deadline(heavy: Path) -> None:
    """Also one that would go on for days, and the next one runs."""
    endless = "select sum(a.range * b.range) from range(10000000) a, range(10000000) b"
    reader = Reader(heavy / "snapshots", Resources(1, "256MB"), lambda _: None, nobody)
    reader.follow()
    try:
        with reader.lease() as generation:
            with pytest.raises(DeadlineExceeded):
                generation.query(endless, (), monotonic() + 0.2)
            assert generation.query("select 1", (), monotonic() + 60) == [(1,)]
    finally:
        reader.stop()


def test_more_questions_than_may_wait_are_told_to_come_back_while_health_answers(served: Served) -> None:
    """Nobody waits who has no chance, and the supervisor does not take a busy API for a dead one."""
    client, _ = served
    healthy = []
    with ThreadPoolExecutor(CROWD) as pool:
        # Equal questions would be one.
        crowd = [pool.submit(post, client, f"{LONG} # {number}") for number in range(CROWD)]
        while not all(asked.done() for asked in crowd):
            healthy += [client.get(path).status_code for path in ("/livez", "/readyz")]
    answers = [asked.result() for asked in crowd]
    turned_away = [answer for answer in answers if answer.status_code == 503]

    assert set(healthy) == {200}
    assert {answer.status_code for answer in answers} == {400, 503}
    for answer in turned_away:
        assert int(answer.headers["retry-after"]) > 0
        assert answer.json()["errors"][0]["extensions"]["code"] == "OVERLOADED"
        assert_says_little(answer)
    assert data(client, QUICK) == {"pairs": {"totalCount": 16}}
