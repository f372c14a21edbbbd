"""What can be asked of a metric: groupings, totals, pages, look-ups."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import httpx
import pytest

from tests.projects import serving

from .asking import code, data, post, refusal
from .conftest import Sql

ORDERS = """
    select o.created_at::date as day, date_trunc('week', day)::date as week, date_trunc('month', day)::date as month,
        date_trunc('quarter', day)::date as quarter, date_trunc('year', day)::date as year, u.plan, o.region, o.amount,
        u.id as buyer
    from shop.orders o join shop.users u on u.id = o.user_id"""
# One measure of each kind: additive, additive and exact, decomposed, holistic, derived.
MEASURES = "orders revenue averageOrder buyers revenuePerBuyer"
COMPUTED = "count(*), sum(amount)::varchar, avg(amount), count(distinct buyer), sum(amount) / count(distinct buyer)"


def nodes(client: httpx.Client, field: str, selection: str) -> list[dict[str, Any]]:
    """The rows of one root field."""
    found: list[dict[str, Any]] = data(client, f"{{ it: {field} {{ nodes {{ {selection} }} }} }}")["it"]["nodes"]
    return found


def rounded(rows: list[tuple[Any, ...]]) -> list[str]:
    """Rows in an order of their own, floats to twelve digits: the last ones depend on the order of additions."""
    return sorted(repr(tuple(f"{v:.12g}" if isinstance(v, float) else v for v in row)) for row in rows)


@pytest.mark.parametrize(
    "by",
    [
        [], ["plan"], ["region"], ["week"], ["month"], ["quarter"], ["year"], ["month", "region"], ["day", "region"],
        ["week", "plan"], ["year", "quarter"], ["year", "plan", "region"], ["day", "week", "plan", "region"],
    ],
)  # fmt: skip
def test_a_grouping_has_the_numbers_of_the_same_group_by_in_sql(client: httpx.Client, sql: Sql, by: list[str]) -> None:
    """Whether it was stored, is merged from finer groups, or is computed from the orders."""
    found = nodes(client, f"revenue(by: [{', '.join(by).upper()}])", f"{' '.join(by)} {MEASURES}")

    columns = ", ".join([*(f"{name}::varchar" for name in by), COMPUTED])
    expected = sql(f"select {columns} from ({ORDERS}) {'group by all' if by else ''}")
    assert rounded([tuple(node.values()) for node in found]) == rounded(expected)


def test_without_by_a_metric_has_its_own_grain(client: httpx.Client) -> None:
    """The rows are those of its SELECT."""
    selection = f"day plan region {MEASURES}"

    assert nodes(client, "revenue", selection) == nodes(client, "revenue(by: [DAY, PLAN, REGION])", selection)


def test_a_dimension_that_is_named_twice_groups_once(client: httpx.Client) -> None:
    """A list is a set here."""
    once, twice = (nodes(client, f"revenue(by: {by})", "plan orders") for by in ("[PLAN]", "[PLAN, PLAN]"))

    assert once == twice


@pytest.mark.parametrize("where", ["{}", '{plan: {eq: "free"}}', '{plan: {in: ["free", "pro"]}}', "{or: []}"])
@pytest.mark.parametrize("selection", ["__typename", "orders", "revenue buyers"])
def test_grouped_by_nothing_there_is_one_row(client: httpx.Client, where: str, selection: str) -> None:
    """As in SQL: whatever is filtered, and whatever is selected."""
    found = data(
        client,
        f"{{ revenue(by: [], where: {where}) {{ nodes {{ {selection} }} totalCount pageInfo {{ hasNextPage }} }} }}",
    )["revenue"]

    assert len(found["nodes"]) == 1
    assert found["totalCount"] == 1
    assert found["pageInfo"] == {"hasNextPage": False}


def test_totals_are_the_measures_of_all_rows_together(client: httpx.Client) -> None:
    """A ratio is a ratio of sums, and a buyer who comes back is one buyer."""
    where = '{plan: {ne: "free"}, month: {gte: "2026-01-01"}}'
    found = data(client, f"{{ revenue(where: {where}, first: 3) {{ totals {{ {MEASURES} }} }} }}")

    assert [found["revenue"]["totals"]] == nodes(client, f"revenue(by: [], where: {where})", MEASURES)


def test_totals_of_nothing_are_zero_for_counts_and_null_for_the_rest(client: httpx.Client) -> None:
    """As SQL has it."""
    found = data(
        client, f'{{ revenue(where: {{plan: {{eq: "none"}}}}) {{ totals {{ {MEASURES} }} nodes {{ plan }} }} }}'
    )

    none = {"orders": 0, "revenue": None, "averageOrder": None, "buyers": 0, "revenuePerBuyer": None}
    assert found["revenue"] == {"totals": none, "nodes": []}


@pytest.mark.parametrize(
    ("field", "arguments"), [("revenue", "by: [MONTH, PLAN]"), ("signups", "by: [REFERRER]"), ("cohorts", "")]
)
def test_total_count_is_the_number_of_rows_whatever_the_page(client: httpx.Client, field: str, arguments: str) -> None:
    """It counts the groups of a grouped metric and the rows of a plain table."""
    rows = nodes(client, f"{field}({arguments} offset: 0)", "__typename")

    page = f"{field}({arguments} first: 2, offset: 1)"
    assert data(client, f"{{ it: {page} {{ totalCount }} }}") == {"it": {"totalCount": len(rows)}}


@pytest.mark.parametrize(
    ("field", "selection"), [("revenue", "day plan region orders"), ("cohorts", "cohort customers")]
)
def test_pages_one_after_the_other_are_all_rows_once(client: httpx.Client, field: str, selection: str) -> None:
    """The order is total without being asked for, so that no row is on two pages or on none."""
    size = 700 if field == "revenue" else 40
    pages: list[dict[str, Any]] = []
    while not pages or pages[-1]["pageInfo"]["hasNextPage"]:
        paging = f"first: {size}, offset: {size * len(pages)}"
        question = f"{{ nodes {{ {selection} }} pageInfo {{ hasNextPage hasPreviousPage }} }}"
        pages.append(data(client, f"{{ it: {field}({paging}) {question} }}")["it"])

    assert [node for page in pages for node in page["nodes"]] == nodes(client, field, selection)
    assert [page["pageInfo"]["hasPreviousPage"] for page in pages] == [False] + [True] * (len(pages) - 1)


@pytest.mark.parametrize(
    ("paging", "rows", "more", "before"),
    [
        ("first: 0", 0, True, False),
        ("first: 4", 4, True, False),
        ("first: 20", 20, False, False),
        ("first: 1, offset: 19", 1, False, True),
        ("first: 5, offset: 18", 2, False, True),
        ("offset: 20", 0, False, True),
        ("offset: 2147483647", 0, False, True),
        ("first: null, offset: null", 20, False, False),
    ],
)
def test_a_page_has_its_rows_and_says_whether_there_are_others(
    client: httpx.Client, paging: str, rows: int, more: bool, before: bool
) -> None:
    """There are twenty top products."""
    selection = "{ nodes { place } pageInfo { hasNextPage hasPreviousPage } }"
    found = data(client, f"{{ topProducts({paging}) {selection} }}")["topProducts"]

    assert len(found["nodes"]) == rows
    assert found["pageInfo"] == {"hasNextPage": more, "hasPreviousPage": before}


@pytest.mark.parametrize("argument", ["first: -1", "offset: -1"])
@pytest.mark.parametrize("selection", ["nodes { orders }", "totals { orders }"])
def test_a_negative_number_of_rows_is_refused(client: httpx.Client, argument: str, selection: str) -> None:
    """Also where it would make no difference."""
    error = refusal(client, f"{{ revenue({argument}) {{ {selection} }} }}")

    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["locations"] == [{"line": 1, "column": 11}]


@pytest.fixture(scope="module")
def narrow(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of an API that gives at most 10 rows at once."""
    project = copytree(published, tmp_path_factory.mktemp("narrow") / "project", symlinks=True)
    with (project / "pacelayer.toml").open("a") as settings:
        settings.write("max_rows = 10\n")
    with serving(project) as base, httpx.Client(base_url=base, timeout=60) as client:
        yield client


def test_an_answer_of_too_many_rows_is_refused_with_their_number_and_the_way_out(narrow: httpx.Client) -> None:
    """It is never cut off silently."""
    error = refusal(narrow, "{ topProducts { nodes { place } } }")

    assert error["extensions"]["code"] == "TOO_MANY_ROWS"
    assert error["locations"] == [{"line": 1, "column": 3}]
    assert "20 rows, more than 10" in error["message"]
    assert "'first'" in error["message"]


@pytest.mark.parametrize("first", [11, 1_000_000_000])
def test_a_page_of_too_many_rows_is_refused(narrow: httpx.Client, first: int) -> None:
    """Even where there are not so many."""
    assert code(narrow, f"{{ topProducts(first: {first}) {{ nodes {{ place }} }} }}") == "TOO_MANY_ROWS"


@pytest.mark.parametrize("question", ["topProducts(first: 10) { nodes { place } }", "topProducts { totalCount }"])
def test_a_question_within_the_limit_of_rows_is_answered(narrow: httpx.Client, question: str) -> None:
    """A page of exactly so many, and a number that is no row."""
    assert data(narrow, f"{{ {question} }}")


def test_a_row_is_found_by_its_key(client: httpx.Client, sql: Sql) -> None:
    """The same row as among all."""
    found = data(client, "{ userDashboardByUserId(userId: 42) { userId plan orders revenue lastOrderAt } }")

    expected = sql(
        "select user_id, plan, orders, revenue::varchar, strftime(last_order_at, '%Y-%m-%dT%H:%M:%S') "
        "from user_dashboard where user_id = 42"
    )
    assert [tuple(found["userDashboardByUserId"].values())] == expected


@pytest.mark.parametrize("key", [0, -1, 9007199254740991])
def test_a_key_that_is_not_there_is_null(client: httpx.Client, key: int) -> None:
    """Not an error: it is the answer."""
    assert data(client, f"{{ userDashboardByUserId(userId: {key}) {{ plan }} }}") == {"userDashboardByUserId": None}


@pytest.mark.parametrize("key", ["null", '"1"', "1.0", "9007199254740992", "true", ""])
def test_a_key_that_can_be_none_is_refused(client: httpx.Client, key: str) -> None:
    """Beyond 2^53 two numbers would be one."""
    argument = f"(userId: {key})" if key else ""

    assert post(client, f"{{ userDashboardByUserId{argument} {{ plan }} }}").status_code == 400
