"""What DuckDB gave -> JSON-ready values: as it is, or made so column by column."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from .errors import BAD_INPUT, refusal
from .plan import Plan
from .scalars import TooWide, kind_of

FLOATS = ("FLOAT", "DOUBLE")


@dataclass(frozen=True)
class Table:
    """Rows of JSON-ready values, each with one for each field, and maybe with what it is in order by behind them.

    `broken` where a column that is never null has a null, which only the executor of graphql-core can tell the client.
    """

    fields: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    broken: bool = False

    def part(self, start: int, stop: int) -> Table:
        """The rows from one place to another."""
        whole = start == 0 and stop >= len(self.rows)
        return self if whole else Table(self.fields, self.rows[start:stop], self.broken)

    def columns(self) -> dict[str, Sequence[Any]]:
        """The values of each field."""
        values = zip(*self.rows, strict=True) if self.rows else [()] * len(self.fields)
        return dict(zip(self.fields, values, strict=False))

    def dicts(self) -> list[dict[str, Any]]:
        """The rows by field."""
        return [dict(zip(self.fields, row, strict=False)) for row in self.rows]


def table(plan: Plan, found: Sequence[tuple[Any, ...]]) -> Table:
    """The rows that a plan's query found. Raises GraphQLError for a number that JSON does not hold."""
    fields = tuple(column.field for column in plan.columns)
    if not plan.extras and _is_json(plan, found):
        return Table(fields, found)
    places: dict[Any, str] = dict(zip(fields, (column.type for column in plan.columns), strict=True))
    places |= {extra.path: extra.type for extra in plan.extras}
    read = list(zip(*found, strict=True)) if found else [()] * len(places)
    flat = {
        place: _json_ready(place, kind, values) for (place, kind), values in zip(places.items(), read, strict=False)
    }
    columns = {field: flat[field] for field in fields}
    for extra in plan.extras:
        _put(columns, extra.path, flat[extra.path])
    broken = any(not column.nullable and None in columns[column.field] for column in plan.columns)
    rows = list(zip(*columns.values(), strict=True)) if columns else [()] * len(found)
    return Table(tuple(columns), rows, broken)


def _is_json(plan: Plan, found: Sequence[tuple[Any, ...]]) -> bool:
    """Whether rows are JSON as DuckDB gave them, without a null: the quickest look at all of them."""
    converted = any(kind_of(column.type).to_json and column.type not in FLOATS for column in plan.columns)
    if converted or not found:
        return False
    try:
        text = orjson.dumps(found, option=orjson.OPT_STRICT_INTEGER)
    except orjson.JSONEncodeError:
        return False
    return b"null" not in text  # nor a number that is none


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
