"""Answers that may be used again: what caches are told of them, and that none outlives its generation."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import brotli
import httpx
import pytest
import zstandard

from .asking import BROWSER, JSON, RESPONSE_JSON, body_of

LONG = "{ revenue(by: [DAY]) { nodes { day orders revenue } } }"
SHORT = "{ revenue(by: []) { nodes { orders } } }"
FRESH = re.compile(r"public, max-age=(\d+), stale-while-revalidate=30")
DECODE: dict[str, Callable[[bytes], bytes]] = {
    "zstd": lambda body: zstandard.ZstdDecompressor().decompress(body),
    "br": brotli.decompress,
    "gzip": gzip.decompress,
    "": lambda body: body,
}


def get(client: httpx.Client, query: str, method: str = "GET", **headers: str) -> httpx.Response:
    """The answer to a query in an address, its body as it came."""
    named = {"Accept": JSON, "Accept-Encoding": "identity"}
    named |= {name.replace("_", "-").title(): value for name, value in headers.items()}
    with client.stream(method, "/graphql", params={"query": query}, headers=named) as answer:
        answer._content = b"".join(answer.iter_raw())
    return answer


def unheard(query: str) -> str:
    """The same question, in a text that nobody has sent yet."""
    unheard.number += 1  # type: ignore[attr-defined]
    return f"{query} # {unheard.number}"  # type: ignore[attr-defined]


unheard.number = 0  # type: ignore[attr-defined]


def is_hit(answer: httpx.Response) -> bool:
    """Whether an answer was there already, by what it says of its making."""
    timing = answer.headers["server-timing"]
    steps = [step.partition(";dur=")[0] for step in timing.split(", ")]
    assert steps in (["hit"], ["parse", "plan", "query", "write"], ["plan", "query", "write"])
    return steps == ["hit"]


# What is said of an answer


def test_an_answer_says_how_long_it_is_good_for_and_of_what_it_is(client: httpx.Client) -> None:
    """All that a cache, and whoever looks for a fault, has to know."""
    answer = get(client, SHORT)

    assert FRESH.fullmatch(answer.headers["cache-control"])
    assert re.fullmatch(r'W/"[0-9a-f]{24}"', answer.headers["etag"])
    assert answer.headers["vary"] == "Accept, Accept-Encoding, X-Snapshot-Min"
    asked = client.post("/graphql", json={"query": "{ snapshot { id } }"})
    assert answer.headers["x-snapshot-id"] == asked.json()["data"]["snapshot"]["id"]


def test_an_answer_by_post_says_the_same(client: httpx.Client) -> None:
    """Clients may keep it, though caches do not."""
    answer = client.post("/graphql", json={"query": SHORT})

    assert FRESH.fullmatch(answer.headers["cache-control"])
    assert {"etag", "vary", "x-snapshot-id", "server-timing"} <= answer.headers.keys()


@pytest.mark.parametrize(
    "query",
    [
        "{ status { age } }",
        "{ snapshot { id } a: status { age } }",
        "{ ...F } fragment F on Query { status { age } }",
        "query ($no: Boolean = false) { snapshot { id } status @skip(if: $no) { age } }",
    ],
)
def test_what_moves_with_the_clock_is_never_kept(client: httpx.Client, query: str) -> None:
    """Neither here nor elsewhere, under whatever name it is asked."""
    for _ in range(2):
        answer = get(client, query, if_none_match="*")

        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers
        assert not is_hit(answer)


def test_a_question_that_leaves_the_clock_out_is_kept(client: httpx.Client) -> None:
    """By its variables."""
    query = "query ($no: Boolean = true) { snapshot { id } status @skip(if: $no) { age } }"

    assert "etag" in get(client, query).headers


@pytest.mark.parametrize("media", [JSON, RESPONSE_JSON])
@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"query": "{ nope }"}, (200, 400)),
        ({"query": "{ revenue(first: -1) { totalCount } }"}, (200, 400)),
        ({"query": "{"}, (200, 400)),
        ({"query": ""}, (400, 400)),
        ({"query": "mutation { a }"}, (405, 405)),
        ({"extensions": json.dumps({"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}})}, (200, 400)),
    ],
)
def test_a_refusal_is_never_kept(
    client: httpx.Client, media: str, parameters: dict[str, str], status: tuple[int, int]
) -> None:
    """It may be another one, or none, in a moment."""
    for _ in range(2):
        answer = client.get("/graphql", params=parameters, headers={"Accept": media, "If-None-Match": "*"})

        assert answer.status_code == status[media == RESPONSE_JSON]
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["vary"] == "Accept, Accept-Encoding, X-Snapshot-Min"
        assert "etag" not in answer.headers
        assert answer.headers.get("server-timing") != "hit"


@pytest.mark.parametrize(
    ("method", "path", "accept", "status"),
    [
        ("PUT", "/graphql", JSON, 405),
        ("GET", "/graphql?query={x}", "image/png", 406),
        ("GET", "/api/nope", JSON, 404),
        ("DELETE", "/api/users/dashboard", JSON, 405),
        ("GET", "/api/users/dashboard?nope=1", JSON, 400),
    ],
)
def test_what_is_refused_by_its_status_is_never_kept(
    client: httpx.Client, method: str, path: str, accept: str, status: int
) -> None:
    """A cache would keep some of them by itself."""
    answer = client.request(method, path, headers={"Accept": accept})

    assert answer.status_code == status
    assert answer.headers["cache-control"] == "no-store"


def test_the_page_is_no_answer_to_a_client_that_asks_for_json(client: httpx.Client) -> None:
    """They have one address, and a cache must not mix them up."""
    answer = client.get("/graphql", headers={"Accept": BROWSER})

    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["cache-control"] == "no-cache"
    assert "Accept" in answer.headers["vary"]


# What is had already


def test_a_question_is_worked_on_once(client: httpx.Client) -> None:
    """Then its answer is there, by GET as by HEAD, whatever else is said beside it."""
    query = unheard(LONG)

    first, *others = [get(client, query, method, user_agent=method) for method in ("GET", "GET", "HEAD")]

    assert not is_hit(first)
    assert all(is_hit(answer) for answer in others)
    assert others[0].content == first.content


def test_variables_in_another_order_are_the_same_question(client: httpx.Client) -> None:
    """An object of JSON has none."""
    query = unheard("query ($a: Int, $b: Int) { revenue(by: [DAY], first: $a, offset: $b) { totalCount } }")
    bodies = [b'{"query": %s, "variables": %s}' % (json.dumps(query).encode(), v) for v in
              (b'{"a": 1, "b": 2}', b'{"b": 2, "a": 1}', b'{"a": 2, "b": 1}')]  # fmt: skip

    answers = [client.post("/graphql", content=body, headers={"Content-Type": JSON}) for body in bodies]

    assert [is_hit(answer) for answer in answers] == [False, True, False]


def test_the_two_media_types_are_two_answers(client: httpx.Client) -> None:
    """Each has its own tag."""
    older, newer = (get(client, SHORT, accept=media) for media in (JSON, RESPONSE_JSON))

    assert older.content == newer.content
    assert older.headers["etag"] != newer.headers["etag"]


def test_equal_questions_at_once_are_one(client: httpx.Client) -> None:
    """One of them is worked on; all have its answer."""
    body = body_of(unheard(LONG))

    def ask(_: int) -> httpx.Response:
        return client.post("/graphql", content=body, headers={"Content-Type": JSON, "Accept-Encoding": "zstd"})

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(ask, range(100)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    made = Counter(answer.headers["server-timing"] for answer in answers)
    assert len(made.keys() - {"hit"}) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("known", ["{tag}", "{plain}", '"0", {tag}', "*"])
def test_a_client_that_has_an_answer_is_told_so(client: httpx.Client, method: str, known: str) -> None:
    """Without the body, but with all that a cache wants to know anew."""
    whole = get(client, LONG)
    tag = whole.headers["etag"]

    answer = get(client, LONG, method, if_none_match=known.format(tag=tag, plain=tag.removeprefix("W/")))

    assert answer.status_code == 304
    assert answer.content == b""
    assert "content-type" not in answer.headers
    assert answer.headers["etag"] == tag
    assert FRESH.fullmatch(answer.headers["cache-control"])
    assert {"vary", "date", "x-snapshot-id"} <= answer.headers.keys()


@pytest.mark.parametrize("known", ['"0"', 'W/"0"', "0", "", '"*"'])
def test_a_client_that_has_another_answer_gets_this_one(client: httpx.Client, known: str) -> None:
    """Whatever it has."""
    assert get(client, LONG, if_none_match=known).status_code == 200


def test_the_tag_of_one_question_is_not_that_of_another(client: httpx.Client) -> None:
    """Though both are of one generation."""
    assert get(client, LONG, if_none_match=get(client, SHORT).headers["etag"]).status_code == 200


def test_a_post_is_always_answered(client: httpx.Client) -> None:
    """304 is a word of GET and HEAD."""
    tag = client.post("/graphql", json={"query": SHORT}).headers["etag"]

    answer = client.post("/graphql", json={"query": SHORT}, headers={"If-None-Match": tag})

    assert answer.status_code == 200


# Forms


@pytest.mark.parametrize("encoding", DECODE)
def test_every_form_is_the_same_answer(client: httpx.Client, encoding: str) -> None:
    """Of the same tag, and there the second time."""
    query, plain = unheard(LONG), get(client, LONG)

    first, second = (get(client, query, accept_encoding=encoding) for _ in range(2))

    assert first.headers.get("content-encoding", "") == encoding
    assert int(first.headers["content-length"]) == len(first.content)
    assert DECODE[encoding](first.content) == plain.content
    assert (len(first.content) < len(plain.content) / 2) is bool(encoding)
    assert (second.content, is_hit(second)) == (first.content, True)
    assert first.headers["etag"] == get(client, query).headers["etag"]


def test_head_says_how_long_the_form_is_that_get_would_have(client: httpx.Client) -> None:
    """To the byte."""
    whole, head = (get(client, LONG, method, accept_encoding="br") for method in ("GET", "HEAD"))

    assert head.content == b""
    for name in ("content-length", "content-encoding", "etag", "content-type"):
        assert head.headers[name] == whole.headers[name]


def test_a_short_answer_is_sent_as_it_is(client: httpx.Client) -> None:
    """It fits into a packet."""
    assert "content-encoding" not in get(client, SHORT, accept_encoding="gzip, br, zstd").headers
