"""`having`: the groups whose measures fulfil a condition, as SQL's HAVING gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .tiny import Asking, Order, User, asking, publish

SALES = """select o.placed_at::date as day, o.region, count(*) as orders, sum(o.amount) as revenue,
  count(distinct o.user_id) as buyers, revenue / orders as mean from shop.orders o group by all"""
ORDERS = [
    Order(user_id=n % 3 or None, region=("eu", "us", None)[n % 3], amount=Decimal(n * n % 23) / 4,
          placed_at=datetime(2026, 1 + n % 4, 1 + n % 5))  # noqa: DTZ001
    for n in range(60)
]  # fmt: skip
BY = ("[]", "[DAY]", "[MONTH]", "[REGION]", "[MONTH, REGION]", "[DAY, REGION]")
COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda a, b: a > b,
    "lte": lambda a, b: a <= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """A metric whose measures add, do not merge, and are made of others."""
    metrics = {"sales": SALES, "people": "select id, plan from shop.users"}
    with asking(publish(tmp_path_factory.mktemp("shop"), metrics, ORDERS, [User()])) as found:
        yield found


@settings(deadline=None, max_examples=60)
@given(
    by=st.sampled_from(BY),
    operator=st.sampled_from(sorted(COMPARED)),
    orders=st.integers(0, 25),
    revenue=st.decimals(0, 60, places=2),
    word=st.sampled_from(("and", "or")),
)
def test_the_groups_are_those_of_the_whole_answer_that_fulfil_it(
    shop: Asking, by: str, operator: str, orders: int, revenue: Decimal, word: str
) -> None:
    """Whatever they are grouped by and however conditions combine; the count says how many."""
    fields = "orders revenue buyers mean"
    everything = shop.data(f"{{sales(by: {by}) {{nodes {{{fields}}}}}}}")["sales"]["nodes"]
    having = f'{{{word}: [{{orders: {{{operator}: {orders}}}}}, {{revenue: {{gte: "{revenue}"}}}}]}}'
    found = shop.data(f"{{sales(by: {by}, having: {having}) {{nodes {{{fields}}} totalCount}}}}")["sales"]
    join = all if word == "and" else any
    holds = [
        node
        for node in everything
        if join((COMPARED[operator](node["orders"], orders), Decimal(node["revenue"]) >= revenue))
    ]
    assert found["nodes"] == holds
    assert found["totalCount"] == len(holds)


def test_a_measure_that_is_not_selected_can_be_asked_of(shop: Asking) -> None:
    """It is not in the answer."""
    found = shop.data("{sales(by: [REGION], having: {buyers: {gt: 1}}) {nodes {region} totalCount}}")["sales"]
    assert found == {"nodes": [], "totalCount": 0}
    found = shop.data("{sales(by: [REGION], having: {buyers: {gte: 1}}) {nodes {region}}}")["sales"]
    assert found == {"nodes": [{"region": "us"}, {"region": None}]}


def test_totals_are_those_of_all_rows(shop: Asking) -> None:
    """They say what `where` lets in; a part of the groups has no total of its own."""
    totals = shop.data("{sales(by: [REGION], having: {orders: {lt: 0}}) {nodes {region} totals {orders}}}")["sales"]
    assert totals == {"nodes": [], "totals": {"orders": 60}}


def test_pages_are_of_the_groups_that_are_left(shop: Asking) -> None:
    """In their order."""
    query = "{{sales(by: [DAY], having: {{orders: {{gte: 3}}}}, orderBy: [{{day: DESC}}]{}) {{nodes {{day}}}}}}"
    everything = shop.data(query.format(""))["sales"]["nodes"]
    assert shop.data(query.format(", first: 2, offset: 1"))["sales"]["nodes"] == everything[1:3]


REFUSED = {
    '{sales(having: {region: {eq: "eu"}}) {nodes {orders}}}': "a dimension",
    '{people(having: {plan: {eq: "free"}}) {nodes {plan}}}': "a plain table",
}


@pytest.mark.parametrize("query", REFUSED)
def test_only_measures_of_grouped_metrics_can_be_asked_of(shop: Asking, query: str) -> None:
    """A dimension has `where`, and so have the columns of a plain table."""
    with pytest.raises(AssertionError, match=r"unknown field|Unknown argument"):
        shop.data(query)


def test_a_null_is_refused_in_the_words_of_the_client(shop: Asking) -> None:
    """It would find nothing."""
    assert shop.refusal("{sales(having: {orders: null}) {nodes {orders}}}") == "BAD_USER_INPUT"
