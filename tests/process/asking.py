"""Questions over HTTP, and what every answer must be like, whatever was asked."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

RESPONSE_JSON, JSON = "application/graphql-response+json", "application/json"
# What Chromium sends when somebody types an address.
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
LIMIT_SECONDS = 60.0
# At most so much of an answer that has no data; five errors of 500 characters and their places fit in.
MAX_REFUSAL_BYTES = 5_000
# What only somebody who looks inside would see: paths, SQL, stacks, and the names of what we are made of.
INSIDE = re.compile(
    r"traceback|\.py\b|/home/|pytest-of|snapshots|select .* from |rowid|duckdb|sqlite|keyerror",
    re.IGNORECASE | re.DOTALL,
)


def post(
    client: httpx.Client, query: str, accept: str = RESPONSE_JSON, variables: Mapping[str, object] | None = None
) -> httpx.Response:
    """The answer to a query by POST."""
    return client.post("/graphql", json={"query": query, "variables": variables}, headers={"Accept": accept})


def data(client: httpx.Client, query: str, **variables: object) -> dict[str, Any]:
    """The data of an answer that has no errors."""
    body = post(client, query, variables=variables).json()
    assert list(body) == ["data"], body
    found: dict[str, Any] = body["data"]
    return found


def refusal(client: httpx.Client, query: str, **variables: object) -> dict[str, Any]:
    """The first error of a request that was refused before anything of it was run."""
    answer = post(client, query, variables=variables)
    assert_refused(answer)
    error: dict[str, Any] = answer.json()["errors"][0]
    return error


def code(client: httpx.Client, query: str, **variables: object) -> str:
    """The code of a refusal."""
    return str(refusal(client, query, **variables)["extensions"]["code"])


def assert_refused(answer: httpx.Response) -> None:
    """The answer is one of a request error: 400 without data, or the older media type's 200 with errors."""
    newer = answer.headers["content-type"].startswith(RESPONSE_JSON)
    assert answer.status_code == (400 if newer else 200), answer.text[:500]
    assert_says_little(answer)


def assert_says_little(answer: httpx.Response) -> None:
    """There are one to five errors with a message and a code, and nothing else, least of all from inside."""
    body = answer.json()
    assert list(body) == ["errors"], answer.text[:500]
    assert 1 <= len(body["errors"]) <= 5
    assert all(error["message"] and error["extensions"]["code"] for error in body["errors"])
    assert len(answer.content) <= MAX_REFUSAL_BYTES, f"{len(answer.content)} bytes are too many for a refusal"
    assert_shows_nothing_inside(answer.text)


def assert_shows_nothing_inside(text: str) -> None:
    """No path, SQL, address of a database or stack."""
    assert not INSIDE.search(text), text[:500]


def eventually(condition: Callable[[], object], what: str, seconds: float = LIMIT_SECONDS) -> None:
    """Wait until a condition holds, within a limit."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)


def body_of(query: object, **more: object) -> bytes:
    """The bytes of a POST."""
    return json.dumps({"query": query, **more}).encode()
