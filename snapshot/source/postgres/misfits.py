"""Times that PostgreSQL has and a snapshot has not, in its own words: they came as others."""

from __future__ import annotations

# What is read where PostgreSQL has infinity and -infinity, its greatest and its least number: counted from 2000 there
# and from 1970 in Arrow, they go around.
_MOMENTS = "290279-12-22 (BC) 19:59:05.224191", "290279-12-22 (BC) 19:59:05.224192"
_INFINITE = {
    "DATE": ("5877612-06-21 (BC)", "5877612-06-22 (BC)"),
    "TIMESTAMP": _MOMENTS,
    "TIMESTAMPTZ": tuple(f"{moment}+00" for moment in _MOMENTS),
}
# The types whose values are looked at when they have come, which costs less than to have the server do it.
TIMES = frozenset(_INFINITE)


def written(column: str, kind: str) -> str:
    """DuckDB's text of a time, of one with a zone in UTC."""
    infinity, minus = (f"{kind} '{moment}'" for moment in _INFINITE[kind])
    text = f"{column}::varchar"
    if kind == "TIMESTAMPTZ":
        text = f"case when isfinite({column}) then ({column} at time zone 'UTC')::varchar || '+00' else {text} end"
    return f"case {column} when {infinity} then 'infinity' when {minus} then '-infinity' else {text} end"
