"""What `fill` adds where the filter is of another unit of time than the periods: no row is lost, and none too many."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from .tiny import Asking, Order, asking, publish

METRICS = {
    "sales": "select o.placed_at::date as day, count(*) as n from shop.orders o group by all",
    "hours": "select date_trunc('hour', o.placed_at at time zone 'UTC') as hour, count(*) as n "
    "from shop.orders o group by all",
}
# 2026-01-01 is a Thursday.
DAYS = 301


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """One order a day until the end of October."""
    orders = [Order(placed_at=datetime(2026, 1, 1, 12) + timedelta(days=n)) for n in range(DAYS)]  # noqa: DTZ001
    with asking(publish(tmp_path_factory.mktemp("shop"), METRICS, orders)) as found:
        yield found


def periods(shop: Asking, unit: str, where: str) -> list[tuple[str, int]]:
    """The periods of a filled answer and their counts."""
    document = f"{{ sales(by: [{unit.upper()}], fill: true, where: {where}) {{ nodes {{ {unit} n }} totalCount }} }}"
    answer = shop.data(document)["sales"]
    assert answer["totalCount"] == len(answer["nodes"])
    return [(row[unit], row["n"]) for row in answer["nodes"]]


# Unit, filter, the number of periods, the first, the last, the sum of their counts.
OTHER_UNITS = [
    ("week", '{month: {eq: "2026-03-01"}}', 6, "2026-02-23", "2026-03-30", 31),
    ("week", '{month: {gte: "2026-03-01", lte: "2026-04-01"}}', 10, "2026-02-23", "2026-04-27", 61),
    ("week", '{month: {gt: "2026-09-01"}}', 5, "2026-09-28", "2026-10-26", 28),
    ("week", '{month: {in: ["2026-01-01", "2026-04-01"]}}', 10, "2025-12-29", "2026-04-27", 61),
    ("week", '{not: {month: {ne: "2026-03-01"}}}', 6, "2026-02-23", "2026-03-30", 31),
    ("month", '{week: {eq: "2026-03-30"}}', 2, "2026-03-01", "2026-04-01", 7),
    ("month", '{week: {lte: "2026-01-05"}}', 1, "2026-01-01", "2026-01-01", 11),
    ("month", '{day: {in: ["2026-01-01", "2026-03-01"]}}', 2, "2026-01-01", "2026-03-01", 2),
    ("month", '{or: [{day: {eq: "2026-01-01"}}, {month: {eq: "2026-03-01"}}]}', 2, "2026-01-01", "2026-03-01", 32),
    ("month", '{year: {lt: "2026-02-01"}}', 12, "2026-01-01", "2026-12-01", DAYS),
    ("day", '{year: {lt: "2026-06-01"}}', 365, "2026-01-01", "2026-12-31", DAYS),
    ("day", '{month: {eq: "2026-03-15"}}', 0, None, None, 0),
    ("month", '{day: {gte: "2026-03-10", lt: "2026-03-10"}}', 0, None, None, 0),
    ("year", '{quarter: {gte: "2026-04-15", lt: "2026-04-20"}}', 0, None, None, 0),
    ("year", '{month: {between: {from: "2026-03-02", to: "2026-03-20"}}}', 0, None, None, 0),
    ("month", '{week: {gte: "2026-03-31", lt: "2026-04-03"}}', 0, None, None, 0),
    ("month", '{day: {gte: "2026-03-10", lt: "2026-03-11"}}', 1, "2026-03-01", "2026-03-01", 1),
]  # fmt: skip


@pytest.mark.parametrize(("unit", "where", "number", "first", "last", "total"), OTHER_UNITS)
def test_a_filter_of_another_unit_leaves_out_and_lets_in_what_it_says(
    shop: Asking, unit: str, where: str, number: int, first: str | None, last: str | None, total: int
) -> None:
    """Units that lie in one another, and those that do not."""
    found = periods(shop, unit, where)
    ends = (found[0][0], found[-1][0]) if found else (None, None)
    assert (len(found), *ends, sum(count for _, count in found)) == (number, first, last, total)


def test_the_last_months_are_filled_to_the_end_of_the_last_one(tmp_path: Path) -> None:
    """Days of this month that are still to come are of it, too."""
    today = datetime.now().replace(microsecond=0)  # noqa: DTZ005
    orders = [Order(placed_at=today.replace(day=day)) for day in (1, 28)]
    with asking(publish(tmp_path, METRICS, orders)) as shop:
        assert sum(count for _, count in periods(shop, "day", "{month: {last: {months: 1}}}")) == 2


# A zone, the first moment and how many of ten minutes; in each of them a clock is put on or back.
NIGHTS = [
    ("America/Sao_Paulo", "2018-11-02T20:00", 600),  # a day without midnight
    ("Africa/Cairo", "2026-04-22T00:00", 600),
    ("America/Havana", "2025-11-01T20:00", 400),  # a day with two midnights
    ("Australia/Lord_Howe", "2018-10-06T10:00", 150),  # half an hour
    ("Australia/Lord_Howe", "2018-03-31T10:00", 150),
    ("Europe/Berlin", "2026-10-24T20:00", 150),
]


def every_ten_minutes(start: str, number: int) -> list[Order]:
    """So many orders."""
    return [Order(placed_at=datetime.fromisoformat(start) + timedelta(minutes=10 * n)) for n in range(number)]


@pytest.mark.parametrize(("zone", "start", "number"), NIGHTS)
def test_a_period_is_filled_once_whatever_the_clock_does(tmp_path: Path, zone: str, start: str, number: int) -> None:
    """Every group of a night in which the clock is changed is there, and where nothing is missing nothing is added."""
    orders = every_ten_minutes(start, number)
    with asking(publish(tmp_path, METRICS, orders, zone=zone)) as shop:
        for unit in ("hour", "day"):
            rows = f"(by: [{unit.upper()}]) {{ nodes {{ {unit} n }} }}"
            found = shop.data(f"{{ plain: hours{rows} filled: hours{rows.replace(')', ' fill: true)', 1)} }}")
            assert found["filled"] == found["plain"]


@pytest.mark.parametrize(("zone", "start", "number"), NIGHTS)
def test_an_hour_that_comes_twice_is_compared_as_it_is_stored(
    tmp_path: Path, zone: str, start: str, number: int
) -> None:
    """Whether the stored rows are merged or the sources asked anew."""
    moment = "(select *, placed_at at time zone 'UTC' as moment from shop.orders)"
    hours = f"select date_trunc('hour', o.moment) as hour, count(*) as n, count(distinct o.id) as m from {moment} o"
    both = {"hours": f"{hours} group by all"}
    with asking(publish(tmp_path, both, every_ten_minutes(start, number), zone=zone)) as shop:
        moments = [datetime.fromisoformat(f"{start}:00+00:00") + timedelta(minutes=10 * n) for n in range(number)]
        for when in moments[12:-10:3]:
            for operator in ("gt", "lt", "eq"):
                where = f'(by: [], where: {{hour: {{{operator}: "{when.isoformat()}"}}}}) {{ nodes'
                found = shop.data(f"{{ merged: hours{where} {{ n }} }} anew: hours{where} {{ m }} }} }}")
                assert found["merged"]["nodes"][0]["n"] == found["anew"]["nodes"][0]["m"]


@pytest.mark.parametrize(("zone", "start", "number"), NIGHTS)
def test_the_gaps_of_such_nights_are_filled(tmp_path: Path, zone: str, start: str, number: int) -> None:
    """Between the first and the last moment, with all periods that have orders where there are orders all the time."""
    every, found = every_ten_minutes(start, number), []
    for fill, orders in ("false", every), ("true", [every[0], every[-1]]):
        folder = tmp_path / fill
        folder.mkdir()
        with asking(publish(folder, METRICS, orders, zone=zone)) as shop:
            asked = f"(fill: {fill}) {{ nodes {{ hour }} }} days: hours(by: [DAY], fill: {fill}) {{ nodes {{ day }} }}"
            found.append(shop.data(f"{{ hours{asked} }}"))
    assert found[0] == found[1]
