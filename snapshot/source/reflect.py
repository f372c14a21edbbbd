"""What a database's tables look like: SQLAlchemy's reflection, in DuckDB's types."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import sqlalchemy
from sqlalchemy import types
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.engine.reflection import ObjectKind

from ..settings import TableSettings
from .shape import ColumnShape, TableShape

# The digits of DuckDB's widest decimal.
MAX_PRECISION = 38

# SQLAlchemy's type -> DuckDB's, the first that fits.
_TYPES: tuple[tuple[type[types.TypeEngine[Any]], str], ...] = (
    (types.Boolean, "BOOLEAN"),
    (types.SmallInteger, "SMALLINT"),
    (types.BigInteger, "BIGINT"),
    (types.Integer, "INTEGER"),
    (types.REAL, "FLOAT"),
    (types.Float, "DOUBLE"),
    (types.DateTime, "TIMESTAMP"),
    (types.Date, "DATE"),
    (types.Time, "TIME"),
    (types.JSON, "JSON"),
    (types.Uuid, "UUID"),
    (types.String, "VARCHAR"),
    (types.LargeBinary, "BLOB"),
    (types.VARBINARY, "BLOB"),
    (types.BINARY, "BLOB"),
)

KindOf = Callable[[types.TypeEngine[Any]], str]


def reflect(
    engine: sqlalchemy.Engine, schema: str, settings: Mapping[str, TableSettings], kind_of: KindOf
) -> dict[str, TableShape]:
    """Every table and view of a schema (empty for the default one), with the types that the project declares.

    Raises SQLAlchemyError.
    """
    with warnings.catch_warnings():
        # A type that SQLAlchemy does not know is told where a metric uses it.
        warnings.simplefilter("ignore", sqlalchemy.exc.SAWarning)
        inspector = sqlalchemy.inspect(engine)
        columns = _columns(inspector, schema or None)
        keys = inspector.get_multi_pk_constraint(schema=schema or None, kind=ObjectKind.TABLE)
    shapes = {}
    for place, found in columns.items():
        declared = settings.get(place[1], TableSettings()).types
        key = tuple(keys[place]["constrained_columns"]) if keys.get(place) else ()
        shapes[place[1]] = TableShape({c["name"]: _column(c, declared, kind_of) for c in found}, key)
    return shapes


def _columns(inspector: sqlalchemy.Inspector, schema: str | None) -> Mapping[Any, list[ReflectedColumn]]:
    """All at once; where that fails for one, as for a view of a table that is gone, each other one by itself."""
    try:
        return inspector.get_multi_columns(schema=schema, kind=ObjectKind.ANY)
    except sqlalchemy.exc.DBAPIError:
        found = {}
        for name in (*inspector.get_table_names(schema), *inspector.get_view_names(schema)):
            with suppress(sqlalchemy.exc.DBAPIError):
                found[schema, name] = inspector.get_columns(name, schema)
        return found


def common_kind(declared: types.TypeEngine[Any]) -> str:
    """The DuckDB type of a declared one; `?` and the declaration where a value could not be kept exactly."""
    if isinstance(declared, types.Numeric) and not isinstance(declared, types.Float):
        precision, scale = declared.precision, declared.scale
        exact = precision is not None and scale is not None and 0 <= scale <= precision <= MAX_PRECISION
        return f"DECIMAL({precision},{scale})" if exact else unknown(declared)
    return next((kind for base, kind in _TYPES if isinstance(declared, base)), unknown(declared))


def unknown(declared: types.TypeEngine[Any]) -> str:
    """How a type is written that cannot be kept."""
    return "? unknown to SQLAlchemy" if isinstance(declared, types.NullType) else f"? {declared}"


def _column(found: ReflectedColumn, declared: Mapping[str, str], kind_of: KindOf) -> ColumnShape:
    kind = declared.get(found["name"]) or kind_of(found["type"])
    return ColumnShape(kind, found["nullable"], repr(found["type"]))
