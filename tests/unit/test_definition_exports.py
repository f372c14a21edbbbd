"""What of the sources is exported for the metrics: never too little to compute them, and nothing that none needs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import pytest

from snapshot import connect
from snapshot.definition import Project, create_tables
from snapshot.errors import ProjectError
from snapshot.source import ColumnShape, Shapes, TableShape

from .reading import JOINED, SHOP, definition, metric, read

# What is special -> the SELECT, and the columns it needs beside the keys.
NEEDED: Mapping[str, tuple[str, Mapping[str, set[str]]]] = {
    "qualified columns": (
        f"select u.plan, sum(o.amount) as revenue {JOINED} group by all",
        {"orders": {"user_id", "amount"}, "users": {"plan"}},
    ),
    "unqualified columns": (
        f"select plan, sum(amount) as revenue {JOINED} group by all",
        {"orders": {"user_id", "amount"}, "users": {"plan"}},
    ),
    "the table's own name": ("select orders.status from shop.orders", {"orders": {"status"}}),
    "source, table and column": ("select shop.orders.status from shop.orders", {"orders": {"status"}}),
    "other letters": ("SELECT O.STATUS FROM SHOP.ORDERS O", {"orders": {"status"}}),
    "a condition": ("select id from shop.orders where paid", {"orders": {"paid"}}),
    "an order": ("select id from shop.orders order by created_at", {"orders": {"created_at"}}),
    "a filter": ("select count(*) filter (where paid) as n from shop.orders", {"orders": {"paid"}}),
    "a window": ("select rank() over (order by born) as place from shop.users", {"users": {"born"}}),
    "a CTE": (
        "with x as (select region as place, amount from shop.orders) select place, sum(amount) as s from x group by 1",
        {"orders": {"region", "amount"}},
    ),
    "a scalar subquery": (
        "select plan, (select max(amount) from shop.orders) as most from shop.users",
        {"users": {"plan"}, "orders": {"amount"}},
    ),
    "a correlated subquery": (
        "select plan from shop.users u where exists (select 1 from shop.orders o where o.user_id = u.id and o.paid)",
        {"users": {"plan"}, "orders": {"user_id", "paid"}},
    ),
    "USING": ("select plan from shop.users join shop.orders using (id)", {"users": {"plan"}, "orders": set()}),
    "a star": ("select * from shop.users", {"users": {"plan", "referrer", "born", "joined_at"}}),
    "a star of one table": (
        "select u.* from shop.users u",
        {"users": {"plan", "referrer", "born", "joined_at"}},
    ),
    "FROM alone": ("from shop.users", {"users": {"plan", "referrer", "born", "joined_at"}}),
    "a whole row": ("select u from shop.users u", {"users": {"plan", "referrer", "born", "joined_at"}}),
    "columns by a pattern": (
        "select columns('pl|bo') from shop.users",
        {"users": {"plan", "referrer", "born", "joined_at"}},
    ),
    "rows that are counted": ("select count(*) as n from shop.users", {"users": set()}),
    "rows that are counted in a subquery": (
        "select plan, (select count(*) from shop.orders) as n from shop.users",
        {"users": {"plan"}, "orders": set()},
    ),
    "rows that are there": (
        "select plan from shop.users where exists (select 1 from shop.orders)", {"users": {"plan"}, "orders": set()},
    ),
    "a set operation": (
        "select status from shop.orders union select plan from shop.users",
        {"orders": {"status"}, "users": {"plan"}},
    ),
    "measures of measures": (
        f"select u.plan, sum(o.amount) as s, count(o.fee) as n, s / n as m {JOINED} group by all",
        {"orders": {"user_id", "amount", "fee"}, "users": {"plan"}},
    ),
}  # fmt: skip


def exported(project: Project) -> dict[str, set[str]]:
    """The columns that are exported of each table, less the key."""
    return {name: set(shape.columns) - {"id"} for name, shape in project.exports.get("shop", {}).items()}


@pytest.mark.parametrize(
    "sql",
    [
        "select o.plan, count(*) as n from shop.users as o(id, plan) group by all",
        "select \"EU\" as eu from shop.orders pivot (sum(amount) for region in ('EU'))",
    ],
)
def test_columns_that_are_read_by_their_place_or_grouped_by_silently_are_all_exported(sql: str) -> None:
    """Left out, they would change the numbers and nobody would be told."""
    project = read({"sales.sql": sql})
    (name,) = project.exports["shop"]
    assert project.exports["shop"][name].columns.keys() == SHOP["shop"][name].columns.keys()


@cache
def project_of(case: str) -> Project:
    """A project with one of these metrics only."""
    return read({"sales.sql": NEEDED[case][0]})


@pytest.mark.parametrize("case", NEEDED)
def test_what_a_metric_reads_is_exported_and_nothing_else(case: str) -> None:
    """However its columns are named; the key comes along, to name rows in errors."""
    project = project_of(case)
    assert exported(project) == NEEDED[case][1]
    assert all("id" in shape.columns for shape in project.exports["shop"].values())


@pytest.mark.parametrize("case", NEEDED)
def test_a_metric_can_be_computed_from_what_is_exported(case: str) -> None:
    """DuckDB binds the SELECT over the exported tables as it does over the sources'."""
    project = project_of(case)
    connection = connect.empty(time_zone="UTC")
    create_tables(connection, project.exports)
    described = connection.execute(f"describe {project.definitions[0].metric.sql}").fetchall()
    assert [row[0] for row in described] == [c.name for c in project.definitions[0].metric.columns]


def test_what_several_metrics_read_is_exported_together() -> None:
    """Each table once."""
    files = {"a.sql": "select status from shop.orders", "b.sql": "select id, paid from shop.orders"}
    assert exported(read(files)) == {"orders": {"status", "paid"}}


def test_a_column_that_no_metric_reads_may_be_of_any_type() -> None:
    """The ledger's balance cannot be kept, and need not be."""
    assert exported(read({"ledger.sql": "select booked_at from shop.ledger"})) == {"ledger": {"booked_at"}}


def test_a_column_with_a_name_of_our_own_is_refused() -> None:
    """Rows carry a column of that name on their way."""
    shapes: Shapes = {"shop": {"keys": TableShape({"_pacelayer_row": ColumnShape("BIGINT", nullable=False)}, ())}}
    with pytest.raises(ProjectError, match=r"shop\.keys\._pacelayer_row has a name of pacelayer's own"):
        read({"keys.sql": 'select "_pacelayer_row" as k from shop.keys'}, shapes=shapes)


def test_base_tables_that_are_private_are_not_there_for_other_groupings() -> None:
    """Only the build sees them."""
    sql = f"select u.plan, median(o.amount) as m {JOINED} where o.paid group by all"
    hidden, shown = metric(sql, private=("users",)), metric(sql)
    assert (hidden.base_with, hidden.base_from, hidden.base_where) == ("", "", "")
    assert shown.base_from


def test_a_private_table_within_a_cte_is_private_as_well() -> None:
    """Wherever the SELECT names it."""
    sql = "with x as (from shop.users) select plan, count(*) as n from x group by all"
    assert metric(sql, private=("users",)).base_from == ""


@pytest.mark.parametrize(
    "condition",
    [
        "created_at > now()::timestamp - interval 30 days",
        "due >= current_date - 30",
        "due >= today() - 30",
        "created_at::timestamptz < current_timestamp",
        "due < get_current_timestamp()::date",
        "random() < 0.5",
        "id in (select id from shop.users where born > current_date)",
        "age(created_at) > interval 10 day",
        "created_at < current_localtimestamp()",
        "gen_random_uuid()::varchar > 'a'",
    ],
)
def test_a_metric_that_looks_at_the_clock_or_at_chance_is_not_computed_anew(condition: str) -> None:
    """An answer depends on the question and the generation, not on when it is asked."""
    sql = f"select region, median(amount) as m from shop.orders where {condition} group by all"
    assert metric(sql).base_from == ""


def test_the_build_of_a_metric_still_has_the_clauses_of_private_tables() -> None:
    """Its roll-ups are computed from them."""
    found = definition(f"select u.plan, median(o.amount) as m {JOINED} where o.paid group by all", private=("users",))
    assert found.base.from_.strip() == JOINED.removeprefix("from ")
    assert found.base.where.strip() == "o.paid"


def test_a_change_of_a_metric_changes_the_hash_of_its_definition() -> None:
    """How it is set out does not."""
    one, same, other = (
        metric(sql).definition_hash
        for sql in ("select id from shop.users", "select  id  from shop.users", "select id + 0 as id from shop.users")
    )
    assert one == same != other
