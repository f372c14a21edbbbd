"""Answers at their edges: over nothing, grouped by nothing, in a zone, from SELECTs of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import orjson
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


def test_rows_have_any_keys_that_a_document_names(shop: Asking) -> None:
    """Also words of Python, in the document's order, and two hundred of them."""
    words = ["class", "None", "v0", "rows", "__init__", "_", *(f"a{number}" for number in range(200))]
    aliases = " ".join(f"{word}: orders" for word in words)
    (row,) = shop.data(f"{{sales(by: []) {{nodes {{{aliases}}}}}}}")["sales"]["nodes"]
    assert list(row.items()) == [(word, 4) for word in words]


def test_the_largest_few_merge_to_the_largest_few(shop: Asking) -> None:
    """Not to the largest of the lists."""
    data = shop.data("{merging(by: [MONTH]) {nodes {month top}}}")
    assert data["merging"]["nodes"] == [
        {"month": "2026-01-01", "top": ["2.25", "1.50"]},
        {"month": "2026-02-01", "top": ["7.00", "3.00"]},
    ]


def test_a_list_of_decimals_has_no_difference_from_an_earlier_one(shop: Asking) -> None:
    """It is no number, whatever its items are."""
    change, measures = (shop.generation.value.sdl.split(f"type Merging{name} {{")[1] for name in ("Change", "Measures"))
    assert "  top:" not in change.partition("}")[0]
    assert "  top:" in measures.partition("}")[0]


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


def test_the_project_s_zone_applies_in_build_and_api_alike(tmp_path: Path) -> None:
    """A day is the project's day, whether it was computed ahead, merged or computed anew."""
    moment = "(o.placed_at || '+00')::timestamptz"
    measures = "count(*) as n, count(distinct o.user_id) as u from shop.orders o group by all"
    filtered = '(by: [DAY], where: {t: {gte: "2000-01-01T00:00:00Z"}})'
    metrics = {
        "finest": f"select {moment} as t, {measures}",
        "hourly": f"select date_trunc('hour', {moment}) as t, {measures}",
    }
    with asking(publish(tmp_path, metrics, ORDERS, zone="Asia/Tokyo")) as found:
        for metric in metrics:
            data = found.data(
                f"{{ahead: {metric}(by: [DAY]) {{nodes {{day u}}}} merged: {metric}{filtered} {{nodes {{day n}}}}"
                f" anew: {metric}{filtered} {{nodes {{day u}}}}}}"
            )
            days = {key: [datetime.fromisoformat(row["day"]) for row in field["nodes"]] for key, field in data.items()}
            assert days["ahead"] == days["merged"] == days["anew"]
            assert {day.astimezone(UTC).hour for day in days["ahead"]} == {15}


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
        "select due as day, median(amount) as m from shop.orders where day is null group by all", 1,
    ),
    "a comment at the end of the condition": (
        "select region, median(amount) as m\nfrom shop.orders -- all of them\nwhere paid -- but not paid\ngroup by all",
        2,
    ),
    "a part of an aggregate of a type that files do not have": (
        "select region, max(row(amount, id))[1] as m from shop.orders group by all", 3,
    ),
    "a scalar subquery": (
        "select region, count(*) / (select count(id) from shop.users) as each from shop.orders group by all", 3,
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """One snapshot of all of them, named after their place in the table."""
    metrics = {f"m{number}": sql for number, (sql, _) in enumerate(PUBLISHED.values())}
    users = [User("free", date(1990, 1, 1)), User("pro")]
    with asking(publish(tmp_path_factory.mktemp("kinds"), metrics, ORDERS, users)) as found:
        yield found


@pytest.mark.parametrize("case", PUBLISHED)
def test_a_select_of_any_kind_is_published_and_answered(kinds: Asking, case: str) -> None:
    """With every column that it has."""
    name, rows = f"m{list(PUBLISHED).index(case)}", PUBLISHED[case][1]
    fields = " ".join(column.field for column in kinds.metric(name).stored)
    data = kinds.data(f"{{{name} {{totalCount nodes {{{fields}}}}}}}")
    assert (data[name]["totalCount"], len(data[name]["nodes"])) == (rows, rows)


def test_a_snapshot_without_a_number_has_an_empty_table_of_all_numbers(tmp_path: Path) -> None:
    """Analysts find it in every snapshot."""
    with asking(publish(tmp_path, {"regions": "select region from shop.orders"}, ORDERS)) as found:
        assert found.rows("select * from dashboard_metrics") == []


def test_a_type_that_graphql_cannot_show_is_refused_before_publication(tmp_path: Path) -> None:
    """Otherwise a snapshot would be current that no API can open."""
    with pytest.raises(PacelayerError, match="cast it: "):
        publish(tmp_path, {"sales": "select id, [placed_at - due] as delay from shop.orders"}, ORDERS)


def test_a_shop_without_orders_has_answers_without_rows(tmp_path: Path) -> None:
    """Before its first customer."""
    with asking(publish(tmp_path, {"sales": SALES})) as found:
        data = found.data("{sales {totalCount nodes {day} totals {orders revenue buyers}}}")
    assert data["sales"] == {"totalCount": 0, "nodes": [], "totals": {"orders": 0, "revenue": None, "buyers": 0}}


ODD_JSON = '{"n":123456789012345678901234567890,"x":1e400,"deep":' + "[" * 3000 + "]" * 3000 + "}"


def test_json_is_given_as_it_was_written(tmp_path: Path) -> None:
    """Numbers beyond any type and any depth of nesting: the API does not read what it passes on."""
    metrics = {"docs": f"select o.id, '{ODD_JSON}'::json as doc from shop.orders o"}
    with asking(publish(tmp_path, metrics, ORDERS)) as found:
        doc = found.data("{docs(first: 1, orderBy: [{doc: ASC}]) {nodes {doc}}}")["docs"]["nodes"][0]["doc"]
        assert orjson.dumps(doc).decode() == ODD_JSON


def test_a_list_with_a_number_that_json_cannot_hold_is_refused_before_publication(tmp_path: Path) -> None:
    """As a number that stands alone is."""
    large = "select o.id, [1, 9007199254740993] as l, {'a': 'x9007199254740993'} as s from shop.orders o"
    for name in ("large", "small"):
        (tmp_path / name).mkdir()
    with pytest.raises(PacelayerError, match="'l' holds numbers beyond 9"):
        publish(tmp_path / "large", {"large": large}, ORDERS)
    small = "select o.id, [1, 9] as l, {'a': '9007199254740993', 'b': 1::bigint} as s from shop.orders o"
    publish(tmp_path / "small", {"small": small}, ORDERS)
