"""A large request is gone through in a thread, however often: answers that are at hand do not wait for it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from gql import answer, operation_request, prepare, read
from gql.app import create_app
from gql.limits import LOOP_BYTES
from snapshot.settings import Settings

from .tiny import Order, publish

DOCUMENT = "query ($in: [BigInt!]) { sales(where: {id: {in: $in}}) { nodes { id } } }"
# A list that is longer than what is read at once.
LARGE = [1] * LOOP_BYTES
# What goes through all of a request.
WORKS = (
    *((read, "json_of"), (operation_request, "json"), (prepare, "_values")),
    *((answer, "_sorted"), (answer, "_size")),
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A project with an operation."""
    settings = publish(tmp_path_factory.mktemp("shop"), {"sales": "select o.id from shop.orders o"}, [Order()])
    (settings.root / "operations").mkdir()
    (settings.root / "operations" / "sales.graphql").write_text(DOCUMENT)
    return settings


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """The threads that go through a request, one after another."""
    found = list[threading.Thread]()

    def noted(work: Callable[..., Any]) -> Callable[..., Any]:
        def note(*args: Any) -> Any:
            found.append(threading.current_thread())
            return work(*args)

        return note

    for module, name in WORKS:
        monkeypatch.setattr(module, name, noted(getattr(module, name)))
    return found


def post(settings: Settings, path: str, body: object, times: int = 1) -> list[httpx.Response]:
    """What the API of a project answers, each time."""

    async def answers() -> list[httpx.Response]:
        app = create_app(settings)
        transport = httpx.ASGITransport(app)
        async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://x") as api:
            return [await api.post(path, json=body) for _ in range(times)]

    return asyncio.run(answers())


@pytest.mark.parametrize(
    ("path", "body"),
    [("/graphql", {"query": DOCUMENT, "variables": {"in": LARGE}}), ("/api/sales", {"in": LARGE})],
    ids=["graphql", "api"],
)
def test_a_large_body_is_not_gone_through_on_the_event_loop(
    shop: Settings, workers: list[threading.Thread], path: str, body: object
) -> None:
    """Neither to read it, nor to plan or to keep its answer, nor when it is asked again."""
    answers = post(shop, path, body, times=3)

    assert [answer.json()["errors"][0]["extensions"]["code"] for answer in answers] == ["BAD_USER_INPUT"] * 3
    assert workers
    assert threading.current_thread() not in workers


def test_a_small_body_is_read_at_once(shop: Settings, workers: list[threading.Thread]) -> None:
    """To change threads takes longer."""
    (answered,) = post(shop, "/graphql", {"query": "{ sales { nodes { id } } }"})

    assert answered.json() == {"data": {"sales": {"nodes": [{"id": 1}]}}}
    assert workers[0] is threading.current_thread()


def test_what_is_wrong_with_a_large_body_is_told(shop: Settings) -> None:
    """As with a small one."""
    (answered,) = post(shop, "/graphql", json.dumps(LARGE))

    assert answered.status_code == 400
    assert answered.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
