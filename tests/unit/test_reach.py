"""`X-Snapshot-Min`: whatever is asked, it is of that generation or a later one, or refused."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import httpx
import pytest

from gql.app import create_app
from gql.event_stream import HEADERS
from snapshot.settings import Settings

from .tiny import Order, fill, publish, publish_again

SALES = "select count(*) as n from shop.orders o"
QUERY = "/graphql?query={snapshot{number}}"
EVENTS = {"Accept": "text/event-stream"}
DOWNLOADS = ["/snapshot", "/table/sales.csv"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A project with an operation and two generations."""
    settings = publish(tmp_path_factory.mktemp("shop"), {"sales": SALES}, [Order()])
    (settings.root / "operations").mkdir()
    (settings.root / "operations" / "number.graphql").write_text("{ snapshot { number } }")
    fill(settings, [Order(), Order()])
    publish_again(settings)
    return settings


def get(settings: Settings, address: str, headers: Mapping[str, str]) -> httpx.Response:
    """What the API of a project answers."""

    async def answer() -> httpx.Response:
        app = create_app(settings)
        transport = httpx.ASGITransport(app)
        async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://x") as api:
            async with asyncio.timeout(20):
                return await api.get(address, headers=headers)

    return asyncio.run(answer())


@pytest.mark.parametrize(("least", "status"), [("3", 503), ("x", 400)])
@pytest.mark.parametrize(
    ("address", "headers"),
    [
        *((address, {}) for address in (QUERY, "/api/number", *DOWNLOADS)),
        ("/graphql?query=subscription{snapshotPublished{changedMetrics}}", EVENTS),
        (QUERY, EVENTS),
    ],
)
def test_nothing_is_given_of_an_earlier_generation(
    shop: Settings, address: str, headers: Mapping[str, str], least: str, status: int
) -> None:
    """Neither an answer, nor a stream, nor a file; and what is no number is refused."""
    answer = get(shop, address, {**headers, "X-Snapshot-Min": least})

    assert answer.status_code == status
    assert answer.json()["errors"][0]["extensions"]["code"] == {503: "NO_SNAPSHOT", 400: "BAD_REQUEST"}[status]
    assert ("retry-after" in answer.headers) == (status == 503)


@pytest.mark.parametrize("address", [QUERY, "/api/number", *DOWNLOADS])
def test_a_generation_that_is_there_is_given(shop: Settings, address: str) -> None:
    """And caches keep apart what they are to give to others."""
    answer = get(shop, address, {"X-Snapshot-Min": "2"})

    assert answer.status_code == 200
    assert answer.headers["x-snapshot-id"].endswith("-000002")
    assert "X-Snapshot-Min" in answer.headers["vary"]


def test_a_query_whose_generation_is_there_is_told_in_a_stream(shop: Settings) -> None:
    """As without the header."""
    answer = get(shop, QUERY, {**EVENTS, "X-Snapshot-Min": "2"})

    assert answer.headers["content-type"].encode() == dict(HEADERS)[b"content-type"]
    assert answer.headers["x-snapshot-id"].endswith("-000002")
    assert b'"number":2' in answer.content
