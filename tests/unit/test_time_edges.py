"""Earlier periods and gaps at their edges: zones, ends of months, filters of every kind, dimensions with no unit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from gql.period import Step
from gql.question import Question
from gql.relative import Span
from gql.shift import earlier_groups
from snapshot.catalog import Column, Metric

from .tiny import Asking, Order, asking, publish

MOMENT = "(o.placed_at at time zone 'UTC')"
METRICS = {
    "sales": "select o.placed_at::date as day, count(*) as n, count(distinct o.user_id) as buyers, "
    "count(*) * 2 as twice from shop.orders o group by all",
    "tz": f"select date_trunc('hour', {MOMENT}) as hour, count(*) as n from shop.orders o group by all",
    "halves": "select date_trunc('hour', o.placed_at) + interval 30 minute as slot, count(*) as n "
    "from shop.orders o group by all",
    "each": f"select {MOMENT} as moment, count(*) as n from shop.orders o group by all",
    "paid": "select o.placed_at::date as day, o.paid, count(*) as n from shop.orders o group by all",
    "months": "select date_trunc('month', o.due) as month, count(*) as n from shop.orders o group by all",
    "odd": "select case when o.paid then 'mro' else '_a_' end::enum('mro', '_a_') as name, "
    "{'big': sum(1500000000000000 + o.id)::bigint} as part, count(*) as n from shop.orders o group by all",
}
PLACED = (
    (1, 1, 0), (1, 29, 12), (1, 31, 23), (2, 1, 0), (2, 3, 9), (2, 27, 22), (2, 28, 23), (3, 28, 23), (3, 31, 1),
)  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """Orders at the ends of months, in a project of Berlin."""
    moments = [datetime(2026, *place) for place in PLACED]  # noqa: DTZ001
    orders = [Order(user_id=n % 2, paid=n % 2 == 0, placed_at=moment) for n, moment in enumerate(moments)]
    folder: Path = tmp_path_factory.mktemp("shop")
    with asking(publish(folder, METRICS, orders, zone="Europe/Berlin")) as found:
        yield found


def nodes(shop: Asking, field: str, row: str) -> list[dict[str, Any]]:
    """The rows of a question."""
    (answer,) = shop.data(f"{{ {field} {{ nodes {{ {row} }} }} }}").values()
    found: list[dict[str, Any]] = answer["nodes"]
    return found


def test_an_open_end_of_a_month_is_that_of_the_earlier_month(shop: Asking) -> None:
    """However much longer it is."""
    where = '{day: {gte: "2026-02-01", lt: "2026-03-01"}}'
    assert nodes(shop, f"sales(by: [MONTH], where: {where})", "n previous(by: PERIOD) { n }") == [
        {"n": 4, "previous": {"n": 3}}
    ]


@pytest.mark.parametrize(
    "where",
    ['{month: {eq: "2026-02-01T00:00:00+01:00"}}', '{month: {eq: "2026-01-31T23:00:00Z"}}',
     '{hour: {gte: "2026-01-31T23:00:00Z", lt: "2026-02-28T23:00:00Z"}}'],
)  # fmt: skip
def test_a_moment_of_a_filter_is_moved_in_the_zone_of_the_project(shop: Asking, where: str) -> None:
    """However the client writes it."""
    # In Berlin the last order of January in UTC is the first of February.
    assert nodes(shop, f"tz(by: [MONTH], where: {where})", "n previous(by: PERIOD) { n }") == [
        {"n": 4, "previous": {"n": 2}}
    ]


@pytest.mark.parametrize(
    ("where", "days"),
    [
        ('{day: {in: ["2026-02-01", "2026-02-04"]}}', ["2026-02-01", "2026-02-04"]),
        ('{day: {gte: "2026-02-01", lte: "2026-02-04", ne: "2026-02-03"}}', ["2026-02-01", "2026-02-02", "2026-02-04"]),
        ('{and: [{day: {gt: "2026-02-01"}}, {day: {lt: "2026-02-05"}}]}', ["2026-02-02", "2026-02-03", "2026-02-04"]),
        ('{day: {between: {from: "2026-02-03", to: "2026-02-04"}}, not: {day: {eq: "2026-02-03"}}}', ["2026-02-04"]),
        ('{day: {lt: "2026-01-01"}}', []),
    ],
)
def test_only_periods_that_the_filter_lets_in_are_filled(shop: Asking, where: str, days: list[str]) -> None:
    """What it leaves out is not empty, but not asked for."""
    assert [row["day"] for row in nodes(shop, f"sales(fill: true, where: {where})", "day n")] == days


def test_a_coarser_unit_is_filled_to_its_ends(shop: Asking) -> None:
    """All days of a month, which is one range of days."""
    found = nodes(shop, 'sales(fill: true, where: {month: {eq: "2026-02-01"}})', "day n")
    assert (found[0]["day"], found[-1]["day"], len(found), sum(row["n"] for row in found)) == (
        "2026-02-01", "2026-02-28", 28, 4
    )  # fmt: skip


def test_a_filled_group_has_what_the_measures_are_over_no_rows(shop: Asking) -> None:
    """So that what is never null is not null there either."""
    found = nodes(shop, 'sales(fill: true, where: {day: {eq: "2026-02-02"}})', "day n buyers twice")
    assert found == [{"day": "2026-02-02", "n": 0, "buyers": 0, "twice": 0}]


REFUSED = {
    'tz(by: [HOUR], fill: true, where: {hour: {gte: "0002-01-01T00:00:00Z", lte: "9998-01-01T00:00:00Z"}})': (
        "TOO_MANY_ROWS"
    ),
    'each(by: [DAY], fill: true, where: {moment: {in: ["2026-02-01T00:00:00Z"]}})': "BAD_USER_INPUT",
    'paid(by: [MONTH, PAID], fill: true, where: {or: [{day: {eq: "2026-02-01"}}, {paid: {eq: true}}]})': (
        "BAD_USER_INPUT"
    ),
}


@pytest.mark.parametrize("field", REFUSED)
def test_what_cannot_be_filled_is_refused(shop: Asking, field: str) -> None:
    """Too many periods, or a filter that no period can be judged by."""
    assert shop.refusal(f"{{ {field} {{ nodes {{ n }} }} }}") == REFUSED[field]


def test_the_first_day_of_the_last_ones_has_its_earlier_day_where_a_month_is_clipped() -> None:
    """The end of a longer month is moved to that of a shorter one, and so is what comes before it."""
    day = Column("day", "day", "DATE", False, "dimension", grain="day")
    metric = Metric("m", "m", True, "", "", "", "", 60, "day", "", (), "", "from s.o", "", (day,))
    where = {"day": {"last": Span(date(2026, 3, 30), date(2026, 4, 15))}}
    whole, _ = earlier_groups(
        Question(metric, (day,), (), where), (), Step("months"), datetime(2026, 4, 15, tzinfo=UTC)
    )
    assert (whole.parameters, ">= ?" in whole.sql) == ((date(2026, 2, 28), date(2026, 3, 15)), True)


@pytest.mark.parametrize(
    ("zone", "moments", "unit", "found"),
    [
        # 2 o'clock of 29 March is not; 3 o'clock is another hour.
        ("Europe/Berlin", ["2026-03-29T01:00Z", "2026-03-30T00:00Z", "2026-03-30T01:00Z"], "hour",
         [None, None, {"n": 1}]),
        # 4 November begins at 1 o'clock.
        ("America/Sao_Paulo", ["2018-11-03T12:00Z", "2018-11-04T12:00Z", "2018-11-05T12:00Z"], "day",
         [None, {"n": 1}, {"n": 1}]),
    ],
)  # fmt: skip
def test_a_period_is_a_day_earlier_by_the_clock_on_the_wall(
    tmp_path: Path, zone: str, moments: list[str], unit: str, found: list[Any]
) -> None:
    """Or there is none."""
    orders = [Order(placed_at=datetime.fromisoformat(moment).replace(tzinfo=None)) for moment in moments]
    with asking(publish(tmp_path, METRICS, orders, zone=zone)) as shop:
        rows = nodes(shop, f"tz(by: [{unit.upper()}])", f"{unit} previous(by: DAY) {{ n }}")
        assert [row["previous"] for row in rows] == found
        # The filter is moved as the rows are: from the beginning of the second period on.
        filtered = f'tz(by: [{unit.upper()}], where: {{{unit}: {{gte: "{rows[1][unit]}"}}}})'
        assert [row["previous"] for row in nodes(shop, filtered, "previous(by: DAY) { n }")] == found[1:]


def test_a_time_before_all_times_is_refused(shop: Asking) -> None:
    """There is no earlier one."""
    document = '{ sales(where: {day: {lt: "0001-01-01"}}) { nodes { n previous(by: DAY) { n } } } }'
    assert shop.refusal(document) == "BAD_USER_INPUT"


def test_what_is_made_of_a_truncation_has_no_unit(shop: Asking) -> None:
    """It is grouped and filtered by; no earlier one can be told."""
    assert shop.metric("halves").times == ()
    assert sum(row["n"] for row in nodes(shop, "halves", "slot n")) == len(PLACED)


def test_a_month_of_dates_has_no_moment(shop: Asking) -> None:
    """So that a part of a day is never compared with a whole one."""
    assert (shop.metric("months").moment, shop.metric("sales").moment) == ("", "o.placed_at")


def test_an_object_of_which_nothing_is_selected_is_an_empty_object(shop: Asking) -> None:
    """By directives, which leave the object itself."""
    row = "previous(by: DAY) { n @skip(if: true) } share { n @skip(if: true) }"
    assert nodes(shop, 'sales(where: {day: {eq: "2026-02-01"}})', row) == [{"previous": {}, "share": {}}]


def test_an_enum_has_any_name_of_graphql(shop: Asking) -> None:
    """Python would not take some of them; and a number too large is refused within an object, too."""
    assert [row["name"] for row in nodes(shop, "odd(where: {name: {eq: mro}})", "name n")] == ["mro"]
    assert "enum OddNameValue {\n  mro\n  _a_\n}" in shop.generation.value.sdl
    assert shop.refusal("{ odd(by: []) { nodes { part { big } } } }") == "BAD_USER_INPUT"


def test_a_moment_before_the_year_1_is_a_year_of_iso_8601(tmp_path: Path) -> None:
    """In New York the first moment of the year 1 is one of the year before, which DuckDB calls 1 BC."""
    earliest = Order(placed_at=datetime(1, 1, 1))  # noqa: DTZ001
    sql = {"tz": METRICS["tz"], "old": f"select {MOMENT} - interval 3 year as moment from shop.orders o"}
    with asking(publish(tmp_path, sql, [earliest], zone="America/New_York")) as shop:
        assert nodes(shop, "tz", "hour") == [{"hour": "0000-12-31T23:56:02+00:00"}]
        assert nodes(shop, "old", "moment") == [{"moment": "-0002-01-01T00:00:00+00:00"}]


@pytest.mark.parametrize(
    ("zone", "first"),
    [("Europe/Berlin", "1800-01-01T00:54:00+00:54"), ("America/New_York", "1799-12-31T19:04:00-04:56")],
)
def test_a_moment_has_an_offset_of_hours_and_minutes(tmp_path: Path, zone: str, first: str) -> None:
    """Before a zone had a standard time it had one of seconds, too, which RFC 3339 does not know."""
    sql = {"one": "select o.id, timestamptz '1800-01-01 00:00:00+00' as first from shop.orders o"}
    with asking(publish(tmp_path, sql, [Order()], zone=zone)) as shop:
        assert nodes(shop, "one", "first") == [{"first": first}]
        assert nodes(shop, f'one(where: {{first: {{eq: "{first}"}}}})', "id") == [{"id": 1}]


@pytest.mark.parametrize("kind", ["date[]", "timestamp[]", "timestamptz[]", "date[2]", "decimal(10,2)[]"])
def test_a_list_of_times_or_decimals_is_no_time_and_no_decimal(tmp_path: Path, kind: str) -> None:
    """It is grouped by and found where it is null, and has no units."""
    value = "['1.5', '2']" if "decimal" in kind else "['2026-01-02', '2026-02-03']"
    case = f"case when o.paid then {value}::{kind} end as k"
    sql = f"select {case}, median(o.id) as m, count(*) as n from shop.orders o group by all"
    with asking(publish(tmp_path, {"lists": sql}, [Order(), Order(paid=False), Order(paid=False)])) as shop:
        assert [column.name for column in shop.metric("lists").dimensions] == ["k"]
        found = shop.data("{ lists(by: [], where: {k: {isNull: true}}) { nodes { n m } } }")
        assert found["lists"]["nodes"] == [{"n": 2, "m": 2.5}]
