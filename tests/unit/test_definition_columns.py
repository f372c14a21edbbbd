"""The columns of a metric: their types, and what may be null."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from snapshot.catalog import Column
from snapshot.definition import Definition

from .reading import JOINED, columns, definitions, metric

# Over an inner join of tables whose constraints are known.
NEVER_NULL = [
    "o.id", "o.status", "status", "u.plan", "o.amount + 1", "o.amount * u.id", "-o.amount", "lower(o.status)",
    "upper(plan)", "o.status || u.plan", "o.created_at::date", "date_trunc('month', o.created_at)",
    "cast(o.id as varchar)", "round(o.amount)", "abs(o.amount)", "not o.paid", "o.amount > 10 and o.paid", "'web'",
    "42", "true", "coalesce(o.region, 'unknown')", "coalesce(o.fee, o.amount)", "o.status = 'paid'",
]  # fmt: skip
MAY_BE_NULL = [
    "o.region", "o.fee", "u.born", "upper(o.region)", "o.amount + o.fee", "o.status || o.region", "o.amount / u.id",
    "o.due > date '2026-01-01'", "coalesce(o.region, u.referrer)", "nullif(o.status, 'paid')", "null::varchar",
    "try_cast(o.status as integer)", "case when o.paid then o.status end", "date_trunc('month', o.refunded_at)",
    "regexp_extract(o.status, 'x')", "(select max(id) from shop.users)", "o.weight", "list_extract([o.id], 2)",
    "lag(o.id) over ()", "extract(year from o.created_at)", "day(o.created_at)", "o.status::json",
    "o.status::json::integer", "coalesce(o.region::json->'a', '1')::integer", "o.status::json < 3",
]  # fmt: skip
# The measures of a group that is never empty, though a total over nothing is one too.
NEVER_NULL_MEASURES = [
    "count(*)", "count(o.fee)", "count(distinct o.region)", "count(*) filter (where o.paid)",
    "coalesce(sum(o.fee), 0)", "count(*) * 2",
]  # fmt: skip
NULL_OVER_NOTHING = [
    "count_if(o.paid)", "sum(o.amount)", "avg(o.amount)", "min(o.id)", "max(o.id)", "bool_and(o.paid)",
    "median(o.amount)", "sum(o.amount) filter (where o.paid)", "round(sum(o.amount), 1)", "sum(o.amount) / count(*)",
    "mode(o.status)",
]  # fmt: skip
# The FROM -> whether o.status and u.plan, which are never null themselves, then may be.
JOINS = {
    "shop.orders o join shop.users u on u.id = o.user_id": (False, False),
    "shop.orders o, shop.users u": (False, False),
    "shop.orders o cross join shop.users u": (False, False),
    "shop.orders o left join shop.users u on u.id = o.user_id": (False, True),
    "shop.users u right join shop.orders o on u.id = o.user_id": (False, True),
    "shop.orders o right join shop.users u on u.id = o.user_id": (True, False),
    "shop.orders o full outer join shop.users u on u.id = o.user_id": (True, True),
    "shop.orders o natural join shop.users u": (False, False),
    "shop.orders o left join shop.users u using (id)": (False, True),
    "shop.orders o join shop.users u using (id)": (False, False),
    "shop.orders o asof left join shop.users u on u.id = o.user_id and u.joined_at <= o.created_at": (False, True),
    "shop.orders o positional join shop.users u": (True, True),
    "shop.orders x left join shop.orders o on x.id = o.id join shop.users u on u.id = x.user_id": (True, False),
    "shop.users x full join shop.orders o on x.id = o.user_id join shop.users u on u.id = x.id": (True, False),
    "shop.users u left join (shop.users x join shop.orders o on x.id = o.user_id) on u.id = x.id": (True, False),
    "shop.orders x join shop.users u right join shop.orders o on o.id = u.id on o.id = x.id": (True, True),
    "(select * from shop.orders) o join (select * from shop.users) u on u.id = o.user_id": (True, True),
}


@pytest.fixture(scope="module")
def joined() -> dict[str, Column]:
    """A plain table with all of these columns."""
    return columns([*NEVER_NULL, *MAY_BE_NULL])


@pytest.fixture(scope="module")
def measured() -> Mapping[str, Column]:
    """A grouped metric with all of these measures."""
    wanted = [*NEVER_NULL_MEASURES, *NULL_OVER_NOTHING]
    projections = ", ".join(f"{expression} as m{index}" for index, expression in enumerate(wanted))
    found = metric(f"select u.plan, {projections} {JOINED} group by all")
    return {expression: found.column(f"m{index}") for index, expression in enumerate(wanted)}


@pytest.mark.parametrize("expression", NEVER_NULL)
def test_a_column_is_not_null_where_constraints_and_sql_rule_it_out(joined: dict[str, Column], expression: str) -> None:
    """The clients' types say so."""
    assert not joined[expression].nullable


@pytest.mark.parametrize("expression", MAY_BE_NULL)
def test_a_column_may_be_null_where_nothing_rules_it_out(joined: dict[str, Column], expression: str) -> None:
    """Whatever today's rows hold."""
    assert joined[expression].nullable


@pytest.mark.parametrize("expression", NEVER_NULL_MEASURES)
def test_counts_are_never_null(measured: dict[str, Column], expression: str) -> None:
    """Over nothing they are 0."""
    assert not measured[expression].nullable


def test_floats_may_be_null_whatever_they_are_made_of() -> None:
    """JSON has no word for what is infinite or no number."""
    assert metric(f"select u.plan, count(*) / 2 as half {JOINED} group by all").column("half").nullable


@pytest.mark.parametrize("expression", NULL_OVER_NOTHING)
def test_other_aggregates_may_be_null(measured: dict[str, Column], expression: str) -> None:
    """Over nothing there is no largest one, and a total may be over nothing."""
    assert measured[expression].nullable


@pytest.fixture(scope="module")
def sides() -> dict[str, Definition]:
    """A plain table from each of these joins."""
    return definitions({tables: f"select o.status, u.plan from {tables}" for tables in JOINS})


@pytest.mark.parametrize("tables", JOINS)
def test_the_side_that_a_join_can_leave_empty_may_be_null(sides: dict[str, Definition], tables: str) -> None:
    """Its constraints hold for its own rows only."""
    assert tuple(column.nullable for column in sides[tables].metric.columns) == JOINS[tables]


def test_what_another_name_is_given_to_may_be_null() -> None:
    """Here the name of the plan, which never is, is that of the referrer."""
    assert metric("select o.plan from shop.users as o(id, name, plan)").column("plan").nullable


@pytest.mark.parametrize("grouping", ["rollup (plan, status)", "cube (plan, status)", "grouping sets ((plan), ())"])
def test_what_grouping_sets_leave_out_is_null(grouping: str) -> None:
    """The rows of subtotals have no plan."""
    assert metric(f"select u.plan, count(*) as n {JOINED} group by {grouping}").column("plan").nullable


@pytest.mark.parametrize("first", ["'all'", "o.status", "count(*)::varchar"])
def test_a_column_of_a_set_operation_may_be_null_where_any_part_s_may(first: str) -> None:
    """The second SELECT has nulls, whatever the first has."""
    sql = f"select {first} as region from shop.orders o union all select region from shop.orders"
    assert metric(sql).column("region").nullable


def test_a_name_in_a_plain_table_means_the_source_column_before_the_alias() -> None:
    """As DuckDB takes it: the alias has no nulls, the column has."""
    sql = "select coalesce(o.region, '?') as region, upper(region) as title from shop.orders o"
    assert metric(sql).column("title").nullable


def test_columns_may_exchange_their_names() -> None:
    """Each alias is a source column as well, and DuckDB takes that one."""
    found = metric("select region as status, status as region from shop.orders")
    assert [(c.name, c.nullable) for c in found.columns] == [("status", True), ("region", False)]


def test_columns_of_a_cte_may_be_null() -> None:
    """What a CTE rules out is not looked into."""
    assert metric("with x as (select id from shop.users) select id from x").column("id").nullable


def test_types_are_duckdb_s_own() -> None:
    """Exact decimals stay exact, lists stay lists."""
    found = columns(
        ["o.amount", "o.weight", "o.created_at", "o.paid", "[o.id]", "{'a': o.id}", "o.created_at::timestamptz"]
    )
    assert [c.type for c in found.values()] == [
        "DECIMAL(10,2)",
        "DOUBLE",
        "TIMESTAMP",
        "BOOLEAN",
        "BIGINT[]",
        "STRUCT(a BIGINT)",
        "TIMESTAMP WITH TIME ZONE",
    ]


def test_sums_of_whole_numbers_are_narrowed_to_what_clients_can_be_sent() -> None:
    """DuckDB adds up in 128 bits; the check refuses what does not fit."""
    found = metric(f"select u.plan, sum(o.id) as total, sum(o.paid::int) as paid {JOINED} group by all")
    assert [found.column(name).type for name in ("total", "paid")] == ["BIGINT", "BIGINT"]


def test_sums_of_decimals_stay_exact() -> None:
    """With room for 38 digits."""
    assert (
        metric(f"select u.plan, sum(o.amount) as total {JOINED} group by all").column("total").type == "DECIMAL(38,2)"
    )


def test_fields_are_names_in_camel_case() -> None:
    """As clients of GraphQL expect them."""
    found = metric("select id as user_id, plan as _plan, born as born__on, joined_at as joined2 from shop.users")
    assert [c.field for c in found.columns] == ["userId", "_plan", "bornOn", "joined2"]


def test_every_column_of_a_star_is_there_with_its_own_name_and_type() -> None:
    """DuckDB names them."""
    found = metric("select *, upper(plan) as title from shop.users")
    assert [(c.name, c.type) for c in found.columns][-2:] == [("joined_at", "TIMESTAMP"), ("title", "VARCHAR")]
