"""The time dimension of a metric, its unit, and the coarser units that nest in it."""

from __future__ import annotations

from contextlib import closing

import pytest

from snapshot import connect
from snapshot.catalog import COARSER, Column
from snapshot.definition import Definition
from snapshot.definition.columns import with_grains
from snapshot.settings import WEEK_DAYS

from .reading import definition, definitions, metric, problem

FROM = "from shop.orders o group by all"

# The dimension -> the unit that its values are beginnings of, and its type.
UNITS = {
    "date_trunc('second', o.created_at)": ("second", "TIMESTAMP"),
    "date_trunc('minute', o.created_at)": ("minute", "TIMESTAMP"),
    "date_trunc('hour', o.created_at)": ("hour", "TIMESTAMP"),
    "date_trunc('day', o.created_at)": ("day", "TIMESTAMP"),
    "date_trunc('day', o.created_at)::date": ("day", "DATE"),
    "cast(date_trunc('week', o.created_at) as date)": ("week", "DATE"),
    "date_trunc('month', o.created_at)::date": ("month", "DATE"),
    "date_trunc('quarter', o.created_at)::date": ("quarter", "DATE"),
    "date_trunc('year', o.created_at)::date": ("year", "DATE"),
    "date_trunc('MONTH', o.created_at)::date": ("month", "DATE"),
    "date_trunc('mon', o.created_at)::date": ("month", "DATE"),
    "date_trunc('months', o.created_at)::date": ("month", "DATE"),
    "date_trunc('hours', o.created_at)": ("hour", "TIMESTAMP"),
    "datetrunc('month', o.created_at)::date": ("month", "DATE"),
    "date_trunc('month', o.due)": ("month", "TIMESTAMP"),
    "date_trunc('day', o.created_at at time zone 'UTC')": ("day", "TIMESTAMP WITH TIME ZONE"),
    "date_trunc('hour', o.created_at)::date": ("day", "DATE"),
    "(date_trunc('second', o.created_at)::timestamp)::date::timestamp": ("day", "TIMESTAMP"),
    "date_trunc('week', o.created_at)::date::timestamp": ("week", "TIMESTAMP"),
    "o.created_at::date": ("day", "DATE"),
    "o.due": ("day", "DATE"),
    "coalesce(o.due, o.created_at::date)": ("day", "DATE"),
    "o.created_at": ("second", "TIMESTAMP"),
    "o.created_at::timestamptz": ("second", "TIMESTAMP WITH TIME ZONE"),
}


@pytest.fixture(scope="module")
def timed() -> dict[str, Definition]:
    """A metric with each of these dimensions, by its expression."""
    return definitions({expression: f"select {expression} as began, count(*) as n {FROM}" for expression in UNITS})


@pytest.mark.parametrize("expression", UNITS)
def test_the_time_dimension_is_the_truncated_or_dated_one(timed: dict[str, Definition], expression: str) -> None:
    """A date without truncation is a day, another moment is taken to the second."""
    found = timed[expression].metric
    assert found.time == "began"
    assert (found.column("began").grain, found.column("began").type) == UNITS[expression]


@pytest.mark.parametrize(
    ("unit", "coarser"),
    [
        ("hour", ["day", "week", "month", "quarter", "year"]),
        ("day", ["week", "month", "quarter", "year"]),
        ("week", []),
        ("month", ["quarter", "year"]),
        ("quarter", ["year"]),
        ("year", []),
    ],
)
def test_only_units_that_nest_in_the_time_dimension_can_be_asked_for(unit: str, coarser: list[str]) -> None:
    """A week lies in two months now and then, so nothing is coarser than a week."""
    found = metric(f"select date_trunc('{unit}', o.created_at) as began, count(*) as n {FROM}")
    assert [c.name for c in found.columns if c.role == "grain"] == coarser


def test_coarser_units_stand_behind_the_time_dimension() -> None:
    """The order of a row's fields: the finest unit, the coarser ones, the rest."""
    found = metric(f"select o.region, o.due as due, count(*) as n {FROM}")
    assert [c.name for c in found.columns] == ["region", "due", "week", "month", "quarter", "year", "n"]


def test_a_coarser_unit_is_the_beginning_of_the_time_dimension_s_own_type() -> None:
    """A month of days is a date, a month of moments a moment."""
    days = metric(f"select o.due as due, count(*) as n {FROM}").column("month")
    moments = metric(f"select date_trunc('hour', o.created_at) as hour, count(*) as n {FROM}").column("month")
    assert (days.type, days.sql) == ("DATE", "CAST(date_trunc('month', o.due) AS DATE)")
    assert moments.type == "TIMESTAMP"
    assert (days.description, moments.description) == (
        "The month of due: its first day",
        "The month of hour: its first moment",
    )


@pytest.mark.parametrize(("projection", "nullable"), [("o.due", True), ("o.created_at::date", False)])
def test_a_coarser_unit_is_null_where_the_time_dimension_can_be(projection: str, nullable: bool) -> None:
    """Whatever lies in no day lies in no month."""
    assert metric(f"select {projection} as day, count(*) as n {FROM}").column("month").nullable is nullable


@pytest.mark.parametrize("expression", ["year(o.created_at)", "strftime(o.created_at, '%Y-%m')", "o.region"])
def test_a_part_of_a_date_is_no_time_dimension(expression: str) -> None:
    """A number or a text has no coarser units."""
    found = metric(f"select {expression} as part, count(*) as n {FROM}")
    assert (found.time, [c.role for c in found.dimensions]) == ("", ["dimension"])


@pytest.mark.parametrize(
    "expression",
    [
        "date_trunc('hour', o.created_at) + interval 30 minute",
        "time_bucket(interval 1 month, o.due)",
        "time_bucket(interval 2 hour, o.created_at)",
    ],
)
def test_what_is_made_of_a_truncation_has_no_unit(expression: str) -> None:
    """Nothing can be filled in between its values, for nobody knows which there can be."""
    found = metric(f"select {expression} as began, count(*) as n {FROM}")
    assert (found.column("began").grain, [c.role for c in found.dimensions]) == ("", ["dimension"])


def test_a_truncated_dimension_is_preferred_to_a_moment() -> None:
    """Somebody who truncates says which one it is."""
    found = metric(f"select o.refunded_at, date_trunc('month', o.created_at)::date as begun, count(*) as n {FROM}")
    assert found.time == "begun"


def test_two_dimensions_of_time_have_to_be_told_apart() -> None:
    """Nothing is guessed; the way out is the directive."""
    said = problem(f"select o.created_at::date as placed, o.refunded_at::date as refunded, count(*) as n {FROM}")
    assert said == (
        "metrics/sales.sql:1: it could be placed or refunded that is the time dimension; "
        "say which with '-- @time placed'"
    )


def test_time_says_which_of_two_dimensions_it_is() -> None:
    """Only the one that is named has coarser units."""
    projections = (
        "date_trunc('day', o.created_at)::date as placed, date_trunc('month', o.refunded_at)::date as refunded"
    )
    found = metric(f"-- @time refunded\nselect {projections}, count(*) as n {FROM}")
    assert (found.time, [c.name for c in found.columns if c.role == "grain"]) == ("refunded", ["quarter", "year"])


def test_time_can_name_a_moment_beside_a_date() -> None:
    """The truncated one is only what is taken for meant where nothing is said."""
    found = metric(f"-- @time placed\nselect o.created_at as placed, o.due as due, count(*) as n {FROM}")
    assert (found.time, next(c.name for c in found.columns if c.role == "grain")) == ("placed", "minute")


def test_time_must_name_a_dimension_of_time() -> None:
    """A region is none."""
    said = problem(f"-- Sales.\n-- @time region\nselect o.region, o.due as due, count(*) as n {FROM}")
    assert said == (
        "metrics/sales.sql:2: 'region' is not a dimension of time; name a DATE or TIMESTAMP that is grouped by"
    )


@pytest.mark.parametrize("order", [("month", "day"), ("day", "month")])
def test_a_dimension_with_the_name_of_a_coarser_unit_collides(order: tuple[str, str]) -> None:
    """The month that comes with the day is said to be one, for nobody has written it."""
    parts = {"day": "o.created_at::date as day", "month": "date_trunc('month', o.refunded_at)::date as month"}
    said = problem(f"-- @time day\nselect\n  {parts[order[0]]},\n  {parts[order[1]]},\n  count(*) as n\n{FROM}")
    place = f"metrics/sales.sql:{3 + order.index('month')}"
    assert said.startswith(f"{place}: 'month' would be the field 'month', which is a coarser grain")
    assert said.endswith("rename 'month'")


def test_a_measure_with_the_name_of_a_coarser_unit_collides() -> None:
    """Both would be the same field of a row."""
    said = problem(f"select o.due as due,\n  count(*) as week\n{FROM}")
    assert said.startswith("metrics/sales.sql:2: 'week' would be the field 'week', which is a coarser grain")


def test_every_unit_nests_in_whatever_its_coarser_units_nest_in() -> None:
    """Otherwise an answer could be rolled up in two ways that differ."""
    for unit, coarser in COARSER.items():
        assert all(set(COARSER[c]) <= set(coarser) for c in coarser), unit


@pytest.mark.parametrize("number", range(7))
def test_weeks_begin_with_the_project_s_day(number: int) -> None:
    """The week of a day begins on the last such day, which is that day itself or one of the six before."""
    day = Column("day", "day", "DATE", False, "dimension", grain="day", sql="d")
    week = next(c for c in with_grains([day], "day", WEEK_DAYS[number]) if c.name == "week")
    sql = week.formula.replace("{moment}", "d")
    with closing(connect.empty(time_zone="UTC")) as connection:
        days = "select unnest(generate_series(date '2025-12-20', date '2026-03-10', interval 1 day))::date as d"
        for found, begin in connection.execute(f"select d, {sql} from ({days})").fetchall():
            assert begin.weekday() == number
            assert 0 <= (found - begin).days < 7
    assert week.sql == sql


MOMENT = "o.created_at at time zone 'UTC'"
# The SELECT -> what reads moments in a zone that it does not name: a column, or nothing that has a name.
READ = {
    f"select date_trunc('day', {MOMENT})::date as day, count(*) as n {FROM}": ["'day'"],
    f"select hour({MOMENT}) as hour, count(*) as n {FROM}": ["'hour'"],
    f"select strftime({MOMENT}, '%Y') as year, max({MOMENT})::date as latest {FROM}": ["'year'", "'latest'"],
    f"select o.region, count(*) filter (dayname({MOMENT}) = 'Monday') as n {FROM}": ["'n'"],
    f"select o.region, count(*) as n from shop.orders o where ({MOMENT})::date > '2026-01-01' group by all": ["the"],
    f"with x as (select ({MOMENT})::date as day from shop.orders o) select day, count(*) as n from x group by all": [
        "the"
    ],
    f"select o.region, max({MOMENT}) as latest, sum(epoch({MOMENT})) as s {FROM}": [],
    f"select o.region, count(*) as n from shop.orders o where {MOMENT} > '2026-01-01' group by all": [],
    f"select date_trunc('day', ({MOMENT}) at time zone 'Asia/Tokyo')::date as day, count(*) as n {FROM}": [],
    f"select o.created_at::date as day, count(*) as n {FROM}": [],
    f"select time_bucket(interval 1 day, {MOMENT}) as began, count(*) as n {FROM}": ["'began'"],
    f"select time_bucket(interval 1 day, {MOMENT}, 'Asia/Tokyo') as began, count(*) as n {FROM}": [],
}


@pytest.mark.parametrize("sql", READ)
def test_a_zone_that_is_not_named_is_warned_of(sql: str) -> None:
    """Once for each column that reads a day, an hour or a text from a moment."""
    assert [warning.message.split()[0] for warning in definition(sql).warnings] == READ[sql]
