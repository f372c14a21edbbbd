"""Answers that are kept: as many as there is room for, each made once, none under another generation."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from gql import kept as module
from gql.answer import Request
from gql.exact import json_of
from gql.kept import OVERHEAD, Answers, Kept, Key, etag_of, to_keep

KEY = Key("20260101T000000Z-000001", "", "application/json", "q")
ASKED = Request("{ a }", {})
KEPT = to_keep(200, "application/json", b"{}", KEY.generation, 'W/"1"', lasting=True, timing=b"query;dur=1")
ROOM = 1_000_000
CROWD = 100


# Answers


class Maker:
    """Makes an answer, or fails, when it is let; counts how often."""

    def __init__(self, outcome: Kept | Exception = KEPT) -> None:
        self.outcome, self.made, self.may = outcome, 0, asyncio.Event()

    async def __call__(self) -> Kept:
        """What an answer's making is: it takes a while."""
        self.made += 1
        await self.may.wait()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a test on an event loop of its own."""
    asyncio.run(test())


async def begun(*waiting: Coroutine[Any, Any, Kept]) -> list[asyncio.Task[Kept]]:
    """Tasks that have come as far as they can by themselves."""
    tasks = [asyncio.create_task(one) for one in waiting]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


def test_a_hundred_equal_misses_at_once_are_made_once() -> None:
    """All get the same, and so does whoever asks later."""

    async def test() -> None:
        answers, make = Answers(ROOM), Maker()
        tasks = await begun(*(answers.get(KEY, ASKED, make) for _ in range(CROWD)))
        make.may.set()

        assert await asyncio.gather(*tasks) == [KEPT] * CROWD
        assert await answers.get(KEY, ASKED, make) == KEPT
        assert make.made == 1

    run(test)


@pytest.mark.parametrize("other", [KEPT.in_form("br", b"()"), KEPT])
def test_different_questions_at_once_are_made_each(other: Kept) -> None:
    """Also where they differ in the form only."""

    async def test() -> None:
        answers, make, make_other = Answers(ROOM), Maker(), Maker(other)
        make.may.set()
        make_other.may.set()

        assert await answers.get(KEY, ASKED, make) == KEPT
        assert await answers.get(KEY._replace(encoding="br"), ASKED, make_other) is other
        assert (make.made, make_other.made) == (1, 1)

    run(test)


def test_a_failure_reaches_all_who_wait_and_is_not_kept() -> None:
    """The next one who asks has another try."""

    async def test() -> None:
        answers, make = Answers(ROOM), Maker(ValueError("no"))
        tasks = await begun(*(answers.get(KEY, ASKED, make) for _ in range(CROWD)))
        make.may.set()

        failures = await asyncio.gather(*tasks, return_exceptions=True)

        assert [str(failure) for failure in failures] == ["no"] * CROWD
        make.outcome = KEPT
        assert await answers.get(KEY, ASKED, make) == KEPT
        assert make.made == 2

    run(test)


def test_the_one_who_goes_away_leaves_the_making_to_the_next() -> None:
    """A client that hangs up is no reason to fail the others."""

    async def test() -> None:
        answers, make = Answers(ROOM), Maker()
        first, *others = await begun(*(answers.get(KEY, ASKED, make) for _ in range(3)))
        first.cancel()
        make.may.set()

        assert await asyncio.gather(*others) == [KEPT, KEPT]
        assert first.cancelled()
        assert make.made == 2

    run(test)


def test_one_who_waits_and_goes_away_takes_nobody_along() -> None:
    """Neither the one who makes the answer nor the others."""

    async def test() -> None:
        answers, make = Answers(ROOM), Maker()
        first, second, third = await begun(*(answers.get(KEY, ASKED, make) for _ in range(3)))
        second.cancel()
        make.may.set()

        assert [await first, await third] == [KEPT, KEPT]
        assert make.made == 1

    run(test)


@pytest.mark.parametrize(
    "made",
    [KEPT._replace(lasting=False), KEPT._replace(generation="20260101T000500Z-000002")],
    ids=["moves", "flipped"],
)
def test_an_answer_that_will_not_last_or_is_of_another_generation_is_not_kept(made: Kept) -> None:
    """A flip between the question and its answer puts nothing under the name of the generation that was left."""

    async def test() -> None:
        answers, make = Answers(ROOM), Maker(made)
        make.may.set()

        assert await answers.get(KEY, ASKED, make) is made
        assert answers.find(KEY) is None

    run(test)


def test_answers_of_other_generations_are_forgotten() -> None:
    """The current one's stay, those among them that came before anybody was told of the flip."""
    answers, newer = Answers(ROOM), KEY._replace(generation="2")
    answers.keep(KEY, ASKED, KEPT)
    answers.keep(newer, ASKED, KEPT._replace(generation="2"))

    answers.leave("2")

    assert answers.find(KEY) is None
    assert answers.find(newer) is not None


def test_answers_take_no_more_than_their_room() -> None:
    """Headers and keys are counted, so that many small answers do not take much more."""
    answers = Answers(OVERHEAD * 100)
    keys = [KEY._replace(request=str(number)) for number in range(200)]
    for key in keys:
        answers.keep(key, ASKED, KEPT)

    kept = [key for key in keys if answers.find(key)]

    assert kept == keys[-len(kept) :]
    assert 90 < len(kept) < 100


def test_a_long_request_that_is_kept_beside_its_answer_is_counted() -> None:
    """Else many of them would take many times the room."""
    answers, long = Answers(ROOM), Request("{ a }", {"a": [json_of("1.5")] * ROOM})
    answers.keep(KEY, long, KEPT)

    assert answers.find(KEY) is None


def test_a_request_is_asked_once_more_as_it_was() -> None:
    """To the last digit of its variables."""
    answers = Answers(ROOM)
    asked = Request(
        "query ($a: D) { a(b: $a) }", json_of('{"a": [1.50, 12345678901234567890, "é", null]}'), "q", get=True
    )
    answers.keep(KEY, asked, KEPT)
    answers.find(KEY)

    ((key, again),) = answers.hottest(9)

    assert (key, again, again.key) == (KEY, asked, asked.key)
    assert repr(again.variables) == repr(asked.variables)


def test_what_was_asked_most_is_not_forgotten_for_others() -> None:
    """However many are asked again after it."""
    answers = Answers(10 * ROOM)
    for number in range(2000):
        answers.keep(KEY._replace(request=str(number)), ASKED, KEPT)
    for _ in range(9):
        answers.find(KEY._replace(request="0"))
    for number in range(1, 2000):
        answers.find(KEY._replace(request=str(number)))

    assert answers.hottest(1)[0][0].request == "0"


def test_a_collection_does_not_look_at_answers_that_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """With many of them, nobody would be answered meanwhile; but for a few that were asked for again."""
    monkeypatch.setattr(module, "AT_HAND", 10)
    answers = Answers(10 * OVERHEAD * 1000)
    gc.collect()
    before = len(gc.get_objects())
    for number in range(1000):
        answers.keep(KEY._replace(request=str(number)), ASKED, KEPT)
        answers.find(KEY._replace(request=str(number)))
    for _ in range(3):  # tuples are let go from the inside out
        gc.collect()

    assert len(gc.get_objects()) - before < 100


def test_the_hottest_answers_are_those_that_were_asked_most_often() -> None:
    """More than once, in their plain form; the first ones first."""
    answers = Answers(ROOM)
    keys = [KEY._replace(request=name) for name in "abc"]
    for times, key in enumerate(keys):
        answers.keep(key, ASKED, KEPT)
        answers.keep(key._replace(encoding="br"), ASKED, KEPT.in_form("br", b"()"))
        for _ in range(times):
            answers.find(key)

    assert [key.request for key, _ in answers.hottest(9)] == ["c", "b"]
    assert [key.request for key, _ in answers.hottest(1)] == ["c"]


# Tags


@pytest.mark.parametrize("field", ["caller", "media", "request"])
def test_a_tag_stands_for_all_that_an_answer_depends_on(field: str) -> None:
    """And for the generation that it is of."""
    assert etag_of(KEY, "1") == etag_of(KEY, "1")
    assert etag_of(KEY, "1") != etag_of(KEY, "2")
    assert etag_of(KEY, "1") != etag_of(KEY._replace(**{field: "other"}), "1")


def test_the_forms_of_an_answer_have_one_tag() -> None:
    """It is a weak one, and a client may have any of them."""
    assert etag_of(KEY, "1") == etag_of(KEY._replace(encoding="br"), "1")
    assert etag_of(KEY, "1").startswith('W/"')
