"""Which of DuckDB's types the API can serve."""

from __future__ import annotations

# JavaScript's Number.MAX_SAFE_INTEGER: what a JSON number carries exactly to every client.
MAX_SAFE_INTEGER = 2**53 - 1
# The types that a field of the API can have, beside lists, structs and maps.
SERVED_TYPES = frozenset((
    "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "FLOAT",
    "DOUBLE", "DECIMAL", "VARCHAR", "ENUM", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS",
    "TIMESTAMP_NS", "INTERVAL",
    "TIMESTAMP WITH TIME ZONE", "UUID", "BLOB", "JSON",
))  # fmt: skip


def is_nested(kind: str) -> bool:
    """Whether a DuckDB type is a list, struct or map."""
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP"))


def is_key(kind: str) -> bool:
    """Whether a value of a DuckDB type that was given out, and comes back, finds the rows that have it."""
    return not is_nested(kind) and kind not in ("JSON", "INTERVAL", "TIMESTAMP_NS")


def is_served(kind: str) -> bool:
    """Whether a field of the API can have a DuckDB type. No JSON number holds a HUGEINT.

    Within a list, struct or map DuckDB's client cuts intervals and nanoseconds off.
    """
    if is_nested(kind):
        return not any(word in kind for word in ("HUGEINT", "INTERVAL", "TIMESTAMP_NS"))
    return kind.partition("(")[0].strip() in SERVED_TYPES
