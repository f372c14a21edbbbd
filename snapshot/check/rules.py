"""What every row of a metric's table has to fulfil: what the schema promises, and what the project says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb

from ..catalog import MAX_SAFE_INTEGER, Column, Metric, is_nested, literal, quote
from ..definition import Definition

# In JSON: a text, and a whole number that may go beyond 2^53.
_TEXTS = r'"(\\.|[^"\\])*"'
_LARGE = r"(^|[^\d.eE+-])-?(\d{17,}|9\d{15})($|[^\d.eE])"


@dataclass(frozen=True)
class RowRule:
    """Its name, the condition on the rows that break it, and what is then said."""

    name: str
    failing: str
    words: str


def rules_of(definition: Definition, metric: Metric) -> Iterator[RowRule]:
    """Every rule of a metric."""
    for column in metric.stored:
        yield from _of_column(column)
    if metric.keys:
        keys, table = ", ".join(quote(key) for key in metric.keys), metric.grains[0].table
        names = ", ".join(metric.keys)
        null = " or ".join(f"{quote(key)} is null" for key in metric.keys)
        yield RowRule(f"{keys} is never null", null, f"the key {names} is null")
        twice = f"({keys}) in (select ({keys}) from {table} group by {keys} having count(*) > 1)"
        yield RowRule(f"{keys} is unique", twice, f"the key {names} is not unique")
    for rule in definition.tests:
        if not rule.of_counts:
            yield RowRule(rule.sql, f"not ({rule.sql})", f"the test '{rule.sql}' of line {rule.line} does not hold")


def _of_column(column: Column) -> Iterator[RowRule]:
    name = quote(column.name)
    if not column.nullable:
        null = f"{name} is null" + (f" or not isfinite({name})" if column.type in ("FLOAT", "DOUBLE") else "")
        yield RowRule(f"{column.name} is not null", null, f"'{column.name}' is null, and must not be")
    if column.type in ("BIGINT", "UBIGINT"):
        beyond = f"{name} not between {-MAX_SAFE_INTEGER} and {MAX_SAFE_INTEGER}"
        advice = f"'{column.name}' goes beyond 2^53, which JSON numbers do not hold; cast it to decimal or varchar"
        yield RowRule(f"{column.name} fits a JSON number", beyond, advice)
    if infinite := _infinite(column.type, name):
        advice = f"'{column.name}' is infinite, which GraphQL cannot show; write case when isfinite(x) then x end"
        yield RowRule(f"{column.name} is finite", infinite, advice)
    if is_nested(column.type) and "BIGINT" in column.type:
        large = f"regexp_matches(regexp_replace(to_json({name})::varchar, '{_TEXTS}', '', 'g'), '{_LARGE}')"
        advice = f"'{column.name}' holds numbers beyond 9 * 10^15, which JSON numbers may not hold; cast them"
        yield RowRule(f"{column.name} fits JSON numbers", large, advice)


def _infinite(duckdb_type: str, sql: str) -> str:
    """The condition that a date or timestamp is infinite, at any depth; empty where there is none."""
    if duckdb_type.startswith(("DATE", "TIMESTAMP")) and not is_nested(duckdb_type):
        return f"isinf({sql})"
    if not is_nested(duckdb_type) or ("DATE" not in duckdb_type and "TIMESTAMP" not in duckdb_type):
        return ""
    parsed: Any = duckdb.sqltype(duckdb_type)
    if parsed.id == "struct":
        parts = [_infinite(str(kind), f"struct_extract({sql}, {literal(child)})") for child, kind in parsed.children]
    elif parsed.id == "map":
        parts = [_infinite(f"{kind}[]", f"map_{name}s({sql})") for name, kind in parsed.children]
    else:
        item = _infinite(str(parsed.children[0][1]), f"x{len(sql)}")
        parts = [f"list_bool_or([{item} for x{len(sql)} in {sql}])"] if item else []
    return " or ".join(filter(None, parts))
