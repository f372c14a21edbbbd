"""Every number of the demo, through HTTP, is that of its SELECT: run by plain DuckDB, and by SQLite on the source."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from snapshot.catalog import field_name
from tests.projects import ROOT, ask

METRICS = {path.stem: path.read_text() for path in sorted((ROOT / "metrics").glob("*.sql"))}
# The dimensions of those that can be grouped anew, beside the day.
GROUPED = {
    "active_users": ["plan"],
    "order_size": ["plan"],
    "refunds": ["category"],
    "revenue": ["plan", "region"],
    "signups": ["plan", "referrer"],
}

# The same questions in SQLite's own words, for every column that SQLite can compute. It would add decimals as floats,
# so cents are added as integers; `{cents}` columns are divided by 100 exactly before they are compared.
CENTS = "cast(round(o.amount * 100) as integer)"
DAY = "date(o.created_at)"
BY_SQLITE = {
    "revenue": f"""
        select {DAY} as day, u.plan, o.region, count(*) as orders, sum({CENTS}) as revenue,
            sum({CENTS}) / 100.0 / count(*) as average_order, count(distinct o.user_id) as buyers,
            sum({CENTS}) / 100.0 / count(distinct o.user_id) as revenue_per_buyer
        from orders o join users u on u.id = o.user_id group by 1, 2, 3""",
    "active_users": """
        select date(e.created_at) as day, u.plan, count(distinct e.user_id) as active_users, count(*) as events,
            sum(e.kind = 'checkout') as checkouts
        from events e left join users u on u.id = e.user_id group by 1, 2""",
    "refunds": f"""
        select {DAY} as day, p.category, count(*) as orders, count(o.refunded_at) as refunded,
            1.0 * count(o.refunded_at) / count(*) as refund_rate,
            sum(case when o.refunded_at is not null then {CENTS} end) as refunded_amount
        from orders o join products p on p.id = o.product_id group by 1, 2""",
    "signups": """
        select date(created_at) as day, plan, referrer, count(*) as signups, sum(plan <> 'free') as paying,
            1.0 * sum(plan <> 'free') / count(*) as paying_share
        from users group by 1, 2, 3""",
    "order_size": f"""
        select {DAY} as day, u.plan, max({CENTS}) as largest
        from orders o join users u on u.id = o.user_id group by 1, 2""",
    "top_products": f"""
        select rank() over (order by sum({CENTS}) desc) as place, p.id as product_id, p.name as product, p.category,
            count(*) as orders, count(distinct o.user_id) as buyers, sum({CENTS}) as revenue,
            1.0 * sum({CENTS}) / (select sum({CENTS}) from orders o) as revenue_share
        from orders o join products p on p.id = o.product_id group by p.id order by place, product_id limit 20""",
    "cohorts": f"""
        with bought as (
            select date(u.created_at, 'start of month') as cohort, o.user_id, {CENTS} as cents,
                12 * (strftime('%Y', o.created_at) - strftime('%Y', u.created_at))
                    + strftime('%m', o.created_at) - strftime('%m', u.created_at) as month_number
            from orders o join users u on u.id = o.user_id)
        select cohort, month_number, count(distinct user_id) as customers,
            1.0 * count(distinct user_id)
                / (select count(*) from users where date(created_at, 'start of month') = cohort) as retained,
            sum(sum(cents)) over (partition by cohort order by month_number) as revenue_to_date
        from bought group by 1, 2""",
    "user_dashboard": f"""
        select u.id as user_id, u.plan, u.region, date(u.created_at) as member_since, count(o.id) as orders,
            coalesce(sum({CENTS}), 0) as revenue, replace(max(o.created_at), ' ', 'T') as last_order_at,
            (select category from orders f join products p on p.id = f.product_id
                where f.user_id = u.id and f.created_at > (select datetime(max(created_at), '-30 days') from orders)
                group by category order by count(*) desc, category limit 1) as favourite_category,
            (select count(*) from events where user_id = u.id
                and created_at > (select datetime(max(created_at), '-30 days') from events)) as events_30d
        from users u left join orders o on o.user_id = u.id group by u.id""",
}
MONEY = {"revenue", "refunded_amount", "largest", "revenue_to_date"}


@pytest.fixture(scope="module")
def snapshot(published: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Plain DuckDB, its settings as they come, with the current snapshot open."""
    with closing(duckdb.connect(str((published / "snapshots" / "current.duckdb").resolve()), read_only=True)) as opened:
        yield opened


@pytest.fixture(scope="module")
def source(published: Path) -> Iterator[sqlite3.Connection]:
    """SQLite, with the source open."""
    with closing(sqlite3.connect(f"file:{published}/harbor.sqlite?mode=ro", uri=True)) as opened:
        yield opened


def answer(api: str, name: str, columns: list[str], by: str = "") -> list[tuple[Any, ...]]:
    """All rows of a metric through HTTP, these columns in this order."""
    fields = " ".join(map(field_name, columns))
    found: Any = ask(api, f"{{ it: {field_name(name)}{by} {{ nodes {{ {fields} }} totalCount }} }}")["it"]
    assert found["totalCount"] == len(found["nodes"])
    return [tuple(node.values()) for node in found["nodes"]]


def select(snapshot: duckdb.DuckDBPyConnection, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The columns and rows of a SELECT by plain DuckDB, values as JSON has them."""
    cursor = snapshot.execute(sql)
    return [column[0] for column in cursor.description], [tuple(map(as_json, row)) for row in cursor.fetchall()]


def as_json(value: Any) -> Any:
    """What the API promises for a value of this type."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date | datetime) else value


def in_order(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows in an order of their own."""
    return sorted(rows, key=repr)


@pytest.mark.parametrize("name", METRICS)
def test_the_rows_of_a_metric_are_those_of_its_file(api: str, snapshot: duckdb.DuckDBPyConnection, name: str) -> None:
    """The text of the file, unchanged, in a DuckDB that has the snapshot open: every row, every column, every digit."""
    columns, rows = select(snapshot, METRICS[name])

    assert len(rows) >= 20
    assert in_order(answer(api, name, columns)) == in_order(rows)


@pytest.mark.parametrize("name", GROUPED)
@pytest.mark.parametrize("unit", ["week", "month", "quarter", "year"])
def test_a_coarser_grain_has_the_rows_of_the_file_with_that_grain(
    api: str, snapshot: duckdb.DuckDBPyConnection, name: str, unit: str
) -> None:
    """The same SELECT with another unit in its date_trunc; what was merged or computed ahead makes no difference."""
    columns, rows = select(snapshot, METRICS[name].replace("date_trunc('day'", f"date_trunc('{unit}'"))
    columns[0] = unit
    by = ", ".join([unit, *GROUPED[name]]).upper()

    found = answer(api, name, columns, f"(by: [{by}])")

    assert close(in_order(found), in_order(rows))


def test_every_metric_is_asked_of_sqlite_too() -> None:
    """A new metric needs a SELECT of its own here."""
    assert BY_SQLITE.keys() == METRICS.keys()


@pytest.mark.parametrize("name", BY_SQLITE)
def test_the_rows_of_a_metric_are_those_of_sqlite(api: str, source: sqlite3.Connection, name: str) -> None:
    """Another database, another SELECT, on the source itself: the same numbers, money to the cent."""
    cursor = source.execute(BY_SQLITE[name])
    columns = [column[0] for column in cursor.description]
    rows = [tuple(map(in_euros, columns, row)) for row in cursor.fetchall()]

    assert close(in_order(answer(api, name, columns)), in_order(rows))


def in_euros(column: str, value: Any) -> Any:
    """Cents as the API writes euros, other values as they are."""
    return f"{Decimal(value).scaleb(-2):.2f}" if column in MONEY and value is not None else value


def close(found: list[tuple[Any, ...]], expected: list[tuple[Any, ...]]) -> bool:
    """Whether all values are equal, and floats within 1e-12: the order of additions and divisions is not the same."""
    pairs = [pair for rows in zip(found, expected, strict=True) for pair in zip(*rows, strict=True)]
    differing = [(a, b) for a, b in pairs if a != (pytest.approx(b, rel=1e-12) if isinstance(b, float) else b)]
    assert differing == []
    return True
