"""Which DuckDB types a field of the API can have, and what the others are best cast to."""

from __future__ import annotations

from functools import cache
from typing import Any

import duckdb

from .names import quote

# Beside lists, structs and maps of them.
SERVED_TYPES = frozenset((
    "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "FLOAT",
    "DOUBLE", "DECIMAL", "VARCHAR", "ENUM", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS",
    "TIMESTAMP_NS", "INTERVAL",
    "TIMESTAMP WITH TIME ZONE", "UUID", "BLOB", "JSON",
))  # fmt: skip
# Within a list, struct or map DuckDB's client cuts them off.
_CUT_OFF = frozenset(("INTERVAL", "TIMESTAMP_NS"))
# No JSON number holds them; what is no number either is best a text.
_NARROWER = {"HUGEINT": "BIGINT", "UHUGEINT": "UBIGINT"}


def is_nested(kind: str) -> bool:
    """Whether a DuckDB type is a list, struct or map."""
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP"))


def is_key(kind: str) -> bool:
    """Whether a value of a DuckDB type that was given out, and comes back, finds the rows that have it."""
    return not is_nested(kind) and kind not in ("JSON", "INTERVAL", "TIMESTAMP_NS")


def is_served(kind: str) -> bool:
    """Whether a field of the API can have a DuckDB type."""
    return served_type(kind) == kind


def served_type(kind: str) -> str:
    """The type itself where a field can have it; else the one that keeps most of it: `HUGEINT[]` -> `BIGINT[]`."""
    return _nested(kind) if is_nested(kind) else _plain(kind)


def _plain(kind: str) -> str:
    return kind if kind.partition("(")[0].strip() in SERVED_TYPES else _NARROWER.get(kind, "VARCHAR")


@cache
def _nested(kind: str) -> str:
    parsed = duckdb.sqltype(kind)
    found = _part(parsed)
    return kind if found == str(parsed) else found


def _part(parsed: Any) -> str:
    """The same of a type that is in another one, or has others in it."""
    if parsed.id in ("list", "array"):
        size = parsed.children[1][1] if parsed.id == "array" else ""
        return f"{_part(parsed.children[0][1])}[{size}]"
    if parsed.id in ("struct", "map"):
        parts = {name: (str(part), _part(part)) for name, part in parsed.children}
        if all(part == served for part, served in parts.values()):
            return str(parsed)
        named = parsed.id == "struct"
        inner = ", ".join((f"{quote(name)} {part}" if named else part) for name, (_, part) in parts.items())
        return f"{parsed.id.upper()}({inner})"
    return "VARCHAR" if str(parsed) in _CUT_OFF else _plain(str(parsed))
