"""Values that PostgreSQL has and a snapshot has not: eras and years beyond 9999, infinite times, and NaN."""

from __future__ import annotations

from ...catalog import literal, quote
from ..batches import MISFIT
from ..shape import TableShape

# The first and the last moment of the years that there are; and what is read where PostgreSQL has infinity and
# -infinity, its greatest and its least number: counted from 2000 there and from 1970 in Arrow, they go around.
_ENDS = {
    "DATE": ("0001-01-01", "9999-12-31", "5877612-06-21 (BC)", "5877612-06-22 (BC)"),
    "TIMESTAMP": (
        "0001-01-01",
        "9999-12-31 23:59:59.999999",
        "290279-12-22 (BC) 19:59:05.224191",
        "290279-12-22 (BC) 19:59:05.224192",
    ),
    "TIMESTAMPTZ": (
        "0001-01-01 00:00:00+00",
        "9999-12-31 23:59:59.999999+00",
        "290279-12-22 (BC) 19:59:05.224191+00",
        "290279-12-22 (BC) 19:59:05.224192+00",
    ),
}
# The types whose values are looked at when they have come, which costs less than to have the server do it.
TIMES = frozenset(_ENDS)


def within(column: str, kind: str) -> str:
    """DuckDB's condition that a time, quoted, is of the years that there are."""
    first, last, *_ = _moments(kind)
    return f"{column} between {first} and {last}"


def written(column: str, kind: str) -> str:
    """DuckDB's text of a time that is not."""
    *_, infinity, minus = _moments(kind)
    return f"case {column} when {infinity} then 'infinity' when {minus} then '-infinity' else {column}::varchar end"


def _moments(kind: str) -> list[str]:
    return [f"{kind} {literal(moment)}" for moment in _ENDS[kind]]


def refusal(place: str, shape: TableShape, name: str) -> str:
    """A text that tells of a value and its key. It is of no other type: made one, it is an error of the server's."""
    key = " || ', ' || ".join(f"coalesce({quote(key)}::text, 'null')" for key in shape.key) or literal("unknown")
    what = literal(f"{MISFIT}{place}.{name}: the value '")
    where = literal(f"' at {', '.join(shape.key) or 'row'} = ")
    fits = literal(f" does not fit {shape.columns[name].type}")
    return f"({what} || {quote(name)}::text || {where} || {key} || {fits})"
