"""SELECTs that are seldom written: each is read as DuckDB reads it, however odd."""

# ruff: noqa: E501  a SELECT reads best on one line

from __future__ import annotations

import duckdb
import pytest

from snapshot import connect
from snapshot.definition import Definition, create_tables

from .reading import SHOP, definitions

GROUPED = [
    "select n, count(*) as c from (values (1), (2)) v(n) group by all",
    "with recursive t(n) as (select 1 union all select n + 1 from t where n < 5) select n % 2 as m, max(n) as c from t group by all",
    "select plan, sum(m) as s from shop.users u, lateral (select max(amount) as m from shop.orders o where o.user_id = u.id) group by all",
    "select region, sum(amount) as s from shop.orders group by all window w as (order by region)",
    "select range as n, count(*) as c from range(10) group by all",
    "select region, sum(list_sum(list_transform([amount], lambda x: x * 2))) as s from shop.orders group by all",
    "select extract(year from created_at) as y, count(*) as n from shop.orders group by all",
    "select trim(both 'x' from region) as t, count(*) as n from shop.orders where trim(leading 'a' from region) <> '' group by all",
    "select substring(region from 1 for 2) as t, count(*) as n from shop.orders group by all",
    "select status collate nocase as s, count(*) as n from shop.orders group by all",
    "select s.a as a, count(*) as n from (select {'a': plan} as s from shop.users) group by all",
    "select region, total: sum(amount), n: count(*) from shop.orders group by all",
    "select region, count(*) as n from shop.orders group by all order by all",
    "select region, count(*) as n from shop.orders o anti join shop.users u on u.id = o.user_id group by all",
    "select region, count(*) as n from shop.orders where id in (select id from shop.users where plan = 'x') group by all",
    "select region, count(*) as n from shop.orders where exists (select 1 from shop.users u where u.id = user_id) group by all",
    "select region, count(*) filter (where id in (select id from shop.users)) as n from shop.orders group by all",
    "select case when amount between 1 and 2 then 'a' else 'b' end as c, count(*) as n from shop.orders group by all",
    "select region, sum(amount) // 2 as d, sum(amount) % 7 as m, sum(amount) ** 2 as p, -sum(amount) as neg from shop.orders group by all",
    "select region, sum(amount)::varchar || ' EUR' as s, format('{:.2f}', sum(amount)) as f from shop.orders group by all",
    "select region, if(count(*) > 1, 'a', 'b') as s, ifnull(max(fee), 0) as f from shop.orders group by all",
    "select region, date_diff('day', min(created_at), max(created_at)) as d from shop.orders group by all",
    "select region, count(distinct (user_id, status)) as n from shop.orders group by all",
    "select region, first(status order by id) as f, last(status order by id desc) as l from shop.orders group by all",
    "select region, count() as n from shop.orders group by all",
    "select o.region, count(*) as n from (shop.orders o join shop.users u on u.id = o.user_id) group by all",
    "select region as r, count(*) as n from shop.orders group by r, region",
    "select region, count(*) as n, n as m from shop.orders group by all",
    "select region, status as s, s || region as sr, count(*) as n from shop.orders group by all",
    "from shop.orders select region, count(*) as n where paid group by all",
    "select region, count(*) as n from shop.orders where status <> '-- from where' group by all",
    "select region, count(*) as n from shop.orders where region is distinct from 'a' and paid is not distinct from true group by all",
]  # fmt: skip
PLAIN = [
    "from (pivot shop.orders on status in ('a', 'b') using sum(amount) group by region)",
    "select * from (unpivot (select id, amount, fee from shop.orders) on amount, fee)",
    "select * from (values (1, 'a'), (2, 'b')) v(n, t)",
    "((select id from shop.orders))",
    "(select id from shop.orders) union (select id from shop.users) order by 1 limit 3",
    "select id from shop.orders union by name select id, plan from shop.users",
    "with recursive t(n) as (select 1 union all select n + 1 from t where n < 5) select n from t",
    "select id, sum(amount) over w as s from shop.orders window w as (partition by region order by id)",
    "select unnest([1, 2]) as n from shop.users",
    "select g.n as n from generate_series(1, 5) g(n)",
    "select [x + 1 for x in [id, user_id] if x > 1] as l from shop.orders",
    "select $$a -- b, c$$ as s, id from shop.orders",
    "select /* a /* nested */ b */ id from shop.orders",
    "select id, #1 as again from shop.orders",
    "select * exclude (id) from shop.users",
    "select * replace (upper(plan) as plan) from shop.users",
    "select columns(* exclude (id)) from shop.users",
    "select {'a': id, 'b': plan} as s, map {plan: id} as m from shop.users",
    "select id from shop.orders limit 10%",
    "select id from shop.orders fetch first 3 rows only",
    "select id from shop.orders o semi join shop.users u on u.id = o.user_id",
    "select region, status, count(*) as n from shop.orders group by region, rollup (status)",
    "select region, count(*) as n from shop.orders tablesample reservoir(10 rows) group by all",
    "with a as (select 1 as x), b as (select x from a) select x from b",
    "with a as materialized (select id from shop.users) select id from a",
    "select (select a from (select 1 as a)) as x",
    "select lag(id) over (order by id) is distinct from id as changed from shop.orders",
]
READ = [*GROUPED, *PLAIN]


@pytest.fixture(scope="module")
def found() -> dict[str, Definition]:
    """What each of them became."""
    return definitions({sql: sql for sql in READ})


@pytest.fixture(scope="module")
def shop() -> duckdb.DuckDBPyConnection:
    """An empty database with the shop's tables."""
    connection = connect.empty(time_zone="UTC")
    create_tables(connection, SHOP)
    return connection


@pytest.mark.parametrize(("sql", "grouped"), [*((sql, True) for sql in GROUPED), *((sql, False) for sql in PLAIN)])
def test_an_odd_select_is_grouped_or_plain_for_what_it_is(
    found: dict[str, Definition], sql: str, grouped: bool
) -> None:
    """Neither its words nor its punctuation mislead."""
    assert found[sql].metric.grouped is grouped


@pytest.mark.parametrize("sql", READ)
def test_an_odd_select_has_the_columns_that_duckdb_gives_it(
    found: dict[str, Definition], shop: duckdb.DuckDBPyConnection, sql: str
) -> None:
    """In its order."""
    described = shop.execute(f"describe {sql}").fetchall()
    assert [column.name for column in found[sql].metric.stored] == [row[0] for row in described]


@pytest.mark.parametrize("sql", GROUPED)
def test_an_odd_select_can_be_taken_apart_and_put_together(
    found: dict[str, Definition], shop: duckdb.DuckDBPyConnection, sql: str
) -> None:
    """Its expressions over its own FROM and WHERE are what it selects."""
    metric = found[sql].metric
    parts = ", ".join(f"cast({c.sql} as {c.type}) as {c.name}" for c in metric.stored)
    where = f"where {metric.base_where}" if metric.base_where else ""
    described = shop.execute(f"describe {metric.base_with} select {parts} from {metric.base_from} {where} group by all")
    assert [row[:2] for row in described.fetchall()] == [(c.name, c.type) for c in metric.stored]
