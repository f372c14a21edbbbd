"""`snapshotPublished`: pages hear of each generation as it is published, and which of their numbers are others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from snapshot import settings
from snapshot.store import Store, locked

from .asking import JSON, eventually
from .events import EVENTS, SUBSCRIPTION, events_of, published, subscribed
from .raw import connected
from .running import running_api
from .shops import ORDERS, add_order, change, make_project, publish

METRICS = {
    "sales": "select date_trunc('day', o.created_at)::date as day, count(*) as orders from shop.orders o group by all",
    "people": "select id, name from shop.people",
}
PEOPLE = "create table people (id integer primary key, name text not null); insert into people values (1, 'ada');"
NEW_PERSON = "insert into people (name) values ('ben')"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project with one generation: `sales` and `people` come from tables of their own."""
    project = make_project(tmp_path / "shop", ORDERS + PEOPLE, METRICS, more="[snapshots]\nkeep = 3")
    add_order(project)
    publish(project)
    return project


@pytest.fixture
def client(shop: Path) -> Iterator[httpx.Client]:
    """A client of its API, which leaves no trace of a fault."""
    with running_api(shop) as (client, _):
        yield client
    log = (shop / "serve.log").read_text()
    assert "Traceback" not in log
    assert "ERROR" not in log


def test_each_generation_is_told_with_the_metrics_that_it_changed(shop: Path, client: httpx.Client) -> None:
    """As they are published, while the stream is open."""
    with subscribed(client) as events:
        add_order(shop)
        second = publish(shop)
        event = next(events)
        assert published(event) == {"snapshot": {"id": second.id, "number": 2}, "changedMetrics": ["sales"]}
        assert event.id == second.id

        change(shop, NEW_PERSON)
        third = publish(shop)
        assert published(next(events)) == {"snapshot": {"id": third.id, "number": 3}, "changedMetrics": ["people"]}


def test_who_comes_again_is_told_at_once_of_what_was_missed(shop: Path, client: httpx.Client) -> None:
    """One event, whatever number of generations there were; who has the current one is told nothing."""
    first = client.post("/graphql", json={"query": "{ snapshot { id } }"}).headers["x-snapshot-id"]
    add_order(shop)
    publish(shop)
    change(shop, NEW_PERSON)
    third = publish(shop)
    eventually(lambda: client.head("/snapshot").headers["x-snapshot-id"] == third.id, "the third is current")

    with subscribed(client, **{"Last-Event-ID": first}) as events:
        told = published(next(events))
    assert told["snapshot"]["number"] == 3
    assert sorted(told["changedMetrics"]) == ["people", "sales"]

    with subscribed(client, **{"Last-Event-ID": third.id}) as events:
        add_order(shop)
        publish(shop)
        assert published(next(events))["snapshot"]["number"] == 4


@pytest.mark.parametrize("unknown", ["nonsense", "20200101T000000Z-000001", "-1", "\x27 or 1"])
def test_who_names_a_generation_that_nobody_knows_is_told_that_all_is_changed(
    client: httpx.Client, unknown: str
) -> None:
    """It is of another directory, say."""
    with subscribed(client, **{"Last-Event-ID": unknown}) as events:
        told = published(next(events))

    assert sorted(told["changedMetrics"]) == ["people", "sales"]


def test_a_process_that_was_started_anew_knows_what_changed_since(shop: Path) -> None:
    """By the records that the file itself has."""
    first = Store(settings.load(shop).directory, 3).current()
    change(shop, NEW_PERSON)
    publish(shop)
    with running_api(shop) as (client, _), subscribed(client, **{"Last-Event-ID": first.id}) as events:
        assert "people" in published(next(events))["changedMetrics"]


def test_a_rollback_is_told_too(shop: Path, client: httpx.Client) -> None:
    """The numbers that a page shows are not those that are served any more."""
    add_order(shop)
    publish(shop)
    eventually(lambda: client.head("/snapshot").headers["x-snapshot-id"].endswith("2"), "the second is current")
    found = settings.load(shop)
    with subscribed(client) as events:
        with locked(found.directory):
            Store(found.directory, found.snapshots.keep).rollback(None)
        told = published(next(events))

    assert told["snapshot"]["number"] == 1
    assert sorted(told["changedMetrics"]) == ["people", "sales"]


def test_a_subscription_can_be_asked_by_get_as_browsers_do(shop: Path, client: httpx.Client) -> None:
    """With aliases, fragments and variables, as any document; the first thing is the id that the browser remembers."""
    query = "subscription S($all: Boolean!) { live: snapshotPublished { ...P changedMetrics @include(if: $all) } } "
    query += "fragment P on SnapshotPublished { snapshot { number } }"
    parameters = {"query": query, "variables": '{"all": false}'}
    with client.stream("GET", "/graphql", params=parameters, headers=EVENTS) as answer:
        lines = answer.iter_lines()
        assert next(lines) == f"id: {answer.headers['x-snapshot-id']}"
        publish_another(shop)
        data = next(line for line in lines if line.startswith("data: "))

    assert json.loads(data.removeprefix("data: ")) == {"data": {"live": {"snapshot": {"number": 2}}}}


def test_a_query_is_one_event_and_the_end(client: httpx.Client) -> None:
    """As the protocol says; by GET and POST."""
    query = "{ latest: sales(by: []) { nodes { orders } } }"
    answers = [
        client.get("/graphql", params={"query": query}, headers=EVENTS),
        client.post("/graphql", json={"query": query}, headers=EVENTS),
    ]

    for answer in answers:
        assert [(event.name, event.data) for event in events_of(answer.content)] == [
            ("next", '{"data":{"latest":{"nodes":[{"orders":1}]}}}'),
            ("complete", ""),
        ]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription ($x: Boolean!) { snapshotPublished { changedMetrics @skip(if: $x) } }", "BAD_USER_INPUT"),
        (
            "subscription { a: snapshotPublished { changedMetrics } b: snapshotPublished { changedMetrics } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("{ sales(by: [MONTH]) { nodes { day } } }", "NOT_GROUPED"),
        ("mutation { sell }", "GRAPHQL_VALIDATION_FAILED"),
    ],
)
def test_what_is_refused_is_told_in_an_event(client: httpx.Client, query: str, code: str) -> None:
    """For a client of events sees nothing of a body that is none."""
    answer = client.post("/graphql", json={"query": query}, headers=EVENTS)

    refused, complete = events_of(answer.content)
    assert (answer.status_code, refused.name, complete.name) == (200, "next", "complete")
    assert json.loads(refused.data)["errors"][0]["extensions"]["code"] == code


def test_what_is_no_graphql_request_is_a_status(client: httpx.Client) -> None:
    """As without a stream."""
    answer = client.post("/graphql", json=[], headers=EVENTS)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize("accept", [JSON, "*/*", f"{JSON}, text/event-stream"])
def test_a_subscription_that_is_asked_without_a_stream_is_refused_with_the_way_out(
    client: httpx.Client, accept: str
) -> None:
    """What a client likes better is what it gets, and no JSON goes on for ever."""
    body = client.post("/graphql", json={"query": SUBSCRIPTION}, headers={"Accept": accept}).json()

    assert body["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert "text/event-stream" in body["errors"][0]["message"]


def test_a_server_that_stops_ends_its_streams_without_a_word_in_the_log(shop: Path) -> None:
    """And at once; they are not complete, so that their clients come again."""
    with running_api(shop) as (client, running), ExitStack() as stack:
        streams = [stack.enter_context(subscribed(client)) for _ in range(20)]
        running.terminate()

        assert [list(stream) for stream in streams] == [[]] * 20
        running.wait(5)
    log = (shop / "serve.log").read_text()
    assert "ERROR" not in log
    assert "Traceback" not in log


def test_clients_that_leave_or_do_not_read_hold_nobody_up(shop: Path, client: httpx.Client) -> None:
    """A socket that was closed in the middle, and one that never reads."""
    body = json.dumps({"query": SUBSCRIPTION}).encode()
    request = b"POST /graphql HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\n"
    request += b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    base = str(client.base_url).rstrip("/")
    with connected(base) as silent, subscribed(client) as events:
        silent.sendall(request)
        with connected(base) as gone:
            gone.sendall(request)
            gone.recv(10)
        publish_another(shop)

        assert published(next(events))["snapshot"]["number"] == 2


def test_a_trusted_document_can_be_a_subscription(shop: Path) -> None:
    """Where nothing else runs, pages hear of new numbers all the same."""
    (shop / "operations").mkdir()
    (shop / "operations" / "live.graphql").write_text(SUBSCRIPTION)
    with (shop / "pacelayer.toml").open("a") as toml:
        toml.write('\n[server]\nallow = "trusted"\n')
    with running_api(shop) as (client, _), client.stream("GET", "/api/live", headers=EVENTS) as answer:
        lines = answer.iter_lines()
        next(lines)
        publish_another(shop)
        data = next(line for line in lines if line.startswith("data: "))

    assert json.loads(data.removeprefix("data: "))["data"]["snapshotPublished"]["snapshot"]["number"] == 2


def publish_another(project: Path) -> None:
    """A generation with one order more."""
    add_order(project)
    publish(project)
