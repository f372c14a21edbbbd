"""What a question fixes: columns whose one value it names, by `where: {plan: {eq: "pro"}}` or the key of a look-up.

The value may be a variable's. Nothing but the value depends on it then, so that a question is read and planned with a
hole in its place, and the hole is filled for each request.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from snapshot.catalog import Column

# The types whose values are equal in Python where they are equal in DuckDB.
_EXACT = frozenset((
    "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "VARCHAR",
    "ENUM", "DATE", "TIMESTAMP", "UUID",
))  # fmt: skip
_KEYS = (bool, int, str, UUID)
# DuckDB's infinite dates are the outermost ones in Python.
_FIRST_YEAR, _LAST_YEAR = 1, 9999


@dataclass(frozen=True)
class Hole:
    """The value of a variable."""

    name: str


def filled(value: Any, values: Mapping[str, Any]) -> Any:
    """A value as DuckDB takes it; that of a hole is the variable's."""
    return plain(values[value.name]) if isinstance(value, Hole) else value


def filled_in(where: Mapping[str, Any] | None, values: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """A `where` as it is without holes."""
    return where and {
        field: {
            operator: values[operand.name] if isinstance(operand, Hole) else operand
            for operator, operand in condition.items()
        }
        if isinstance(condition, dict)
        else condition
        for field, condition in where.items()
    }


def plain(value: Any) -> Any:
    """The text that a GraphQL enum value stands for; any other value itself."""
    return value.value if isinstance(value, enum.Enum) else value


def can_fix(column: Column) -> bool:
    """Whether rows can be told by a column's value."""
    return column.type.partition("(")[0] in _EXACT


def is_key(value: Any) -> bool:
    """Whether rows can be told by this value, or by that of a hole."""
    value = plain(value)
    if isinstance(value, date):
        own = type(value) is date or (type(value) is datetime and value.tzinfo is None)
        return own and _FIRST_YEAR < value.year < _LAST_YEAR
    return type(value) in _KEYS or isinstance(value, Hole)
