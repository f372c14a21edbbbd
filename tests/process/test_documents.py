"""All of GraphQL: aliases, fragments, variables, directives, several metrics in one document, introspection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import build_client_schema, get_introspection_query, print_schema

from .asking import code, data, post, refusal


def test_several_metrics_are_asked_in_one_document(client: httpx.Client) -> None:
    """Each has the answer that it has alone."""
    questions = [
        "revenue(by: [PLAN]) { nodes { plan orders } }",
        "signups(by: [PLAN]) { totals { signups } }",
        "topProductsByProductId(productId: 19) { product }",
        "snapshot { id }",
    ]
    together = data(client, f"{{ {' '.join(questions)} }}")

    assert list(together) == ["revenue", "signups", "topProductsByProductId", "snapshot"]
    assert together == {
        key: value for question in questions for key, value in data(client, f"{{ {question} }}").items()
    }


def test_one_metric_is_asked_twice_under_two_names(client: httpx.Client) -> None:
    """Each name has the arguments of its own."""
    query = """{
        paying: revenue(by: [], where: {plan: {ne: "free"}}) { nodes { count: orders } }
        free: revenue(by: [], where: {plan: {eq: "free"}}) { nodes { count: orders } }
        all: revenue(by: []) { nodes { count: orders } }
    }"""
    counts = {key: value["nodes"][0]["count"] for key, value in data(client, query).items()}

    assert counts["paying"] + counts["free"] == counts["all"] > counts["free"] > 0


def test_a_field_may_be_selected_under_several_names(client: httpx.Client) -> None:
    """And under its own beside them."""
    (row,) = data(client, "{ revenue(by: []) { nodes { a: orders orders b: orders } } }")["revenue"]["nodes"]

    assert list(row) == ["a", "orders", "b"]
    assert row["a"] == row["orders"] == row["b"] > 0


def test_rows_selected_under_two_names_each_have_their_own_fields(client: httpx.Client) -> None:
    """Also where a name within stands for one column here and for another one there."""
    query = "{ revenue(by: [PLAN], first: 1) { a: nodes { x: plan } b: nodes { x: orders } } }"
    plain = data(client, "{ revenue(by: [PLAN], first: 1) { nodes { plan orders } } }")["revenue"]["nodes"][0]

    expected = {"a": [{"x": plain["plan"]}], "b": [{"x": plain["orders"]}]}
    assert data(client, query) == {"revenue": expected}


def test_totals_selected_under_two_names_each_have_their_own_fields(client: httpx.Client) -> None:
    """As rows."""
    query = "{ revenue { a: totals { x: orders } b: totals { x: buyers } c: totals { x: orders y: orders } } }"
    plain = data(client, "{ revenue { totals { orders buyers } } }")["revenue"]["totals"]

    orders, buyers = plain["orders"], plain["buyers"]
    expected = {"a": {"x": orders}, "b": {"x": buyers}, "c": {"x": orders, "y": orders}}
    assert data(client, query) == {"revenue": expected}


def test_fragments_may_hold_any_part_of_a_document(client: httpx.Client) -> None:
    """Root fields, parts of a result, rows: named, inline, one within another, and twice."""
    query = """
        query { ...Root ... on Query { snapshot { project } } }
        fragment Root on Query { revenue(by: [PLAN], first: 1) { ...Result ...Result } snapshot { number } }
        fragment Result on RevenueResult { nodes { ...Row ... { orders } ... on RevenueRow { plan } } }
        fragment Row on RevenueRow { plan revenue }
    """
    plain = "{ revenue(by: [PLAN], first: 1) { nodes { plan revenue orders } } snapshot { number project } }"

    assert data(client, query) == data(client, plain)


def test_every_argument_may_be_a_variable(client: httpx.Client) -> None:
    """With a default of its own where it is left out."""
    query = """query($by: [RevenueBy!], $where: RevenueWhere, $order: [RevenueOrder!], $first: Int = 2, $offset: Int) {
        revenue(by: $by, where: $where, orderBy: $order, first: $first, offset: $offset) { nodes { plan orders } }
    }"""
    literal = """{ revenue(by: [PLAN], where: {region: {in: ["EU", "US"]}}, orderBy: [{orders: DESC}], first: 2,
        offset: 1) { nodes { plan orders } } }"""
    where, order = {"region": {"in": ["EU", "US"]}}, [{"orders": "DESC"}]

    assert data(client, query, by=["PLAN"], where=where, order=order, offset=1) == data(client, literal)


@pytest.mark.parametrize(("paid", "keys"), [(True, ["plan", "revenue", "snapshot"]), (False, ["plan", "metrics"])])
def test_include_and_skip_decide_what_is_answered(client: httpx.Client, paid: bool, keys: list[str]) -> None:
    """Fields, fragments and whole metrics."""
    query = """query($paid: Boolean!) {
        revenue(by: [PLAN], first: 1) { nodes { plan ... @include(if: $paid) { revenue } } }
        snapshot @include(if: $paid) { id }
        metrics @skip(if: $paid) { name }
    }"""
    found = data(client, query, paid=paid)

    assert [*found["revenue"]["nodes"][0], *(key for key in found if key != "revenue")] == keys


def test_a_dimension_that_is_skipped_need_not_be_grouped_by(client: httpx.Client) -> None:
    """One document serves both views."""
    query = "query($plan: Boolean!) { revenue(by: [YEAR], first: 1) { nodes { year plan @include(if: $plan) } } }"

    assert data(client, query, plan=False) == {"revenue": {"nodes": [{"year": "2025-01-01"}]}}
    assert code(client, query, plan=True) == "NOT_GROUPED"


@pytest.mark.parametrize(
    ("query", "column"),
    [
        ("{ revenue(by: [DAY]) { nodes { day plan } } }", 36),
        ("{ revenue(by: [DAY]) { nodes { day x: plan } } }", 36),
        ("{ revenue(by: [DAY]) { nodes { day ... { plan } } } }", 42),
        ("{ revenue(by: [DAY]) { nodes { ...F } } } fragment F on RevenueRow { plan }", 70),
        ("{ revenue(by: [DAY]) { a: nodes { day } b: nodes { plan } } }", 52),
        ("{ revenue(by: []) { nodes { plan } } }", 29),
        ("{ revenue(by: [DAY]) { nodes { month plan } } }", 32),
    ],
)
def test_a_dimension_that_is_not_grouped_by_is_refused_at_its_place(
    client: httpx.Client, query: str, column: int
) -> None:
    """Before anything is run; the message says what to add."""
    error = refusal(client, query)

    assert error["extensions"]["code"] == "NOT_GROUPED"
    assert error["locations"] == [{"line": 1, "column": column}]
    assert f"add {'MONTH' if 'month' in query else 'PLAN'} to 'by'" in error["message"]


def test_an_order_by_a_dimension_that_is_not_grouped_by_is_refused(client: httpx.Client) -> None:
    """There is no such value in a row of the answer."""
    query = "{ revenue(by: [DAY], orderBy: [{plan: ASC}]) { nodes { day } } }"

    assert code(client, query) == "NOT_GROUPED"


def test_one_bad_field_refuses_the_whole_document(client: httpx.Client) -> None:
    """There is no half of an answer."""
    query = "{ signups { totalCount } revenue(by: [DAY]) { nodes { plan } } }"

    assert "data" not in post(client, query).json()


def test_typename_is_everywhere(client: httpx.Client) -> None:
    """Caches of clients ask for it in every selection."""
    query = """{ __typename
        revenue(first: 1) { __typename nodes { __typename } totals { __typename } pageInfo { __typename } }
        userDashboardByUserId(userId: 1) { x: __typename plan }
        snapshot { __typename sources { __typename } }
        status { __typename generations { __typename } }
        metrics { __typename columns { __typename } grains { __typename } }
    }"""

    assert typenames(data(client, query)) == {
        "Query", "RevenueResult", "RevenueRow", "RevenueTotals", "PageInfo", "UserDashboardRow", "Snapshot", "Source",
        "Status", "Generation", "Metric", "Column", "Grain",
    }  # fmt: skip


def test_introspection_gives_the_contract(client: httpx.Client, published: Path) -> None:
    """A client that reads the schema from the API has the schema of the file."""
    schema = build_client_schema(data(client, get_introspection_query(input_value_deprecation=True)))  # type: ignore[arg-type]

    assert print_schema(schema) == (published / "schema.graphql").read_text().rstrip("\n")


def test_introspection_and_numbers_go_together(client: httpx.Client) -> None:
    """In one document."""
    found = data(client, '{ __type(name: "PageInfo") { name } __schema { queryType { name } } snapshot { number } }')

    assert found == {
        "__type": {"name": "PageInfo"},
        "__schema": {"queryType": {"name": "Query"}},
        "snapshot": {"number": 1},
    }


def typenames(value: Any) -> set[str]:
    """The values of all `__typename`s of an answer, and of the one that is called x."""
    if isinstance(value, list):
        return {name for item in value for name in typenames(item)}
    if not isinstance(value, dict):
        return set()
    own = {value[key] for key in ("__typename", "x") if key in value}
    return own | {name for item in value.values() for name in typenames(item)}
