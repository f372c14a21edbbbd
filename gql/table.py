"""What DuckDB gave -> JSON-ready values, column by column."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from .errors import BAD_INPUT, refusal
from .plan import Plan
from .scalars import TooWide, kind_of

FLOATS = ("FLOAT", "DOUBLE")


@dataclass(frozen=True)
class Table:
    """So many rows as columns by field, their values JSON-ready.

    `broken` where a column that is never null has a null, which only the executor of graphql-core can tell the client.
    """

    columns: Mapping[str, Sequence[Any]]
    rows: int
    broken: bool = False

    def part(self, start: int, stop: int) -> Table:
        """The rows from one place to another."""
        if start == 0 and stop >= self.rows:
            return self
        stop = min(stop, self.rows)
        columns = {field: values[start:stop] for field, values in self.columns.items()}
        return Table(columns, max(0, stop - start), self.broken)

    @property
    def first(self) -> dict[str, Any]:
        """The first row."""
        return {field: values[0] for field, values in self.columns.items()}

    def dicts(self) -> list[dict[str, Any]]:
        """The rows one by one."""
        return [{field: values[row] for field, values in self.columns.items()} for row in range(self.rows)]


def table(plan: Plan, found: Sequence[Sequence[Any]]) -> Table:
    """The rows that a plan's query found. Raises GraphQLError for a number that JSON does not hold."""
    places: dict[Any, str] = {column.field: column.type for column in plan.columns}
    places |= {extra.path: extra.type for extra in plan.extras}
    read = list(zip(*found, strict=True)) if found else [()] * len(places)
    flat = {
        place: _json_ready(place, kind, values) for (place, kind), values in zip(places.items(), read, strict=False)
    }
    columns = {column.field: flat[column.field] for column in plan.columns}
    for extra in plan.extras:
        _put(columns, extra.path, flat[extra.path])
    broken = any(not column.nullable and None in columns[column.field] for column in plan.columns)
    return Table(columns, len(found), broken)


def _json_ready(place: str | tuple[str, ...], kind: str, values: Sequence[Any]) -> Sequence[Any]:
    convert = kind_of(kind).to_json
    try:
        if kind in FLOATS and math.isfinite(sum(filter(None, values))):
            return values  # as most are: what is not finite is not finite in a sum, either
        if convert is not None:
            return [value if value is None else convert(value) for value in values]
        if kind in ("BIGINT", "UBIGINT"):  # the quickest look at all of them
            orjson.dumps(values, option=orjson.OPT_STRICT_INTEGER)
    except (TooWide, orjson.JSONEncodeError) as error:
        field = place if isinstance(place, str) else place[-1]
        message = f"'{field}' goes beyond 2^53 in this answer; cast it to decimal or varchar in the metric"
        raise refusal(BAD_INPUT, message) from error
    return values


def _put(columns: dict[str, Any], path: tuple[str, ...], values: Sequence[Any]) -> None:
    """Put extra values where they belong: into the objects of their path; nothing belongs to one that is null."""
    if len(path) == 1:
        columns[path[0]] = list(values)
        return
    for row, value in enumerate(values):
        holder: Any = columns[path[0]]
        name: Any = row
        for inner in path[1:]:
            if holder[name] is None:
                break
            if not isinstance(holder[name], dict):
                holder[name] = {}
            holder, name = holder[name], inner
        else:
            holder[name] = value
