"""SQLite's values on the wire, and its declared types as DuckDB's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import types

from ...catalog import quote
from ..reflect import common_kind
from ..shape import TableShape
from ..strict import base_of

INTEGERS = (
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
)
# The storage classes that a DuckDB type takes, and a value by which the wire's type is fixed before the first row.
_STORAGE: dict[str, tuple[tuple[str, ...], str]] = {
    **dict.fromkeys(INTEGERS, (("integer",), "0")),
    "BOOLEAN": (("integer",), "0"),
    "FLOAT": (("real", "integer"), "0.5"),
    "DOUBLE": (("real", "integer"), "0.5"),
    "DECIMAL": (("integer", "real", "text"), "''"),
    "BLOB": (("blob",), "x''"),
    "VARCHAR": (("text",), "x''"),
}
_TEXT: tuple[tuple[str, ...], str] = (("text",), "''")


def wire(column: str, kind: str) -> str:
    """How a value travels: integers and reals as they are, text as bytes (it may be invalid), all else as text."""
    base = base_of(kind)
    if base in ("BIGINT", "BOOLEAN", "DOUBLE", "BLOB"):
        return quote(column)
    if base == "DECIMAL":  # all digits of a real, where SQLite's own cast gives fifteen
        return (
            f"iif(typeof({quote(column)}) = 'real', printf('%!.17g', {quote(column)}), cast({quote(column)} as text))"
        )
    return f"cast({quote(column)} as {'blob' if base == 'VARCHAR' else 'text'})"


def storage(kind: str) -> tuple[tuple[str, ...], str]:
    """The storage classes that a DuckDB type takes, and a value by which the wire's type is fixed."""
    return _STORAGE.get(base_of(kind), _TEXT)


def duckdb_type(declared: types.TypeEngine[Any]) -> str:
    """SQLite's integers have 64 bits and its reals are doubles, whatever they are called."""
    if isinstance(declared, types.Integer):
        return "BIGINT"
    return "DOUBLE" if isinstance(declared, types.Float) else common_kind(declared)


def with_row_id(shape: TableShape) -> TableShape:
    """Only the row id's own column is never null without saying so: other primary keys of SQLite may be."""
    columns = dict(shape.columns)
    if len(shape.key) == 1 and columns[shape.key[0]].type == "BIGINT":
        columns[shape.key[0]] = replace(columns[shape.key[0]], nullable=False)
    return replace(shape, columns=columns)
