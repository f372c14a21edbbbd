"""Grouped metric or plain table: what each dashboard's SELECT becomes, and why."""

from __future__ import annotations

import pytest

from snapshot.definition import Definition

from .reading import JOINED, definitions, metric

ORDERS = "from shop.orders o"

# What is special -> the SELECT, and the dimensions it then has.
GROUPED = {
    "group by all": (f"select o.region as region, count(*) as n {ORDERS} group by all", ["region"]),
    "ordinals": (f"select o.region, u.plan, count(*) as n {JOINED} group by 1, 2", ["region", "plan"]),
    "ordinals in another order": (f"select count(*) as n, u.plan, o.region {JOINED} group by 3, 2", ["plan", "region"]),
    "aliases": (f"select lower(u.plan) as tier, count(*) as n {JOINED} group by tier", ["tier"]),
    "an alias of the column's own name": (
        f"select o.region as region, count(*) as n {ORDERS} group by region", ["region"],
    ),
    "expressions": (f"select lower(u.plan) as tier, count(*) as n {JOINED} group by lower(u.plan)", ["tier"]),
    "an expression in other letters": (
        f"select lower(u.plan) as tier, count(*) as n {JOINED} group by LOWER(U.Plan)", ["tier"],
    ),
    "a qualified key of an unqualified projection": (
        f"select plan, count(*) as n {JOINED} group by u.plan", ["plan"],
    ),
    "an unqualified key of a qualified projection": (
        f"select u.plan as plan, count(*) as n {JOINED} group by plan", ["plan"],
    ),
    "keys in parentheses": (f"select o.region, count(*) as n {ORDERS} group by (o.region)", ["region"]),
    "several in parentheses": (
        f"select o.region, u.plan, count(*) as n {JOINED} group by (u.plan, (o.region))", ["region", "plan"],
    ),
    "a number in parentheses": (f"select o.region, count(*) as n {ORDERS} group by ((1))", ["region"]),
    "a column with its source": (f"select o.region, count(*) as n {ORDERS} group by o.REGION", ["region"]),
    "two of one key": (
        f'select o.region, "REGION" as area, count(*) as n {ORDERS} group by o.region', ["region", "area"],
    ),
    "keys in quotes": (f'select o.region as "Region", count(*) as n {ORDERS} group by "Region"', ["Region"]),
    "columns in quotes": (f'select o."region" as r, count(*) as n {ORDERS} group by o.REGION', ["r"]),
    "a truncated day": (
        f"select date_trunc('day', o.created_at)::date as day, sum(o.amount) as revenue {ORDERS} group by all", ["day"],
    ),
    "a dimension made of another": (
        f"select u.plan as plan, upper(plan) as title, count(*) as n {JOINED} group by all", ["plan", "title"],
    ),
    "a case expression": (
        f"select case when o.amount > 100 then 'large' else 'small' end as size, count(*) as n {ORDERS} group by all",
        ["size"],
    ),
    "a condition": (f"select o.region is null as unknown, count(*) as n {ORDERS} group by all", ["unknown"]),
    "a constant": (f"select 'web' as channel, count(*) as n {ORDERS} group by all", ["channel"]),
    "measures of measures": (
        f"select u.plan, sum(o.amount) as sold, count(*) as n, sold / n as mean, mean * 2 as twice {JOINED} group by 1",
        ["plan"],
    ),
    "an aggregate that only DuckDB knows": (f"select u.plan, mad(o.amount) as m {JOINED} group by all", ["plan"]),
    "a macro over an aggregate": (f"select u.plan, geomean(o.amount) as m {JOINED} group by all", ["plan"]),
    "a macro over a macro over an aggregate": (
        f"select u.plan, geometric_mean(o.amount) as m {JOINED} group by u.plan", ["plan"],
    ),
    "a macro of a row": (f"select split_part(o.status, '-', 1) as s, count(*) as n {JOINED} group by all", ["s"]),
    "a macro over an aggregate in a subquery": (
        "select m, count(*) as n from (select geomean(fee) as m from shop.orders group by region) group by all",
        ["m"],
    ),
    "an order": (f"select u.plan, count(*) as n {JOINED} group by all order by n desc", ["plan"]),
    "a condition on rows": (f"select u.plan, count(*) as n {JOINED} where o.paid group by all", ["plan"]),
    "a comparison with null in mind": (
        f"select u.plan, count(*) as n {JOINED} where o.region is distinct from 'eu' group by all", ["plan"],
    ),
    "a join that matches nulls": (
        f"select u.plan, count(*) as n {ORDERS} join shop.users u on u.id is not distinct from o.user_id group by all",
        ["plan"],
    ),
    "a condition on an alias": (
        f"select o.created_at::date as day, count(*) as n {ORDERS} where day > date '2026-01-01' group by all", ["day"],
    ),
    "FROM first": (f"{ORDERS} select o.status as status, count(*) as n group by all", ["status"]),
    "a CTE": (
        "with paid as (select * from shop.users) select plan, count(*) as n from paid group by all", ["plan"],
    ),
    "a measure called like a table within a CTE": (
        "with x as (from shop.orders) select region, count(*) as orders, orders / 2 as half from x group by all",
        ["region"],
    ),
    "an aggregated subquery": (
        "select size, count(*) as users from (select count(*) as size from shop.orders group by user_id) group by all",
        ["size"],
    ),
    "a scalar subquery beside an aggregate": (
        f"select u.plan, count(*) / (select count(id) from shop.users) as each {JOINED} group by all", ["plan"],
    ),
    "quoted identifiers": (
        'select o."status" as "Status", count(*) as "N" from "shop"."orders" o group by all', ["Status"],
    ),
    "capital letters": ("SELECT O.STATUS AS status, COUNT(*) AS n FROM SHOP.ORDERS O GROUP BY ALL", ["status"]),
    "a closing semicolon": (f"select u.plan, count(*) as n {JOINED} group by all;\n-- the end\n", ["plan"]),
}  # fmt: skip

# Aggregates of the outer SELECT, for they are of its columns.
LAST = "(select u.plan from shop.users u where u.id = max(o.user_id)) as last"
HIT = "exists (from shop.users u where u.id = max(o.id)) as hit"
# What is special -> the SELECT, and the word of the reason.
PLAIN = {
    "no grouping": (f"select o.id, o.status {ORDERS}", "no GROUP BY"),
    "one total": (f"select count(o.id) as n {ORDERS}", "no GROUP BY"),
    "parentheses": (f"(select u.plan, count(*) as n {JOINED} group by all)", "it stands in parentheses"),
    "HAVING": (f"select u.plan, count(*) as n {JOINED} group by all having n > 1", "HAVING"),
    "QUALIFY": (f"select o.id {ORDERS} qualify row_number() over (order by o.id) = 1", "QUALIFY"),
    "LIMIT": (f"select u.plan, count(*) as n {JOINED} group by all order by n desc limit 3", "LIMIT"),
    "OFFSET": (f"select u.plan, count(*) as n {JOINED} group by all offset 1", "OFFSET"),
    "DISTINCT": (f"select distinct o.status {ORDERS}", "DISTINCT"),
    "a sample": (f"select o.status {ORDERS} using sample 10%", "sample"),
    "a sample of a table": ("select o.status, count(*) as n from shop.orders o tablesample 10% group by all", "sample"),
    "a window": (f"select u.plan, rank() over (order by count(*)) as place {JOINED} group by u.plan", "window"),
    "a share by a window": (
        f"select u.plan, sum(o.amount) / sum(sum(o.amount)) over () as part {JOINED} group by u.plan", "window",
    ),
    "a window over a macro": (
        f"select o.region, geomean(sum(o.amount)) over () as m {ORDERS} group by o.region", "window",
    ),
    "a table macro called like an aggregate": (
        "select bin, count as n from histogram(shop.orders, amount) group by all", "no aggregate",
    ),
    "grouping sets": (f"select u.plan, count(*) as n {JOINED} group by grouping sets ((u.plan), ())", "grouping sets"),
    "a rollup": (f"select u.plan, o.status, count(*) as n {JOINED} group by rollup (plan, status)", "grouping sets"),
    "a cube": (f"select u.plan, o.status, count(*) as n {JOINED} group by cube (plan, status)", "grouping sets"),
    "a union": ("select id from shop.orders union all select id from shop.users", "set operation"),
    "an exception": ("select id from shop.users except select user_id from shop.orders", "set operation"),
    "a star": ("select * from shop.users", "no GROUP BY"),
    "a star that is grouped by": ("select *, count(*) as n from shop.users group by all", "star"),
    "FROM alone": ("from shop.users", "no GROUP BY"),
    "no aggregate": (f"select o.status {ORDERS} group by all", "no aggregate"),
    "a key that is not projected": (f"select count(*) as n {ORDERS} group by o.status", "groups by o.status"),
    "something that is neither": (
        f"select o.status, 'web' as channel, count(*) as n {ORDERS} group by o.status", "neither grouped by",
    ),
    "an aggregate that a subquery hides": (f"select region, {LAST}, count(*) as n {ORDERS} group by all", "by last"),
    "an aggregate that EXISTS hides": (f"select region, {HIT}, count(*) as n {ORDERS} group by all", "by hit"),
    "nothing to group by": (f"select count(*) as n, sum(o.amount) as revenue {ORDERS} group by all", "dimension"),
}  # fmt: skip


@pytest.fixture(scope="module")
def read() -> dict[str, Definition]:
    """What each of them became."""
    return definitions({case: sql for table in (GROUPED, PLAIN) for case, (sql, _) in table.items()})


@pytest.mark.parametrize("case", GROUPED)
def test_a_select_that_groups_by_what_it_projects_is_a_grouped_metric(read: dict[str, Definition], case: str) -> None:
    """However the grouping is written: the projections without an aggregate are the dimensions."""
    found = read[case].metric
    assert (found.grouped, [c.name for c in found.columns if c.role == "dimension"]) == (True, GROUPED[case][1])


@pytest.mark.parametrize("case", PLAIN)
def test_any_other_select_is_a_plain_table_and_says_why(read: dict[str, Definition], case: str) -> None:
    """Its rows are its own, so nothing may be grouped anew."""
    found = read[case].metric
    assert not found.grouped
    assert found.why.startswith("plain table: ")
    assert PLAIN[case][1] in found.why


def test_a_grouped_metric_names_what_it_groups_by() -> None:
    """The words that `pacelayer check` shows."""
    why = metric(f"select o.region as region, u.plan as plan, count(*) as n {JOINED} group by all").why
    assert why == "grouped metric: it groups by region, plan, exactly what it projects beside aggregates"


def test_what_is_not_a_dimension_of_a_grouped_metric_is_a_measure() -> None:
    """Constants and earlier measures in an expression do not make a dimension of it."""
    found = metric(f"select u.plan, count(*) as n, n * 2 + 1 as more, max(o.amount) as most {JOINED} group by all")
    assert [c.name for c in found.measures] == ["n", "more", "most"]


def test_a_plain_table_has_neither_dimensions_nor_measures() -> None:
    """Its columns are just columns, a date among them has no coarser units."""
    found = metric(f"select o.due as due, count(*) as n {ORDERS} group by all limit 5")
    assert [(c.name, c.role) for c in found.columns] == [("due", "column"), ("n", "column")]
    assert found.time == ""


def test_a_plain_table_is_never_computed_anew_from_its_base_tables() -> None:
    """Nothing of its SELECT is kept to be combined with other groupings."""
    found = metric(f"select o.id, o.status {ORDERS} where o.paid")
    assert (found.base_with, found.base_from, found.base_where) == ("", "", "")


def test_a_grouped_metric_keeps_its_own_clauses_for_other_groupings() -> None:
    """WITH with its keyword, FROM and WHERE without, as they are written."""
    sql = "with u as (from shop.users) select plan, count(*) as n from u where born is not null group by all"
    found = metric(sql)
    assert found.base_with.strip() == "with u as (from shop.users)"
    assert found.base_from.strip() == "u"
    assert found.base_where.strip() == "born is not null"


def test_the_sql_of_a_metric_is_its_file_without_the_closing_semicolon() -> None:
    """Comments stay: it is what somebody wrote."""
    assert metric("-- Users.\nselect id from shop.users ; \n").sql == "-- Users.\nselect id from shop.users\n"
