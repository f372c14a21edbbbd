"""`columns`: the rows of an answer, column by column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .tiny import Asking, Order, User, asking, publish

SALES = """select o.placed_at::date as day, o.region, count(*) as orders, sum(o.amount) as revenue,
  median(o.amount) as middle from shop.orders o group by all"""
ORDERS = [Order(region=("eu", "us", None)[n % 3], amount=Decimal(n) / 4) for n in range(30)]
FIELDS = ("orders", "revenue", "middle")
BY = {"[]": (), "[REGION]": ("region",), "[DAY, REGION]": ("day", "region"), "[MONTH]": ("month",)}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """A grouped metric and a plain table."""
    metrics = {"sales": SALES, "people": "select id, plan, born from shop.users"}
    users = [User("free"), User("pro", date(2000, 1, 1)), User("pro")]
    with asking(publish(tmp_path_factory.mktemp("shop"), metrics, ORDERS, users)) as found:
        yield found


@settings(deadline=None, max_examples=40)
@given(
    by=st.sampled_from(sorted(BY)),
    fields=st.lists(st.sampled_from(FIELDS), min_size=1, unique=True),
    first=st.integers(0, 4),
    offset=st.integers(0, 2),
)
def test_they_are_the_rows(shop: Asking, by: str, fields: list[str], first: int, offset: int) -> None:
    """Whatever is asked, in the same order and of the same page."""
    body = " ".join((*BY[by], *fields))
    page = f"by: {by}, first: {first}, offset: {offset}, orderBy: [{{revenue: DESC}}]"
    found = shop.data(f"{{sales({page}) {{nodes {{{body}}} columns {{{body}}} pageInfo {{hasNextPage}}}}}}")["sales"]
    assert found["columns"] == {name: [node[name] for node in found["nodes"]] for name in (*BY[by], *fields)}


def test_columns_alone_have_their_page(shop: Asking) -> None:
    """And their aliases, fragments and type name."""
    query = """
        {sales(by: [REGION], first: 2) {columns {__typename ...C where: region} pageInfo {hasNextPage} totalCount}}
        fragment C on SalesColumns {n: orders region}"""
    assert shop.data(query)["sales"] == {
        "columns": {"__typename": "SalesColumns", "n": [10, 10], "region": ["eu", "us"], "where": ["eu", "us"]},
        "pageInfo": {"hasNextPage": True},
        "totalCount": 3,
    }


def test_rows_and_columns_may_have_different_fields(shop: Asking) -> None:
    """One query gives both."""
    found = shop.data("{sales(by: [REGION]) {nodes {region} columns {orders}}}")["sales"]
    assert [node["region"] for node in found["nodes"]] == ["eu", "us", None]
    assert found["columns"] == {"orders": [10, 10, 10]}


def test_a_plain_table_has_columns_as_well(shop: Asking) -> None:
    """With its nulls."""
    found = shop.data("{people {columns {plan born}}}")["people"]
    assert found == {"columns": {"plan": ["free", "pro", "pro"], "born": [None, "2000-01-01", None]}}


def test_an_answer_without_rows_has_empty_columns(shop: Asking) -> None:
    """Not none."""
    found = shop.data('{sales(by: [REGION], where: {region: {eq: "mars"}}) {columns {region orders}}}')["sales"]
    assert found == {"columns": {"region": [], "orders": []}}


def test_a_dimension_that_is_not_grouped_by_is_refused(shop: Asking) -> None:
    """As among the rows."""
    assert shop.refusal("{sales(by: [REGION]) {columns {day}}}") == "NOT_GROUPED"


def test_more_rows_than_may_be_are_refused(shop: Asking) -> None:
    """As among the rows: nothing is cut off."""
    limited = Asking(
        replace(shop.settings, server=replace(shop.settings.server, max_rows=2)),
        shop.reader,
        shop.generation,
    )
    assert limited.refusal("{sales(by: [REGION]) {columns {region}}}") == "TOO_MANY_ROWS"
