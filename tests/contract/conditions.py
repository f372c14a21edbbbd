"""Filters for Hypothesis to draw: each as GraphQL has it, and as SQL that is written here and not by the project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

MOMENTS = st.one_of(
    st.datetimes(datetime(2025, 12, 20), datetime(2026, 3, 10)).map(lambda found: found.replace(microsecond=0)),  # noqa: DTZ001
    st.sampled_from([datetime(2025, 12, 31, 23, 59, 59), datetime(2026, 1, 1), datetime(2026, 3, 1, 0, 0, 0, 1)]),  # noqa: DTZ001
)
DAYS = st.dates(date(2025, 12, 20), date(2026, 3, 10))
TEXTS = st.sampled_from(["eu", "us", "", "Eu'", "large", "small", "free", "pro", "e"])
VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "date": DAYS,
    "timestamp": MOMENTS,
    "timestamptz": MOMENTS.map(lambda moment: moment.replace(tzinfo=UTC)),
    "varchar": TEXTS,
    "boolean": st.booleans(),
    "bigint": st.integers(0, 4),
    "decimal": st.integers(-500, 100_000).map(lambda cents: f"{Decimal(cents).scaleb(-2)}"),
}
COMPARISONS = {"eq": "=", "ne": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
FUNCTIONS = {"contains": "contains", "startsWith": "starts_with", "endsWith": "ends_with"}


@dataclass(frozen=True)
class Dimension:
    """`sql` over the base tables, its kind of value, and the coarser units that it can be asked for in."""

    name: str
    sql: str
    kind: str
    units: tuple[str, ...] = ()

    def unit(self, name: str) -> Dimension:
        """A coarser unit of it as a dimension."""
        return Dimension(name, f"date_trunc('{name}', {self.sql})::{self.kind}", self.kind)


@dataclass(frozen=True)
class Condition:
    """A filter as GraphQL has it, its values in Python, and as SQL."""

    where: Mapping[str, Any]
    sql: str


@st.composite
def conditions(draw: st.DrawFn, dimensions: Sequence[Dimension], depth: int) -> Condition:
    """Up to two conditions on columns, and connectives of more of them."""
    parts = [draw(_column_conditions(d)) for d in draw(st.lists(st.sampled_from(dimensions), max_size=2, unique=True))]
    if depth:
        words = draw(st.lists(st.sampled_from(["and", "or", "not"]), max_size=1))
        parts += [draw(_connected(word, dimensions, depth - 1)) for word in words]
    where = {field: value for part in parts for field, value in part.where.items()}
    return Condition(where, " and ".join(f"({part.sql})" for part in parts) or "true")


@st.composite
def _connected(draw: st.DrawFn, word: str, dimensions: Sequence[Dimension], depth: int) -> Condition:
    if word == "not":
        inner = draw(conditions(dimensions, depth))
        return Condition({"not": inner.where}, f"not ({inner.sql})")
    parts = draw(st.lists(conditions(dimensions, depth), max_size=2))
    nothing = "true" if word == "and" else "false"
    return Condition(
        {word: [part.where for part in parts]}, f" {word} ".join(f"({part.sql})" for part in parts) or nothing
    )


@st.composite
def _column_conditions(draw: st.DrawFn, dimension: Dimension) -> Condition:
    """One operator on one column."""
    value, column, kind = VALUES[dimension.kind], f"({dimension.sql})", dimension.kind
    ordered = [] if kind == "boolean" else ["lt", "lte", "gt", "gte", "between"]
    texts = list(FUNCTIONS) if kind == "varchar" else []
    operator = draw(st.sampled_from(["eq", "ne", "in", "notIn", "isNull", *ordered, *texts]))
    operand: Any
    if operator == "isNull":
        operand = draw(st.booleans())
        sql = f"{column} is {'' if operand else 'not '}null"
    elif operator == "between":
        low, high = sorted((draw(value), draw(value)))
        operand, sql = {"from": low, "to": high}, f"{column} between {_literal(low, kind)} and {_literal(high, kind)}"
    elif operator in {"in", "notIn"}:
        operand = draw(st.lists(value, max_size=3))
        listed = ", ".join(_literal(item, kind) for item in operand)
        nothing = "false" if operator == "in" else "true"
        sql = f"{column} {'in' if operator == 'in' else 'not in'} ({listed})" if operand else nothing
    elif operator in FUNCTIONS:
        operand = draw(value)
        sql = f"{FUNCTIONS[operator]}({column}, {_literal(operand, kind)})"
    else:
        operand = draw(value)
        sql = f"{column} {COMPARISONS[operator]} {_literal(operand, kind)}"
    return Condition({dimension.name: {operator: operand}}, sql)


def _literal(value: object, kind: str) -> str:
    """A value as SQL of its column's kind."""
    text = str(value).replace("'", "''")
    return f"'{text}'::{kind}"
