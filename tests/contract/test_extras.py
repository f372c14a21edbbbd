"""What a row says beside its columns is what the same SELECT gives for the earlier period, the whole and the gaps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gql.extras import Extras, comparable, shared
from gql.page import plan_count, plan_rows
from gql.period import STEPS
from gql.question import Question
from gql.shift import Shift
from snapshot.catalog import Column, Metric

from ..unit.tiny import Order
from .conditions import Dimension
from .metric_family import MEASURES, TIMES, Family
from .oracle import TOLERANCE
from .test_metrics import quiet, rows_of, staged

# So many questions are asked of each metric.
CASES = 8
REGION = Dimension("region", "o.region", "varchar")
# One of each way of rolling up; a mean is a float, which is compared nearly.
NAMES = ("orders", "revenue", "fees", "least", "mean", "buyers")
DAILY = tuple(time for time in TIMES if "week" in time.units)
# Around the ends of months, so that most days have an earlier one.
ENDS = ("2025-12-31", "2026-01-01", "2026-01-02", "2026-01-28", "2026-01-31", "2026-02-01", "2026-02-28", "2026-03-01")
DAYS = st.sampled_from([date.fromisoformat(day) for day in (*ENDS, "2026-03-28", "2026-03-30", "2026-03-31")])
HOURS = st.sampled_from([timedelta(0), timedelta(hours=9, minutes=30), timedelta(hours=23, minutes=59, seconds=59)])
MOMENTS = st.builds(lambda day, hour: datetime(day.year, day.month, day.day) + hour, DAYS, HOURS)  # noqa: DTZ001
ORDERS = st.lists(
    st.builds(
        Order,
        user_id=st.integers(1, 3),
        region=st.sampled_from([None, "eu"]),
        amount=st.integers(-500, 9_999).map(lambda cents: Decimal(cents).scaleb(-2)),
        fee=st.none() | st.just(Decimal("0.125")),
        due=st.none() | DAYS,
        placed_at=MOMENTS,
    ),
    min_size=10,
    max_size=40,
)
Rows = Callable[..., list[tuple[Any, ...]]]


@st.composite
def families(draw: st.DrawFn) -> Family:
    """A metric over one time and the region."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    measures = tuple(MEASURES[name] for name in names)
    return Family("", "shop.orders o", "", (draw(st.sampled_from(DAILY)), REGION), measures)


@dataclass(frozen=True)
class Case:
    """The unit of time that is asked for, a range of days, a shift and the clock."""

    family: Family
    metric: Metric
    time: Column
    by_region: bool
    days: tuple[date, date] | None
    open: bool
    shift: Shift
    clock: datetime

    @property
    def unit(self) -> str:
        """The rows' period over the base tables."""
        return f"date_trunc('{self.time.grain}', {self.family.dimensions[0].sql})"

    @property
    def day(self) -> Column:
        """The day, of which the range is asked."""
        return next(column for column in self.metric.times if column.grain == "day")

    @property
    def question(self) -> Question:
        """As a client asks it."""
        by = (self.time, self.metric.column("region")) if self.by_region else (self.time,)
        if self.days is None:
            return Question(self.metric, by, self.metric.measures)
        ends: list[date] = list(self.days)
        if self.day.type != "DATE":
            ends = [datetime(day.year, day.month, day.day) for day in ends]  # noqa: DTZ001
        range_: dict[str, Any] = {"between": {"from": ends[0], "to": ends[1]}}
        if self.open:
            range_ = {"gte": ends[0], "lt": ends[1] + timedelta(days=1)}
        return Question(self.metric, by, self.metric.measures, {self.day.field: range_})

    def within(self, less: str = "") -> str:
        """The range over the base tables, perhaps so much earlier."""
        if self.days is None:
            return "true"
        low, high = (f"timestamp '{day}'{less}" for day in self.days)
        day, after = f"date_trunc('day', {self.family.dimensions[0].sql})", self.days[1] + timedelta(days=1)
        if self.open:  # the end of one month is the end of another, however long
            high = f"greatest({high}, timestamp '{after}'{less} - interval 1 day)"
        return f"{day} between {low} and {high}"


@st.composite
def cases(draw: st.DrawFn, family: Family, metric: Metric) -> Case:
    """Any question with a shift that is answered."""
    time = draw(st.sampled_from([c for c in metric.times if c.grain in ("day", "week", "month", "quarter", "year")]))
    shift = draw(st.sampled_from([shift for shift in Shift if STEPS[shift.value or time.grain].keeps(time.grain)]))
    days = draw(st.none() | st.tuples(DAYS, DAYS).map(lambda pair: (min(pair), max(pair))))
    return Case(
        family, metric, time, draw(st.booleans()), days, draw(st.booleans()), shift, draw(MOMENTS).replace(tzinfo=UTC)
    )


@settings(quiet, max_examples=20)
@given(st.data(), families(), ORDERS)
def test_an_earlier_row_is_the_row_of_the_earlier_question(
    data: st.DataObject, family: Family, orders: list[Order]
) -> None:
    """Of its period and the range of days, both so much earlier; the same part of it where it is not over."""
    with staged(family, orders, []) as (connection, metric):
        rows = rows_of(connection)
        for _ in range(CASES):
            case = data.draw(cases(family, metric))
            numbers = tuple(measure for measure in metric.measures if comparable(measure))
            asked = Extras(True, {case.shift: metric.measures}, {case.shift: numbers}, shared(metric), case.clock)
            plan = plan_rows(case.question, limit=1_000, extras=asked)
            for row in rows(plan.sql, plan.parameters):
                values = row[: len(plan.columns)], row[-len(plan.extras) :]
                columns = {column.name: value for column, value in zip(plan.columns, values[0], strict=True)}
                assert_row(rows, case, columns, {e.path: v for e, v in zip(plan.extras, values[1], strict=True)})


def assert_row(rows: Rows, case: Case, columns: Mapping[str, Any], said: Mapping[tuple[str, ...], Any]) -> None:
    """Compare one row with what its earlier period gives, computed from the base tables."""
    metric, time, shift = case.metric, case.time, case.shift.name
    over, then = True, None
    if columns[time.name] is not None:
        step, clock = STEPS[case.shift.value or time.grain].sql, f"timestamp '{case.clock.replace(tzinfo=None)}'"
        ends = f"?::timestamp - {step}, ?::timestamp + {STEPS[time.grain].sql} <= {clock}"
        ((before, over),) = rows(f"select {ends}", [columns[time.name]] * 2)
        then = earlier(
            rows, case, before, columns, "true" if over or not metric.moment else f"o.placed_at <= {clock} - {step}"
        )
        then = None if not over and not metric.moment else then
    assert said["complete",] is over
    assert (said[f"previous:{shift}",], said[f"change:{shift}",]) == ((True, True) if then else (None, None))
    (whole,) = rows(f"select {computed(case.family)} from shop.orders o where {case.within()}")
    for measure, value, total in zip(metric.measures, then or [None] * len(metric.measures), whole, strict=True):
        now, change = columns[measure.name], ("change:" + shift, measure.field)
        assert close(said[f"previous:{shift}", measure.field], value), measure
        absolute = None if now is None or value is None else now - value
        assert close(said[*change, "absolute"], absolute)
        assert close(
            said[*change, "relative"], float(absolute) / float(value) if absolute is not None and value else None
        )
        if measure in shared(metric):
            assert close(said["share", measure.field], float(now) / float(total) if now is not None and total else None)


def computed(family: Family) -> str:
    """The measures over the base tables."""
    return ", ".join(measure.computed for measure in family.measures)


def earlier(rows: Rows, case: Case, before: Any, columns: Mapping[str, Any], more: str) -> Sequence[Any] | None:
    """The measures of the earlier period; None where it has no row."""
    step = STEPS[case.shift.value or case.time.grain].sql
    region = "o.region is not distinct from ?" if case.by_region else "true"
    where = f"{case.unit} = ?::timestamp and {region} and {case.within(f' - {step}')} and {more}"
    parameters = [before, *([columns["region"]] if case.by_region else [])]
    (found,) = rows(f"select {computed(case.family)}, count(*) from shop.orders o where {where}", parameters)
    return found[:-1] if found[-1] else None


def close(found: Any, expected: Any) -> bool:
    """Equal; floats as nearly as another order of additions allows."""
    if isinstance(found, float) and isinstance(expected, float):
        return abs(found - expected) <= TOLERANCE * max(1e3, abs(expected))
    return bool(found == expected)


@settings(quiet, max_examples=15)
@given(st.data(), families(), ORDERS)
def test_a_filled_answer_has_every_period_of_each_combination(
    data: st.DataObject, family: Family, orders: list[Order]
) -> None:
    """Those with a group as they are, the others with what the measures are over no rows."""
    with staged(family, orders, []) as (connection, metric):
        for _ in range(CASES):
            assert_filled(rows_of(connection), data.draw(cases(family, metric)))


def assert_filled(rows: Rows, case: Case) -> None:
    """Compare a filled answer with the plain one."""
    asked = case.question
    filling = Question(case.metric, asked.by, asked.measures, asked.where, fill=True)
    plain, plan, count = plan_rows(asked, limit=10_000), plan_rows(filling, limit=10_000), plan_count(filling)
    width = len(asked.by)
    there, found = ({row[:width]: row[width:] for row in rows(one.sql, one.parameters)} for one in (plain, plan))
    assert rows(count.sql, count.parameters) == [(len(found),)]
    assert there.items() <= found.items()
    (empty,) = rows(f"select {computed(case.family)} from shop.orders o where false")
    assert {found[key] for key in found.keys() - there.keys()} <= {empty}
    periods = sorted({key[0] for key in found if key[0] is not None})
    combinations = {key[1:] for key in there} if case.by_region else {()}
    if case.days and combinations:
        ends = ", ".join(f"date_trunc('{case.time.grain}', date '{day}')::{case.time.type}" for day in case.days)
        assert rows(f"select {ends}") == [(periods[0], periods[-1])]
    assert {key for key in found if key[0] is not None} == {(p, *rest) for p in periods for rest in combinations}
    for one, other in pairwise(periods):
        ((next_,),) = rows(f"select (?::timestamp + {STEPS[case.time.grain].sql})::{case.time.type}", [one])
        assert other == next_
