"""What is held in memory, when, and what never is; its answers are those of DuckDB."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLError

from gql.answer import Request, answer, answer_now
from gql.question import Condition, Policy, everything
from gql.resident import NotResident
from snapshot.catalog import Metric

from .tiny import SECONDS, Asking, Order, asking, publish

METRICS = {
    "sales": "select o.placed_at::date as day, o.region as region, count(*) as n, count(distinct o.user_id) as buyers, "
    "sum(o.weight) as weight from shop.orders o group by all",
    "folded": "select o.region collate nocase as region, count(*) as n from shop.orders o group by all",
    "orders": "-- @key id\nselect id, region, user_id from shop.orders",
}
ORDERS = [
    Order(region=region, user_id=user, weight=weight, amount=Decimal(1), placed_at=datetime(2026, month, 3))  # noqa: DTZ001
    for region, user, weight, month in (
        ("eu", 1, 0.1, 1), ("eu", 2, 0.2, 2), ("EU", 1, 0.3, 3), ("us", 3, 1e15, 3), (None, 4, None, 3),
    )
]  # fmt: skip
BY_REGION = "query($r: String!) { sales(by: [DAY], where: {region: {eq: $r}}) { nodes { day n buyers } totalCount } }"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Asking]:
    """A few orders, of which nothing is held yet."""
    with asking(publish(tmp_path, METRICS, ORDERS)) as found:
        yield found


def ask(
    shop: Asking,
    query: str,
    variables: Mapping[str, Any] | None = None,
    cells: int = 2_000_000,
    policy: Policy = everything,
) -> tuple[Any, Mapping[str, str]]:
    """The answer of the one root field of a document, and the ways it was had."""
    server = replace(shop.settings.server, resident_cells=cells)
    request = Request(query, variables or {}, explain=True)
    result = answer(request, shop.reader, server, time.monotonic() + SECONDS, policy)
    assert not result.errors
    assert result.data is not None
    assert result.extensions is not None
    return next(iter(result.data.values())), next(iter(result.extensions["ways"].values()))


def test_a_question_is_held_from_the_second_time_on_for_all_values_of_what_it_fixes(shop: Asking) -> None:
    """Those that have no rows, too."""
    ways = [ask(shop, BY_REGION, {"r": region})[1]["nodes"] for region in ("eu", "us", "EU", "mars")]
    assert ways == ["base tables", *["resident, stored"] * 3]
    assert ask(shop, BY_REGION, {"r": "EU"})[0]["nodes"] == [{"day": "2026-03-03", "n": 1, "buyers": 1}]
    assert ask(shop, BY_REGION, {"r": "mars"})[0] == {"nodes": [], "totalCount": 0}


def test_documents_that_ask_the_same_share_what_is_held(shop: Asking) -> None:
    """Whether a value is a variable, is written in the document, or comes with the whole condition."""
    for _ in range(2):
        ask(shop, BY_REGION, {"r": "eu"})
    written = '{ sales(by: [DAY], where: {region: {eq: "us"}}) { nodes { n buyers d: day } } }'
    assert ask(shop, written) == (
        {"nodes": [{"n": 1, "buyers": 1, "d": "2026-03-03"}]}, {"nodes": "resident, stored"}
    )  # fmt: skip
    whole = "query($w: SalesWhere) { sales(by: [DAY], where: $w) { nodes { day n buyers } } }"
    assert ask(shop, whole, {"w": {"region": {"eq": "us"}}})[1] == {"nodes": "resident, stored"}


def test_a_look_up_is_held_by_its_key(shop: Asking) -> None:
    """And finds nothing where there is nothing."""
    found = [ask(shop, f"{{ ordersById(id: {key}) {{ id region }} }}") for key in (1, 2, 5, 99)]
    assert [row for row, _ in found] == [
        {"id": 1, "region": "eu"}, {"id": 2, "region": "eu"}, {"id": 5, "region": None}, None
    ]  # fmt: skip
    assert [ways["nodes"] for _, ways in found] == ["stored", *["resident, stored"] * 3]


def test_sums_of_floats_are_not_put_together_in_another_order(shop: Asking) -> None:
    """What would have to be merged anew is held with its values, so that no digit ever changes."""
    query = "query($r: String!) { sales(by: [MONTH], where: {region: {eq: $r}}) { nodes { month weight } } }"
    ways = [ask(shop, query, {"r": region})[1]["nodes"] for region in ("eu", "us", "us", "eu", "EU")]
    assert ways == ["re-aggregated", "re-aggregated", *["resident, re-aggregated"] * 2, "re-aggregated"]


def test_texts_that_a_collation_takes_for_equal_are_not_told_apart(shop: Asking) -> None:
    """Python knows of no collation, so DuckDB is asked each time."""
    query = "query($r: String!) { folded(where: {region: {eq: $r}}) { nodes { n } } }"
    found = [ask(shop, query, {"r": region}) for region in ("eu", "EU", "Eu", "us")]
    assert [answer["nodes"] for answer, _ in found] == [[{"n": 3}]] * 3 + [[{"n": 1}]]
    assert {ways["nodes"] for _, ways in found} == {"stored"}


def test_what_the_room_has_no_place_for_is_not_held(shop: Asking) -> None:
    """Nor anything where there is no room."""
    for cells in (0, 10):
        assert {ask(shop, BY_REGION, {"r": "eu"}, cells)[1]["nodes"] for _ in range(4)} == {"base tables"}


def test_what_was_not_asked_for_longest_goes_and_must_be_asked_for_more_often_to_come_back(shop: Asking) -> None:
    """Else two questions would drive each other out for ever."""

    def held(direction: str) -> bool:
        """Five rows of one cell each, of a room for twenty, of which one kind may take a quarter."""
        query = f"{{ orders(orderBy: [{{id: {direction}}}]) {{ nodes {{ id }} }} }}"
        return ask(shop, query, cells=20)[1]["nodes"].startswith("resident")

    directions = ("ASC", "DESC", "ASC_NULLS_FIRST", "DESC_NULLS_FIRST")
    assert [[held(direction) for _ in range(2)] for direction in directions] == [[False, True]] * 4
    plain = "{ orders { nodes { id } } }"
    assert [ask(shop, plain, cells=20)[1]["nodes"] for _ in range(2)] == ["stored", "resident, stored"]
    assert [held("ASC") for _ in range(4)] == [False, False, False, True]


def test_a_refusal_stays_one_whatever_is_held(shop: Asking) -> None:
    """Of more rows than may be given, with their number."""
    server = replace(shop.settings.server, max_rows=2)
    for _ in range(4):
        with pytest.raises(GraphQLError, match="the answer has 5 rows, more than 2"):
            answer(Request("{ orders { nodes { id } } }", {}), shop.reader, server, time.monotonic() + SECONDS)


def test_what_is_held_for_one_caller_is_not_given_to_another(shop: Asking) -> None:
    """Of the same document, with the same values."""

    def europe(_: Metric) -> Condition:
        return {"region": {"eq": "eu"}}

    query = "{ orders { nodes { id } } }"
    for _ in range(3):
        assert [row["id"] for row in ask(shop, query)[0]["nodes"]] == [1, 2, 3, 4, 5]
        assert [row["id"] for row in ask(shop, query, policy=europe)[0]["nodes"]] == [1, 2]


def test_cursors_go_on_whether_or_not_the_value_is_a_variable(shop: Asking) -> None:
    """They are of the question, not of its document."""
    query = (
        "query($r: String!, $a: String) { orders(first: 1, after: $a, where: {region: {eq: $r}})"
        " { nodes { id } pageInfo { endCursor hasNextPage } } }"
    )
    for _ in range(3):
        first = ask(shop, query, {"r": "eu"})[0]
        assert first["pageInfo"]["hasNextPage"]
        second = ask(shop, query, {"r": "eu", "a": first["pageInfo"]["endCursor"]})[0]
        assert [page["nodes"] for page in (first, second)] == [[{"id": 1}], [{"id": 2}]]
        with pytest.raises(GraphQLError, match="cursor of another question"):
            ask(shop, query, {"r": "us", "a": first["pageInfo"]["endCursor"]})


def test_at_once_there_is_only_what_is_held(shop: Asking) -> None:
    """An event loop asks nobody and waits for nothing."""
    server = shop.settings.server

    def now(query: str, region: str) -> Any:
        return answer_now(Request(query, {"r": region}), shop.reader, server).data

    for _ in range(2):
        with pytest.raises(NotResident):
            now(BY_REGION, "us")
        ask(shop, BY_REGION, {"r": "eu"})
    assert now(BY_REGION, "us") == {"sales": {"nodes": [{"day": "2026-03-03", "n": 1, "buyers": 1}], "totalCount": 1}}
    assert now(BY_REGION, "eu")["sales"] == ask(shop, BY_REGION, {"r": "eu"})[0]
    for query in ("{ snapshot { number } }", "{ nothing }", "query A { __typename } query B { __typename }"):
        with pytest.raises(NotResident):
            now(query, "")
