"""Comparisons with values that a column cannot hold -> the same with values that it can.

DuckDB compares two types in a third, which has no room for the digits of both, or cuts some off. A column's own values
are whole numbers of ticks within two ends; what lies between two of them, or beyond the ends, is told by its neighbour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

from snapshot.catalog import Column, is_nested

from .errors import BAD_INPUT, refusal
from .exact import Nanos
from .relative import Span

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  of times without a zone
# DuckDB's TIMESTAMP_NS is a whole number of 64 bits; the outermost ones are infinite, or nothing.
_MOST_NANOS = 2**63 - 2
_ROUNDED: dict[str, Callable[[Fraction], int]] = {
    "lt": math.ceil,
    "gte": math.ceil,
    "lte": math.floor,
    "gt": math.floor,
}
# What one value or another of a list is compared by.
_LISTED = {"eq": True, "in": True, "ne": False, "notIn": False}


@dataclass(frozen=True)
class Grid:
    """The values of a type: so many ticks at most, above and below 0. `ticks` may be a fraction of one."""

    most: int
    ticks: Callable[[Any], Fraction]
    value: Callable[[int], Any]

    def holds(self, value: Any) -> bool:
        """Whether it is one of them."""
        ticks = self.ticks(value)
        return ticks.denominator == 1 and abs(ticks) <= self.most

    def own(self, value: Any) -> Any:
        """A value that it holds, as DuckDB takes it."""
        return self.value(int(self.ticks(value)))

    @property
    def nothing(self) -> tuple[str, Any]:
        """What holds for no value, and is null for none."""
        return "lt", self.value(-self.most)

    @property
    def everything(self) -> tuple[str, Any]:
        """What holds for every value, and is null for none."""
        return "gte", self.value(-self.most)


def fitted(where: Mapping[str, Any] | None, columns: Mapping[str, Column]) -> Mapping[str, Any] | None:
    """A coerced `where` whose values are all values of their columns, by field.

    Raises GraphQLError for nanoseconds that a column has not.
    """
    if where is None:
        return None
    found, conditions = dict(where), []
    for field, value in where.items():
        if field in ("and", "or"):
            found[field] = [fitted(item, columns) for item in value] if value else value
        elif field == "not":
            found[field] = fitted(value, columns)
        elif value:
            grid = _grid(columns[field].type)
            # A unit of time has none, though its type may be that of the moments that it is made of.
            if (grid is None or columns[field].role == "grain") and any(map(_has_nanos, value.values())):
                raise refusal(BAD_INPUT, f"'{field}' has no nanoseconds; leave out the digits beyond microseconds")
            if grid:
                del found[field]
                conditions += [{field: dict([_fit(grid, *comparison)])} for comparison in _comparisons(value)]
    return {**found, "and": [*(found.get("and") or ()), *conditions]} if conditions else found


def _comparisons(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for operator, operand in value.items():
        if isinstance(operand, Span):
            yield from (("gt", operand.start), ("lte", operand.end))
        else:
            yield operator, operand


def _has_nanos(operand: Any) -> bool:
    values = operand.values() if isinstance(operand, dict) else operand if isinstance(operand, list) else [operand]
    return any(isinstance(value, Nanos) for value in values)


def _fit(grid: Grid, operator: str, operand: Any) -> tuple[str, Any]:
    """A comparison that holds for the same of the column's values, and is null for null."""
    if operand is None or operand == []:
        return operator, operand
    if operator in _LISTED:
        values = operand if isinstance(operand, list) else [operand]
        held = [grid.own(value) for value in values if grid.holds(value)]
        if not held:
            return grid.nothing if _LISTED[operator] else grid.everything
        return operator, held if isinstance(operand, list) else held[0]
    if operator == "between":
        least, most = math.ceil(grid.ticks(operand["from"])), math.floor(grid.ticks(operand["to"]))
        least, most = max(least, -grid.most), min(most, grid.most)
        return (operator, {"from": grid.value(least), "to": grid.value(most)}) if least <= most else grid.nothing
    if operator in _ROUNDED:
        ticks = _ROUNDED[operator](grid.ticks(operand))
        if abs(ticks) > grid.most:
            return grid.everything if (ticks > 0) == operator.startswith("l") else grid.nothing
        return operator, grid.value(ticks)
    return operator, operand


@cache
def _grid(duckdb_type: str) -> Grid | None:
    """The values of a type that DuckDB does not compare exactly with every value that a client can send."""
    if is_nested(duckdb_type):
        return None
    name, _, parameters = duckdb_type.rstrip(")").partition("(")
    if name == "DECIMAL":
        width, scale = map(int, parameters.split(","))
        # A Decimal's own arithmetic would round.
        return Grid(
            10**width - 1, lambda value: Fraction(value) * 10**scale, lambda ticks: Decimal(f"{ticks}E-{scale}")
        )
    return Grid(_MOST_NANOS, _nanos, _nano_text) if name == "TIMESTAMP_NS" else None


def _nanos(moment: datetime) -> Fraction:
    beyond = moment.beyond if isinstance(moment, Nanos) else 0
    return Fraction((moment - _EPOCH) // timedelta(microseconds=1) * 1000 + beyond)


def _nano_text(nanos: int) -> str:
    """Python has no value of its own for one."""
    moment = _EPOCH + timedelta(microseconds=nanos // 1000)
    return f"{moment.isoformat(timespec='microseconds')}{nanos % 1000:03}"
