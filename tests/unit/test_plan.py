"""Which way a question takes: what is stored, what is merged, the base tables, or a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import pytest
from graphql import GraphQLError

from gql.page import order_of, plan_count, plan_rows
from gql.plan import Plan
from gql.question import Question
from snapshot.catalog import Grain, Metric

from .reading import JOINED, metric

SALES = f"""select
  date_trunc('day', o.created_at)::date as day, u.plan as plan, o.region as region,
  count(*) as orders, sum(o.amount) as revenue, avg(o.amount) as mean, revenue / orders as each,
  count(distinct o.user_id) as buyers, revenue / buyers as per_buyer, concat(u.plan, ' ', count(*)) as label
{JOINED} where o.paid group by u.plan, day, o.region"""
OWN = ("day", "plan", "region")
MOMENT = datetime(2026, 11, 24, tzinfo=UTC)


def grain(table: str, by: tuple[str, ...], rows: int, *columns: str) -> Grain:
    """A stored grouping."""
    return Grain(table, by, columns, rows, MOMENT)


@cache
def built(sql: str = SALES, private: tuple[str, ...] = (), more: tuple[Grain, ...] = ()) -> Metric:
    """A metric as the build leaves it: its table, the parts of its average, and `more` groupings."""
    found = metric(sql, private)
    measures = [measure.name for measure in found.measures]
    parts = [part.name for part in found.components]
    own = grain("main.sales", found.own_grain, 9_000, *measures)
    return replace(found, grains=(own, grain("rollup.sales", found.own_grain, 9_000, *parts), *more))


@dataclass(frozen=True)
class Asked:
    """A question in short, and what is expected of its plan: the way, and the table that it reads."""

    by: tuple[str, ...]
    measures: tuple[str, ...]
    way: str
    table: str
    where: Mapping[str, Any] | None = None


def question(
    sales: Metric, by: tuple[str, ...], measures: tuple[str, ...], where: Mapping[str, Any] | None
) -> Question:
    """A question by names."""
    return Question(sales, tuple(map(sales.column, by)), tuple(map(sales.column, measures)), where)


def planned(
    by: tuple[str, ...], measures: tuple[str, ...], where: Mapping[str, Any] | None = None, sales: Metric | None = None
) -> Plan:
    """The plan for the rows of a question of `sales`."""
    return plan_rows(question(sales or built(), by, measures, where), limit=100)


FROM_MARCH = {"day": {"gte": date(2026, 3, 1)}}
HOLISTIC = ("rollup.monthly", ("month", "plan"), 12, "orders", "revenue", "buyers", "per_buyer", "mean__sum")
WITHOUT_FILTER = {
    "its own grouping": Asked(OWN, ("orders", "buyers", "label"), "stored", "main.sales"),
    "its own grouping in another order": Asked(("region", "day", "plan"), ("orders",), "stored", "main.sales"),
    "fewer dimensions": Asked(("plan",), ("orders", "revenue"), "re-aggregated", "main.sales"),
    "a coarser unit": Asked(("week", "plan", "region"), ("orders",), "re-aggregated", "main.sales"),
    "a coarser unit beside the finest": Asked(("day", "week"), ("orders",), "re-aggregated", "main.sales"),
    "nothing": Asked((), ("orders", "revenue"), "re-aggregated", "main.sales"),
    "an average": Asked(("plan",), ("mean",), "re-aggregated", "rollup.sales"),
    "an average in its own grouping": Asked(OWN, ("mean",), "stored", "main.sales"),
    "a ratio": Asked(("month",), ("each",), "re-aggregated", "main.sales"),
    "a distinct count": Asked(("plan",), ("buyers",), "base tables", "shop.orders"),
    "a ratio with a distinct count": Asked(("month",), ("orders", "per_buyer"), "base tables", "shop.orders"),
    "a distinct count of everything": Asked((), ("buyers",), "base tables", "shop.orders"),
}  # fmt: skip
FILTERED = {
    "its own grouping": Asked(OWN, ("buyers",), "stored", "main.sales", FROM_MARCH),
    "its own grouping, by a coarser unit": Asked(OWN, ("buyers",), "stored", "main.sales", {"month": {"eq": MOMENT}}),
    "a coarser unit": Asked(("month",), ("orders",), "re-aggregated", "main.sales", FROM_MARCH),
    "a dimension that is not grouped by": Asked(
        ("day",), ("orders",), "re-aggregated", "main.sales", {"plan": {"eq": "pro"}},
    ),
    "deep within the filter": Asked(
        ("month", "plan"), ("buyers",), "base tables", "shop.orders", {"or": [{"not": {"region": {"isNull": True}}}]},
    ),
    "a holistic measure": Asked(("month", "plan"), ("buyers",), "base tables", "shop.orders", FROM_MARCH),
}  # fmt: skip
WITH_A_ROLLUP = {
    "that grouping": Asked(("month", "plan"), ("buyers", "per_buyer"), "stored", "rollup.monthly"),
    "that grouping, filtered by itself": Asked(
        ("month", "plan"), ("buyers",), "stored", "rollup.monthly", {"plan": {"eq": "pro"}},
    ),
    "that grouping, filtered by a coarser unit": Asked(
        ("month", "plan"), ("buyers",), "stored", "rollup.monthly", {"year": {"eq": MOMENT}},
    ),
    "that grouping, filtered by a finer unit": Asked(
        ("month", "plan"), ("orders",), "re-aggregated", "main.sales", FROM_MARCH,
    ),
    "less than that grouping": Asked(("plan",), ("orders",), "re-aggregated", "rollup.monthly"),
    "a coarser unit than that grouping's": Asked(("quarter",), ("revenue",), "re-aggregated", "rollup.monthly"),
    "a unit that months do not nest in": Asked(("week",), ("revenue",), "re-aggregated", "main.sales"),
    "a dimension that it has not": Asked(("month", "region"), ("orders",), "re-aggregated", "main.sales"),
    "a part that it has not": Asked(("plan",), ("mean",), "re-aggregated", "rollup.sales"),
    "less, and a measure that does not merge": Asked(("month",), ("buyers",), "base tables", "shop.orders"),
    "something that its measures have not": Asked(("month", "plan"), ("mean",), "re-aggregated", "rollup.sales"),
}  # fmt: skip


def assert_taken(asked: Asked, sales: Metric) -> None:
    """The way that was taken and the table that is read."""
    plan = planned(asked.by, asked.measures, asked.where, sales)
    assert (plan.way, f"from {asked.table} " in one_line(plan.sql)) == (asked.way, True), plan.sql


def one_line(sql: str) -> str:
    """SQL without the blanks and line ends that its author wrote around it."""
    return " ".join(sql.split()).replace("( ", "(").replace(" )", ")")


@pytest.mark.parametrize("asked", WITHOUT_FILTER.values(), ids=WITHOUT_FILTER)
def test_an_answer_comes_from_the_cheapest_place_that_gives_it_exactly(asked: Asked) -> None:
    """Ready-made, else merged, else computed anew."""
    assert_taken(asked, built())


@pytest.mark.parametrize("asked", FILTERED.values(), ids=FILTERED)
def test_a_filter_needs_a_place_that_has_what_it_looks_at(asked: Asked) -> None:
    """A month cannot be cut by days once it is a month."""
    assert_taken(asked, built())


@pytest.mark.parametrize("asked", WITH_A_ROLLUP.values(), ids=WITH_A_ROLLUP)
def test_a_rollup_is_read_where_it_gives_the_answer_exactly(asked: Asked) -> None:
    """It is smaller, so it is preferred."""
    assert_taken(asked, built(more=(grain(*HOLISTIC),)))


def test_of_two_places_the_smaller_is_read() -> None:
    """Whatever their order in the catalogue."""
    large = grain("rollup.large", ("month", "plan", "region"), 500, "orders")
    small = grain("rollup.small", ("month", "region"), 50, "orders")
    for more in ((large, small), (small, large)):
        assert "from rollup.small " in planned(("region",), ("orders",), sales=built(more=more)).sql


def test_a_total_is_read_where_it_was_computed_ahead() -> None:
    """Grouped by nothing."""
    total = built(more=(grain("rollup.total", (), 1, "buyers"),))
    assert planned((), ("buyers",), sales=total).way == "stored"


@pytest.mark.parametrize("measures", [("buyers",), ("orders", "per_buyer")])
def test_what_does_not_merge_is_refused_where_the_base_tables_are_private(measures: tuple[str, ...]) -> None:
    """With what can be asked instead, before anything is run."""
    with pytest.raises(GraphQLError, match=r"exactly .*; it can by \[DAY, PLAN, REGION\]") as raised:
        planned(("month",), measures, sales=built(private=("users",)))
    assert raised.value.extensions == {"code": "NOT_ANSWERABLE"}


def test_what_merges_is_answered_where_the_base_tables_are_private() -> None:
    """It needs the metric's own table only."""
    assert planned(("month",), ("orders", "mean"), sales=built(private=("users",))).way == "re-aggregated"


def test_a_mixture_of_dimension_and_aggregate_is_refused_in_any_other_grouping() -> None:
    """It is named in the refusal."""
    with pytest.raises(GraphQLError, match="sales cannot give label exactly") as raised:
        planned(("month",), ("orders", "label"))
    assert raised.value.extensions == {"code": "NOT_ANSWERABLE"}


def test_values_are_parameters_and_never_part_of_the_sql() -> None:
    """In the order of their marks, whatever way is taken."""
    hostile = "x' or 1 = 1 --"
    where = {"plan": {"eq": hostile}, "or": [{"region": {"in": ["a", "b"]}}, {"region": {"startsWith": hostile}}]}
    for by, measures in ((OWN, ("orders",)), (("plan",), ("orders",)), (("plan",), ("buyers",))):
        plan = planned(by, measures, where)
        assert (hostile in plan.sql, plan.parameters) == (False, (hostile, "a", "b", hostile)), plan.way


def test_the_metric_s_own_condition_is_kept_together_beside_the_question_s() -> None:
    """Its `or` does not take the question's condition apart."""
    sql = f"select u.plan, median(o.amount) as m {JOINED} where o.paid or o.fee > 1 group by all"
    plan = planned(("plan",), ("m",), {"plan": {"eq": "x"}}, replace(built(sql), grains=()))
    assert "where (o.paid or o.fee > 1) and (" in one_line(plan.sql)


def test_the_order_of_rows_is_always_total() -> None:
    """What is grouped by decides between equal rows."""
    sales = built()
    asked = Question(
        sales, (sales.column("plan"), sales.column("day")), (sales.column("orders"),),
        order_by=((sales.column("orders"), "desc nulls last"), (sales.column("day"), "asc nulls first")),
    )  # fmt: skip
    order = 'by page."orders" desc nulls last, page."day" asc nulls first, page."plan" asc nulls last limit 7 offset 3'
    assert plan_rows(asked, limit=7, offset=3).sql.endswith(order)


def test_a_plain_table_is_read_in_the_order_of_its_own_rows() -> None:
    """What its SELECT ordered by decides between equal rows."""
    users = replace(metric("select id, plan from shop.users"), grains=(grain("main.users", (), 3),))
    asked = Question(
        users, (), (users.column("plan"),), {"id": {"gt": 1}}, order_by=((users.column("id"), "asc nulls last"),)
    )
    plan = plan_rows(asked, limit=10)
    assert (plan.way, plan.parameters) == ("stored", (1,))
    assert plan.sql.endswith('order by page."id" asc nulls last, page."_pacelayer_row" limit 10 offset 0')


@pytest.mark.parametrize(("by", "way"), [(OWN, "stored"), (("month",), "re-aggregated"), ((), "re-aggregated")])
def test_rows_are_counted_the_way_they_are_read(by: tuple[str, ...], way: str) -> None:
    """Measures are left out: they do not change how many there are."""
    plan = plan_count(question(built(), by, ("buyers",), None))
    assert (plan.way, plan.sql.startswith("select count(*) from (")) == (way, True)


def test_floats_that_an_order_sees_as_one_are_told_apart_behind_it() -> None:
    """What JSON has no number for is null to an order, and still several groups."""
    floats = metric(f"select o.weight as weight, u.plan as plan, count(*) as n {JOINED} group by all")
    weight, plan = floats.dimensions
    asked = Question(floats, (weight, plan), (), order_by=((weight, "desc nulls last"), (plan, "asc nulls last")))
    assert order_of(asked, total=True).endswith('page."plan" asc nulls last, page."weight" asc nulls last')
