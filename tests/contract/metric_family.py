"""A family of metrics, rows to compute them from, and legal questions, for Hypothesis to draw from.

Every metric and question comes with the SQL that says the same over the base tables, written here and not made by the
project: the oracle of the properties.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hypothesis import strategies as st

from ..unit.tiny import Order, User
from .conditions import DAYS, MOMENTS, Condition, Dimension, conditions

UNITS = ("minute", "hour", "day", "week", "month", "quarter", "year")


@dataclass(frozen=True)
class Measure:
    """`written` in the metric, `computed` over the base tables, the `magnitude` that a float's error is measured by."""

    name: str
    written: str
    computed: str = ""
    magnitude: str = "null"
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Family:
    """One metric."""

    with_: str
    tables: str
    where: str
    dimensions: tuple[Dimension, ...]
    measures: tuple[Measure, ...]

    @property
    def sql(self) -> str:
        """The metric's file."""
        projections = [f"{d.sql} as {d.name}" for d in self.dimensions] + [
            f"{m.written} as {m.name}" for m in self.measures
        ]
        where = f"where {self.where}" if self.where else ""
        return f"{self.with_} select {', '.join(projections)} from {self.tables} {where} group by all"

    @property
    def askable(self) -> tuple[Dimension, ...]:
        """The dimensions and the coarser units of the time dimension, which is the first that has a kind of time."""
        return tuple(asked for d in self.dimensions for asked in (d, *map(d.unit, d.units)))


@dataclass(frozen=True)
class Asked:
    """A question: grouped by these, or by the metric's own grouping, these measures, of what fulfils the condition.

    Of the groups, those that fulfil `having`.
    """

    by: tuple[Dimension, ...] | None
    measures: tuple[Measure, ...]
    condition: Condition
    having: Condition


TIMES = (
    Dimension("day", "date_trunc('day', o.placed_at)::date", "date", UNITS[3:]),
    Dimension("day", "o.placed_at::date", "date", UNITS[3:]),
    Dimension("hour", "date_trunc('hour', o.placed_at)", "timestamp", UNITS[2:]),
    Dimension("week", "date_trunc('week', o.placed_at)::date", "date"),
    Dimension("month", "date_trunc('month', o.placed_at)::date", "date", UNITS[5:]),
    Dimension("due", "o.due", "date", UNITS[3:]),
    Dimension("placed", "o.placed_at", "timestamp", UNITS),
    Dimension("seen", "date_trunc('hour', o.placed_at at time zone 'UTC')", "timestamptz", UNITS[2:]),
    Dimension("local", "(o.placed_at at time zone 'UTC')::date", "date", UNITS[3:]),
)
OTHERS = (
    Dimension("region", "o.region", "varchar"),
    Dimension("size", "case when o.amount >= 20 then 'large' else 'small' end", "varchar"),
    Dimension("paid", "o.paid", "boolean"),
    Dimension("cheap", "o.fee < 1", "boolean"),
    Dimension("buyer", "o.user_id", "bigint"),
)
PLAN = Dimension("plan", "u.plan", "varchar")
TABLES = (
    ("", "shop.orders o", False),
    ("", "shop.orders o join shop.users u on u.id = o.user_id", True),
    ("", "shop.orders o left join shop.users u on u.id is not distinct from o.user_id", True),
    ("with o as (from shop.orders where amount < 900)", "o", False),
)
WHERES = ("", "o.paid", "o.amount > 0 or o.region = 'eu'", "o.region is distinct from 'us' -- abroad\n")
PLAIN = {
    "orders": "count(*)",
    "revenue": "sum(o.amount)",
    "fees": "coalesce(sum(o.fee), 0)",
    "charged": "count(o.fee)",
    "settled": "count(*) filter (where o.paid)",
    "income": "sum(o.amount) filter (where o.paid)",
    "least": "min(o.amount)",
    "most": "max(o.amount)",
    "latest": "max(o.placed_at)",
    "sound": "bool_and(o.paid)",
    "begun": "bool_or(o.paid)",
    "span": "max(o.amount) - min(o.amount)",
    "mean": "avg(o.amount)",
    "rounded": "round(avg(o.amount), 2)",
    "buyers": "count(distinct o.user_id)",
    "middle": "median(o.amount)",
    "ninth": "quantile_disc(o.amount, 0.9)",
    "top": "max(o.amount, 2)",
}
MEASURES = {name: Measure(name, sql, sql) for name, sql in PLAIN.items()} | {
    found.name: found
    for found in (
        Measure("weight", "sum(o.weight)", "sum(o.weight)", "sum(abs(o.weight))"),
        Measure("load", "avg(o.weight)", "avg(o.weight)", "avg(abs(o.weight))"),
        Measure("each", "revenue / orders", "sum(o.amount) / count(*)", needs=("revenue", "orders")),
        Measure("twice", "2 * settled + 1", "2 * count(*) filter (where o.paid) + 1", needs=("settled",)),
        Measure(
            "unsettled", "1 - settled / orders", "1 - count(*) filter (where o.paid) / count(*)",
            needs=("settled", "orders"),
        ),
        Measure(
            "spent", "revenue / buyers", "sum(o.amount) / count(distinct o.user_id)", needs=("revenue", "buyers")
        ),
    )
}  # fmt: skip


# Measures that are compared exactly, and their kinds.
COMPARED = dict.fromkeys(("orders", "charged", "settled", "buyers", "twice"), "bigint") | dict.fromkeys(
    ("revenue", "fees", "income", "least", "most", "span"), "decimal"
)


def _decimals(least: int, most: int, places: int) -> st.SearchStrategy[Decimal]:
    return st.integers(least, most).map(lambda units: Decimal(units).scaleb(-places))


ORDERS = st.lists(
    st.builds(
        Order,
        user_id=st.one_of(st.none(), st.integers(1, 4)),
        region=st.one_of(st.none(), st.sampled_from(["eu", "us", "", "Eu'"])),
        amount=st.one_of(_decimals(-500, 100_000, 2), st.sampled_from([Decimal("0.00"), Decimal("20.00")])),
        fee=st.one_of(st.none(), _decimals(-1_000, 3_000, 3)),
        weight=st.one_of(st.none(), st.sampled_from([0.1, 0.2, -0.3, 1e15, -1e15]), st.floats(-1e6, 1e6)),
        paid=st.booleans(),
        due=st.one_of(st.none(), DAYS),
        placed_at=MOMENTS,
    ),
    max_size=14,
)
USERS = st.lists(st.builds(User, plan=st.sampled_from(["free", "pro"]), born=st.none()), max_size=3)


@st.composite
def families(draw: st.DrawFn) -> Family:
    """A metric with one to three dimensions, one of them perhaps of time, and one to six measures or a few more."""
    with_, tables, joined = draw(st.sampled_from(TABLES))
    time = draw(st.lists(st.sampled_from(TIMES), max_size=1))
    others = st.sampled_from((*OTHERS, PLAN) if joined else OTHERS)
    rest = draw(st.lists(others, min_size=0 if time else 1, max_size=2, unique=True))
    names = draw(st.lists(st.sampled_from(sorted(MEASURES)), min_size=1, max_size=5, unique=True))
    wanted = [needed for name in names for needed in (*MEASURES[name].needs, name)]
    measures = tuple(MEASURES[name] for name in dict.fromkeys(wanted))
    return Family(with_, tables, draw(st.sampled_from(WHERES)), (*time, *rest), measures)


@st.composite
def questions(draw: st.DrawFn, family: Family) -> Asked:
    """Any grouping and filter of a metric that GraphQL lets through."""
    by = draw(st.one_of(st.none(), st.lists(st.sampled_from(family.askable), max_size=3, unique=True).map(tuple)))
    measures = draw(st.lists(st.sampled_from(family.measures), max_size=3, unique=True))
    compared = [Dimension(m.name, m.computed, COMPARED[m.name]) for m in family.measures if m.name in COMPARED]
    having = draw(conditions(compared, 1)) if compared else Condition({}, "true")
    return Asked(by, tuple(measures), draw(conditions(family.askable, 2)), having)
