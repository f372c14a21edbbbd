"""`orderBy`: directions, nulls, several keys, and an order that is total whatever was asked."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from .asking import code, data
from .conftest import Sql


def ids_of(client: httpx.Client, order: str) -> list[int]:
    """The ids of all things in an order; number 4 has nulls."""
    found = data(client, f"{{ things(orderBy: {order}) {{ nodes {{ id }} }} }}")
    return [node["id"] for node in found["things"]["nodes"]]


@pytest.mark.parametrize(
    "field", ["word", "big", "small", "exact", "ratio", "day", "moment", "instant", "clock", "uid"]
)
@pytest.mark.parametrize(
    ("direction", "ids"),
    [
        ("ASC", [1, 2, 3, 4]),
        ("DESC", [3, 2, 1, 4]),
        ("ASC_NULLS_FIRST", [4, 1, 2, 3]),
        ("DESC_NULLS_FIRST", [4, 3, 2, 1]),
    ],
)
def test_a_direction_orders_values_and_puts_nulls_last_unless_it_says_otherwise(
    things: httpx.Client, field: str, direction: str, ids: list[int]
) -> None:
    """For every scalar that has an order."""
    assert ids_of(things, f"[{{{field}: {direction}}}]") == ids


@pytest.mark.parametrize(
    ("order", "ids"),
    [
        ("[{flag: ASC}, {id: DESC}]", [1, 3, 2, 4]),
        ("[{flag: DESC_NULLS_FIRST}, {word: DESC}]", [4, 3, 2, 1]),
        ("[{flag: DESC}]", [2, 3, 1, 4]),
        ("{id: DESC}", [4, 3, 2, 1]),
        ("[{id: DESC}, {id: ASC}]", [4, 3, 2, 1]),
        ("[]", [1, 2, 3, 4]),
        ("null", [1, 2, 3, 4]),
    ],
)
def test_several_keys_count_one_after_the_other(things: httpx.Client, order: str, ids: list[int]) -> None:
    """What they leave open stays in the order of the table."""
    assert ids_of(things, order) == ids


@pytest.mark.parametrize("order", ["[{id: null}]", "[{}]", "[{id: ASC, word: DESC}]", "[null]"])
def test_an_order_that_names_not_exactly_one_column_is_refused_as_bad_input(things: httpx.Client, order: str) -> None:
    """The columns of an object have no order among themselves."""
    query = f"{{ things(orderBy: {order}) {{ nodes {{ id }} }} }}"

    assert code(things, query) in ("BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED")


@pytest.mark.parametrize("order", [[{"id": None}], [{}], [{"id": "ASC", "word": "DESC"}], [{"id": "UP"}], [None]])
def test_an_order_in_a_variable_is_read_as_strictly(things: httpx.Client, order: list[dict[str, Any]]) -> None:
    """Where it stands makes no difference."""
    query = "query($order: [ThingsOrder!]) { things(orderBy: $order) { nodes { id } } }"

    assert code(things, query, order=order) == "BAD_USER_INPUT"


def test_a_measure_that_is_not_selected_orders_all_the_same(client: httpx.Client, sql: Sql) -> None:
    """The best three regions, without their numbers."""
    query = "{ revenue(by: [REGION], orderBy: [{revenue: DESC}], first: 3) { nodes { region } } }"

    found = [(node["region"],) for node in data(client, query)["revenue"]["nodes"]]

    assert found == sql("select region from shop.orders group by region order by sum(amount) desc limit 3")


def test_rows_that_the_order_leaves_equal_are_ordered_by_the_other_dimensions(client: httpx.Client) -> None:
    """So that pages fit together, whatever they are ordered by."""
    query = "{ revenue(by: [MONTH, PLAN], orderBy: [{plan: DESC}]) { nodes { month plan } } }"
    found = [(node["plan"], node["month"]) for node in data(client, query)["revenue"]["nodes"]]

    by_month = sorted(found, key=lambda row: row[1])
    assert found == sorted(by_month, key=lambda row: row[0], reverse=True)


def test_a_grouping_without_an_order_is_ordered_by_its_dimensions(client: httpx.Client) -> None:
    """In the order of `by`, nulls last."""
    query = "{ revenue(by: [REGION, YEAR]) { nodes { region year } } }"
    found = [(node["region"] is None, node["region"], node["year"]) for node in data(client, query)["revenue"]["nodes"]]

    assert found == sorted(found, key=str)


@pytest.mark.parametrize(
    ("field", "selection", "select"),
    [
        ("topProducts", "place productId", "select place, product_id from top_products order by place, product_id"),
        ("cohorts", "cohort monthNumber", "select cohort::varchar, month_number from cohorts order by all"),
    ],
)
def test_a_plain_table_without_an_order_has_that_of_its_select(
    client: httpx.Client, sql: Sql, field: str, selection: str, select: str
) -> None:
    """The file says `order by place`: its first row is the first one everywhere."""
    found = data(client, f"{{ it: {field} {{ nodes {{ {selection} }} }} }}")["it"]["nodes"]

    assert [tuple(node.values()) for node in found] == sql(select)
