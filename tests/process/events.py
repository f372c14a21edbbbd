"""Server-sent events as a client reads them, by the rules of the HTML standard."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx

EVENTS = {"Accept": "text/event-stream"}
SUBSCRIPTION = "subscription { snapshotPublished { snapshot { id number } changedMetrics } }"


class Event(NamedTuple):
    """`id` is the last one that was named."""

    name: str
    data: str
    id: str


def read(lines: Iterable[str]) -> Iterator[Event]:
    """The events of a stream of lines."""
    name, data, last_id = "", list[str](), ""
    for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield Event(name, "\n".join(data), last_id)
            name, data = "", []
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id":
            last_id = value


def events_of(stream: bytes) -> list[Event]:
    """All events of what was sent; lines end where the standard says, and nowhere else."""
    return list(read(stream.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n")))


@contextmanager
def subscribed(client: httpx.Client, query: str = SUBSCRIPTION, **headers: str) -> Iterator[Iterator[Event]]:
    """The events of a subscription, one by one as they come."""
    with client.stream("POST", "/graphql", json={"query": query}, headers=EVENTS | headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield read(answer.iter_lines())


def published(event: Event) -> dict[str, Any]:
    """What an event of the subscription tells."""
    body = json.loads(event.data)
    assert (event.name, list(body)) == ("next", ["data"]), event
    told: dict[str, Any] = body["data"]["snapshotPublished"]
    return told
