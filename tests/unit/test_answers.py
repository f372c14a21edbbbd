"""Answers at their edges: over nothing, grouped by nothing, in a zone, from SELECTs of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from snapshot.errors import PacelayerError

from .tiny import Asking, Order, User, asking, publish

SALES = """select
  o.placed_at::date as day, o.region as region, count(*) as orders, sum(o.amount) as revenue,
  avg(o.amount) as mean, count(distinct o.user_id) as buyers, median(o.amount) as middle
from shop.orders o group by all"""
MERGING = """select
  o.placed_at::date as day, o.region as region, count(*) as orders, sum(o.amount) as revenue, avg(o.amount) as mean,
  max(o.amount, 2) as top, sum(o.amount) / count(*) filter (where o.paid) as each
from shop.orders o group by all"""
ORDERS = [
    Order(user_id=1, region="eu", amount=Decimal("1.50"), placed_at=datetime(2026, 1, 5, 23, 30)),  # noqa: DTZ001
    Order(user_id=1, region=None, amount=Decimal("2.25"), placed_at=datetime(2026, 1, 6), paid=False),  # noqa: DTZ001
    Order(user_id=2, region="eu", amount=Decimal("3.00"), placed_at=datetime(2026, 2, 6), paid=False),  # noqa: DTZ001
    Order(user_id=None, region="us", amount=Decimal("7.00"), placed_at=datetime(2026, 2, 7)),  # noqa: DTZ001
]
# Conditions that let nothing in.
NOTHING = ['{region: {eq: "mars"}}', "{region: {in: []}}", "{or: []}", "{not: {}}", "{and: [{or: []}]}"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """One metric whose measures do not all merge, and one whose measures do."""
    settings = publish(tmp_path_factory.mktemp("shop"), {"sales": SALES, "merging": MERGING}, ORDERS)
    with asking(settings) as found:
        yield found


@pytest.mark.parametrize("where", NOTHING)
def test_a_total_over_nothing_has_counts_of_0_and_no_other_numbers(shop: Asking, where: str) -> None:
    """As SQL has it: one row, whatever the condition."""
    data = shop.data(f"{{sales(where: {where}) {{totalCount totals {{orders revenue mean buyers middle}}}}}}")
    assert data["sales"] == {
        "totalCount": 0,
        "totals": {"orders": 0, "revenue": None, "mean": None, "buyers": 0, "middle": None},
    }


@pytest.mark.parametrize("where", NOTHING)
def test_a_merged_total_over_nothing_has_counts_of_0_and_no_other_numbers(shop: Asking, where: str) -> None:
    """Merging nothing gives what computing over nothing gives."""
    data = shop.data(f"{{merging(where: {where}) {{totals {{orders revenue mean}}}}}}")
    assert data["merging"]["totals"] == {"orders": 0, "revenue": None, "mean": None}


@pytest.mark.parametrize("metric", ["sales", "merging"])
@pytest.mark.parametrize("where", ["{}", *NOTHING])
def test_totals_are_there_even_where_no_measure_is_selected(shop: Asking, metric: str, where: str) -> None:
    """Their type is never null."""
    data = shop.data(f"{{{metric}(where: {where}) {{totals {{__typename}}}}}}")
    assert data[metric]["totals"] == {"__typename": f"{metric.capitalize()}Totals"}


@pytest.mark.parametrize("metric", ["sales", "merging"])
@pytest.mark.parametrize("where", ["{}", *NOTHING])
def test_grouped_by_nothing_there_is_one_row(shop: Asking, metric: str, where: str) -> None:
    """Whether or not any measure is selected, and it is counted so."""
    data = shop.data(
        f"{{with: {metric}(by: [], where: {where}) {{totalCount nodes {{orders}}}}"
        f" without: {metric}(by: [], where: {where}) {{totalCount nodes {{__typename}}}}}}"
    )
    assert [(field["totalCount"], len(field["nodes"])) for field in data.values()] == [(1, 1), (1, 1)]


def test_the_largest_few_merge_to_the_largest_few(shop: Asking) -> None:
    """Not to the largest of the lists."""
    data = shop.data("{merging(by: [MONTH]) {nodes {month top}}}")
    assert data["merging"]["nodes"] == [
        {"month": "2026-01-01", "top": ["2.25", "1.50"]},
        {"month": "2026-02-01", "top": ["7.00", "3.00"]},
    ]


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
def test_a_ratio_to_nothing_is_null_and_comes_last(shop: Asking, direction: str) -> None:
    """DuckDB calls it infinite, which JSON cannot say; an order has nulls last."""
    data = shop.data(f"{{merging(by: [DAY], orderBy: [{{each: {direction}}}]) {{nodes {{each}}}}}}")
    assert [row["each"] for row in data["merging"]["nodes"]][2:] == [None, None]


def test_selecting_a_dimension_that_is_not_grouped_by_is_refused(shop: Asking) -> None:
    """Before anything is run."""
    assert shop.refusal("{sales(by: [MONTH]) {nodes {region orders}}}") == "NOT_GROUPED"


def test_without_by_the_metric_s_own_grouping_is_meant(shop: Asking) -> None:
    """Null says as much as nothing."""
    data = shop.data("{a: sales {nodes {day region buyers}} b: sales(by: null) {nodes {day region buyers}}}")
    assert data["a"] == data["b"]
    assert len(data["a"]["nodes"]) == 4


@pytest.mark.parametrize(
    "projection",
    ["(o.placed_at || '+00')::timestamptz", "date_trunc('hour', (o.placed_at || '+00')::timestamptz)"],
)
@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
def test_the_project_s_zone_applies_in_build_and_api_alike(tmp_path: Path, projection: str, zone: str) -> None:
    """A day is the project's day, whether it was computed ahead, merged or computed anew."""
    sql = f"select {projection} as t, count(*) as n, count(distinct o.user_id) as u from shop.orders o group by all"
    filtered = '(by: [DAY], where: {t: {gte: "2000-01-01T00:00:00Z"}})'
    with asking(publish(tmp_path, {"sales": sql}, ORDERS, zone=zone)) as found:
        data = found.data(
            f"{{ahead: sales(by: [DAY]) {{nodes {{day u}}}} merged: sales{filtered} {{nodes {{day n}}}}"
            f" anew: sales{filtered} {{nodes {{day u}}}}}}"
        )
    days = {name: [datetime.fromisoformat(row["day"]) for row in field["nodes"]] for name, field in data.items()}
    assert days["ahead"] == days["merged"] == days["anew"]
    ahead = {day.astimezone(UTC).hour for day in days["ahead"]}
    assert ahead == ({5} if zone == "America/New_York" else {15})


# What is special -> a SELECT that has to be published, and how many rows it then has.
PUBLISHED = {
    "rows that are counted": ("select count(*) as n from shop.orders", 1),
    "no number": ("select region from shop.orders", 4),
    "a union with nulls": (
        "select 'all' as region, 4 as n union all select region, count(*) from shop.orders group by all", 4,
    ),
    "subtotals": ("select u.plan, count(*) as n from shop.users u group by rollup (plan)", 3),
    "a cast that fails": ("select try_cast(u.plan as integer) as n from shop.users u", 2),
    "no dimension": ("select count(*) as n, sum(o.amount) as s from shop.orders o group by all", 1),
    "a dimension called total": ("select paid, region as total, median(amount) as m from shop.orders group by all", 4),
    "a condition on an alias": (
        "select due as day, median(amount) as m from shop.orders where day is distinct from '2026-02-01' group by all", 1,
    ),
    "a comment at the end of the condition": (
        "select region, median(amount) as m\nfrom shop.orders -- all of them\nwhere paid -- but not paid\ngroup by all",
        2,
    ),
    "a scalar subquery": (
        "select region, count(*) / (select count(id) from shop.users) as each from shop.orders group by all", 3,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("sql", "rows"), PUBLISHED.values(), ids=PUBLISHED)
def test_a_select_of_any_kind_is_published_and_answered(tmp_path: Path, sql: str, rows: int) -> None:
    """With every column and grouping that it has."""
    users = [User("free", date(1990, 1, 1)), User("pro")]
    with asking(publish(tmp_path, {"sales": sql}, ORDERS, users)) as found:
        fields = " ".join(column.field for column in found.metric.stored)
        data = found.data(f"{{sales {{totalCount nodes {{{fields}}}}}}}")
    assert (data["sales"]["totalCount"], len(data["sales"]["nodes"])) == (rows, rows)


@pytest.mark.parametrize("expression", ["placed_at - due", "null", "'101'::bit", "make_timestamp_ns(1)"])
def test_a_type_that_graphql_cannot_show_is_refused_before_publication(tmp_path: Path, expression: str) -> None:
    """Otherwise a snapshot would be current that no API can open."""
    with pytest.raises(PacelayerError, match="cast it to varchar"):
        publish(tmp_path, {"sales": f"select id, {expression} as x from shop.orders"}, ORDERS)


def test_a_shop_without_orders_has_answers_without_rows(tmp_path: Path) -> None:
    """Before its first customer."""
    with asking(publish(tmp_path, {"sales": SALES})) as found:
        data = found.data("{sales {totalCount nodes {day} totals {orders revenue buyers}}}")
    assert data["sales"] == {"totalCount": 0, "nodes": [], "totals": {"orders": 0, "revenue": None, "buyers": 0}}
