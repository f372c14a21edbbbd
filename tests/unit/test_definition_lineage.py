"""Which source columns feed a column, wherever its SELECT takes it from."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from snapshot.definition import Definition

from .reading import JOINED, SHOP, definitions, metric

# The SELECT -> the source columns that feed its last column.
LINEAGE: Mapping[str, set[str]] = {
    "with c as (select region, fee as amount from shop.orders) select region, sum(amount) as s from c group by all": {
        "orders.fee"
    },
    "select x.region, sum(x.v) as s from (select region, amount + fee as v from shop.orders) x group by all": {
        "orders.amount",
        "orders.fee",
    },
    "with c(id, fee) as (select fee, id from shop.orders) select fee from c": {"orders.id"},
    "with C as (select region as place from shop.orders) select PLACE from c": {"orders.region"},
    "with a as (select status as x from shop.orders) select b.x from (with a as (from a) select * from a) b": {
        "orders.status"
    },
    "with a as (select id, plan as p from shop.users), b as (select a.p || o.status as z from a join shop.orders o "
    "on o.user_id = a.id) select z from b": {"users.plan", "orders.status"},
    "select status as plan from shop.orders union select plan from shop.users": {"orders.status", "users.plan"},
    "select fee from (select id, fee from shop.orders union all select id, born from shop.users)": {
        "orders.fee",
        "users.born",
    },
    "select u.id, (select max(o.fee) from shop.orders o where o.user_id = u.id) as m from shop.users u": {
        "orders.fee",
        "orders.user_id",
        "users.id",
    },
    "select w from (select rank() over (partition by region order by fee) as w from shop.orders)": {
        "orders.region",
        "orders.fee",
    },
    "select w from (select amount * 2 as v, v + fee as w from shop.orders)": {"orders.amount", "orders.fee"},
    "select * from (select u.* exclude (born, joined_at) from shop.users u)": {"users.referrer"},
    "select orders.status, shop.orders.region from shop.orders": {"orders.region"},
    "select id from (shop.orders o left join shop.users u using (id))": {"orders.id", "users.id"},
    "with recursive r as (select id, user_id as p from shop.orders union all select id + 1, p from r where id < 3) "
    "select r.p from r": {"orders.id", "orders.user_id"},
    "select \"EU\" as eu from shop.orders pivot (sum(fee) for region in ('EU'))": {
        f"orders.{name}" for name in SHOP["shop"]["orders"].columns
    },
    "select region as status, status as region from shop.orders, (select region || 'x' as q) l": {"orders.status"},
    "select count(*) as n from shop.orders": set(),
}


@pytest.fixture(scope="module")
def fed() -> dict[str, Definition]:
    """A metric of each of these SELECTs."""
    return definitions({sql: sql for sql in LINEAGE})


@pytest.mark.parametrize("sql", LINEAGE)
def test_lineage_goes_through_what_stands_between(fed: dict[str, Definition], sql: str) -> None:
    """A name of a CTE or subquery is not the source column of that name; of what cannot be followed it is all."""
    assert set(fed[sql].metric.columns[-1].lineage) == {f"shop.{name}" for name in LINEAGE[sql]}


def test_lineage_names_the_source_columns_that_feed_a_column() -> None:
    """Through aliases of measures as well."""
    found = metric(
        "select u.plan, sum(o.amount - o.fee) as net, count(distinct user_id) as buyers, net / buyers as each "
        f"{JOINED} group by all"
    )
    assert {c.name: c.lineage for c in found.columns} == {
        "plan": ("shop.users.plan",),
        "net": ("shop.orders.amount", "shop.orders.fee"),
        "buyers": ("shop.orders.user_id",),
        "each": ("shop.orders.amount", "shop.orders.fee", "shop.orders.user_id"),
    }
