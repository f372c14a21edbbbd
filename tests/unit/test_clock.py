"""`complete`, `previous` and `change` by the clock as the time dimension sees it: in its zone, moved as it is moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from .tiny import Asking, Order, asking, publish

FROM = "count(*) as n from shop.orders o group by all"
METRICS = {
    "plain": f"select o.placed_at::date as day, {FROM}",
    "tokyo": f"select (o.placed_at at time zone 'UTC' at time zone 'Asia/Tokyo')::date as day, {FROM}",
    "honolulu": f"select (o.placed_at at time zone 'UTC' at time zone 'Pacific/Honolulu')::date as day, {FROM}",
    "late": f"select (o.placed_at - interval 6 hours)::date as day, {FROM}",
    "kiritimati": f"select timezone('Pacific/' || 'Kiritimati', timezone('UTC', o.placed_at))::date as day, {FROM}",
    "early": f"select date_add(o.placed_at, interval 6 hours)::date as day, {FROM}",
    "added": f"select date_add(o.placed_at, to_hours(6))::date as day, {FROM}",
    "within": "select s.moment::date as day, count(*) as n from (select placed_at at time zone 'UTC' as moment "
    "from shop.orders) s group by all",
    "ahead": f"select date_trunc('year', o.placed_at + interval 3 years)::date as year_ahead, {FROM}",
    "chosen": f"select coalesce(o.placed_at, o.placed_at)::date as day, {FROM}",
    "hidden": "select s.moved::date as day, count(*) as n from (select placed_at - interval 6 hours as moved "
    "from shop.orders) s group by all",
    "listed": "with x(ts) as (select placed_at + interval 6 hours from shop.orders) "
    "select ts::date as day, count(*) as n from x group by all",
    "both": "with x as (select placed_at as ts from shop.orders union all select placed_at + interval 6 hours "
    "from shop.orders where id < 0) select ts::date as day, count(*) as n from x group by all",
    "mixed": f"select coalesce(o.placed_at - interval 6 hours, o.placed_at)::date as day, {FROM}",
    "weeks": f"select date_trunc('week', date_trunc('month', o.placed_at)) as week, {FROM}",
    "regional": f"select (o.placed_at at time zone 'UTC' at time zone o.region)::date as day, {FROM}",
}
FORMULAS = {
    "plain": "CAST({moment} AS TIMESTAMP)",
    "late": "(CAST({moment} AS TIMESTAMP)) - INTERVAL '6' HOURS",
    "early": "(CAST({moment} AS TIMESTAMP)) + INTERVAL '6' HOURS",
    "chosen": "CAST({moment} AS TIMESTAMP)",
    "within": "CAST({moment} AS TIMESTAMPTZ)",
    "hidden": "",
    "listed": "",
    "both": "",
    "mixed": "",
    "weeks": "",
    "regional": "",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An order every ten minutes of the last four days, as of now, the last one some seconds ago."""
    now = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=5)
    orders = [Order(region="UTC", placed_at=now - timedelta(minutes=10 * n)) for n in range(6 * 24 * 4)]
    with asking(publish(tmp_path_factory.mktemp("shop"), METRICS, orders)) as found:
        yield found


@pytest.mark.parametrize("metric", FORMULAS)
def test_the_clock_of_a_time_dimension_is_that_of_what_it_truncates(shop: Asking, metric: str) -> None:
    """Where that is made of one moment alone, moved or put into a zone."""
    found = shop.metric(metric)
    assert found.column(found.time).formula == FORMULAS[metric]


@pytest.mark.parametrize(
    "metric", ["plain", "tokyo", "honolulu", "kiritimati", "late", "early", "added", "within", "chosen"]
)
def test_the_last_period_is_the_one_that_is_not_over(shop: Asking, metric: str) -> None:
    """Whatever day it is in the project, for orders are placed all the time."""
    nodes = shop.data(f"{{ {metric} {{ nodes {{ n complete previous(by: PERIOD) {{ n }} }} }} }}")[metric]["nodes"]
    assert [row["complete"] for row in nodes] == [True] * (len(nodes) - 1) + [False]
    # One order every ten minutes: as many until the same time of the day before.
    assert nodes[-1]["previous"] == {"n": nodes[-1]["n"]}


def test_a_year_that_is_counted_ahead_is_over_with_the_year_it_is_of(tmp_path: Path) -> None:
    """Last year is, this one is not, whatever they are called."""
    now = datetime.now(UTC).replace(tzinfo=None)
    moments = (now.replace(year=now.year - 1, month=1, day=1), now)
    orders = [Order(region="UTC", placed_at=moment) for moment in moments]
    with asking(publish(tmp_path, METRICS, orders)) as shop:
        nodes = shop.data("{ ahead { nodes { complete } } }")["ahead"]["nodes"]
    assert [row["complete"] for row in nodes] == [True, False]


@pytest.mark.parametrize("metric", [metric for metric, formula in FORMULAS.items() if not formula])
@pytest.mark.parametrize("extra", ["complete", "previous(by: PERIOD) { n }", "change(by: PERIOD) { n { absolute } }"])
def test_what_no_clock_can_judge_is_refused(shop: Asking, metric: str, extra: str) -> None:
    """Its rows themselves are answered."""
    assert shop.refusal(f"{{ {metric} {{ nodes {{ n {extra} }} }} }}") == "NOT_ANSWERABLE"
    assert shop.data(f"{{ {metric} {{ totals {{ n }} }} }}")[metric]["totals"]["n"] == 6 * 24 * 4
