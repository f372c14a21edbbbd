"""DuckDB's types, as the project names them for columns."""

from __future__ import annotations

import duckdb

# Those of which it is known when a value is exactly one of them; so it is of their lists.
EXACT = frozenset((
    "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
    "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "VARCHAR", "BLOB", "BIT", "DATE", "TIME", "TIMESTAMP", "TIMESTAMPTZ",
    "INTERVAL", "UUID", "JSON",
))  # fmt: skip


def canonical(kind: str) -> str:
    """A type by the name that stands for all of its names: INT8 is BIGINT. Raises ValueError for one not of EXACT.

    What is no type stays as it is: who knows the column says so.
    """
    try:
        found = str(duckdb.sqltype(kind)).replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")
    except duckdb.Error:
        return kind
    if found.removesuffix("[]").partition("(")[0] not in EXACT:
        raise ValueError(f"no value can be told to be exactly of the type {kind}")
    return found
