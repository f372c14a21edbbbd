"""What a caller may see: a condition beside the question's own, which everything in an answer fulfils."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLError

from gql.answer import Request, answer
from gql.question import Condition
from snapshot.catalog import Metric

from .tiny import Asking, Order, asking, publish

SALES = """select o.placed_at::date as day, o.region as region, count(*) as n, sum(o.amount) as sold,
  count(distinct o.user_id) as buyers from shop.orders o group by all"""
ROWS = "-- @key id\nselect id, region from shop.orders"
ORDERS = [
    Order(region=region, amount=Decimal(amount), placed_at=datetime(2026, month, day), user_id=amount)  # noqa: DTZ001
    for month, day, region, amount in (
        (1, 1, "eu", 1),
        (1, 3, "eu", 2),
        (1, 2, "us", 90),
        (2, 3, "eu", 4),
        (2, 4, "us", 70),
    )
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """Orders of two regions."""
    folder: Path = tmp_path_factory.mktemp("shop")
    with asking(publish(folder, {"sales": SALES, "rows": ROWS}, ORDERS)) as found:
        yield found


def europe(_: Metric) -> Condition:
    """The policy of someone who may see one region."""
    return {"region": {"eq": "eu"}}


def seen(shop: Asking, field: str) -> Any:
    """What they are told."""
    request = Request(f"{{ {field} }}", {})
    result = answer(request, shop.reader, shop.settings.server, time.monotonic() + 30, europe)
    assert not result.errors, result.errors
    assert result.data is not None
    return next(iter(result.data.values()))


def test_rows_totals_and_counts_are_of_what_may_be_seen(shop: Asking) -> None:
    """Whether they are stored, merged or computed anew."""
    found = seen(shop, "sales(by: [MONTH]) { nodes { month n sold buyers } totals { n buyers } totalCount }")
    assert [(row["n"], row["sold"], row["buyers"]) for row in found["nodes"]] == [(2, "3.00", 2), (1, "4.00", 1)]
    assert found["totals"] == {"n": 3, "buyers": 3}
    assert seen(shop, "sales(by: [REGION]) { nodes { region } totalCount }") == {
        "nodes": [{"region": "eu"}], "totalCount": 1
    }  # fmt: skip


def test_a_question_cannot_widen_it(shop: Asking) -> None:
    """Neither by `or` nor by `not`."""
    for where in ('{or: [{region: {eq: "us"}}, {region: {eq: "eu"}}]}', '{not: {region: {eq: "mars"}}}'):
        assert seen(shop, f"sales(by: [], where: {where}) {{ nodes {{ n }} }}")["nodes"] == [{"n": 3}]
    assert seen(shop, 'sales(by: [], where: {region: {eq: "us"}}) { nodes { n } }')["nodes"] == [{"n": 0}]


def test_what_a_row_says_beside_its_columns_is_of_it(shop: Asking) -> None:
    """The earlier period, the whole, and the gaps."""
    words = "nodes { n previous(by: MONTH) { sold } change(by: MONTH) { sold { absolute } } share { sold } }"
    last = seen(shop, f"sales(by: [MONTH]) {{ {words} }}")["nodes"][1]
    assert last == {
        "n": 1, "previous": {"sold": "3.00"}, "change": {"sold": {"absolute": "1.00"}}, "share": {"sold": 4 / 7}
    }  # fmt: skip
    filled = seen(shop, "sales(by: [DAY, REGION], fill: true) { nodes { day region n } totalCount }")
    assert {row["region"] for row in filled["nodes"]} == {"eu"}
    assert filled["totalCount"] == len(filled["nodes"]) == 34


def test_a_look_up_finds_what_may_be_seen_only(shop: Asking) -> None:
    """Another row is as if it were not there."""
    assert seen(shop, "rowsById(id: 1) { region }") == {"region": "eu"}
    assert seen(shop, "rowsById(id: 3) { region }") is None


def test_a_cursor_is_of_one_policy(shop: Asking) -> None:
    """A place among all rows is another among those of a region."""
    after = shop.data("{ rows(first: 2) { pageInfo { endCursor } } }")["rows"]["pageInfo"]["endCursor"]
    with pytest.raises(GraphQLError, match="cursor of another question"):
        seen(shop, f'rows(after: "{after}") {{ nodes {{ id }} }}')
