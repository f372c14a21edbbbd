"""Values that PostgreSQL has and a snapshot has not: eras and years beyond 9999, infinite times, and NaN."""

from __future__ import annotations

from ...catalog import literal, quote
from ..batches import MISFIT
from ..shape import TableShape

# The first and the last moment of the years that there are.
_ENDS = {
    "DATE": ("0001-01-01", "9999-12-31"),
    "TIMESTAMP": ("0001-01-01", "9999-12-31 23:59:59.999999"),
    "TIMESTAMPTZ": ("0001-01-01 00:00:00+00", "9999-12-31 23:59:59.999999+00"),
}
# The types whose values are looked at when they have come, where that is cheap: what PostgreSQL calls infinite, and
# what Arrow's types do not hold, has then become a moment before all years.
TIMES = frozenset(_ENDS)


def within(column: str, kind: str) -> str:
    """The condition that a time, quoted, is of the years that there are: in DuckDB's SQL, and in PostgreSQL's."""
    least, most = _ENDS[kind]
    return f"{column} between {kind} {literal(least)} and {kind} {literal(most)}"


def refusal(place: str, shape: TableShape, name: str) -> str:
    """A text that tells of a value and its key. It is of no other type: made one, it is an error of the server's."""
    key = " || ', ' || ".join(f"coalesce({quote(key)}::text, 'null')" for key in shape.key) or literal("unknown")
    what = literal(f"{MISFIT}{place}.{name}: the value '")
    where = literal(f"' at {', '.join(shape.key) or 'row'} = ")
    fits = literal(f" does not fit {shape.columns[name].type}")
    return f"({what} || {quote(name)}::text || {where} || {key} || {fits})"


def misfit_query(place: str, shape: TableShape, times: list[str], rows: str) -> str:
    """What is said of the first time that does not fit, if there is one, among `rows` (FROM and WHERE)."""
    wrong = {name: f"not ({within(quote(name), shape.columns[name].type)})" for name in times}
    said = " ".join(f"when {check} then {refusal(place, shape, name)}" for name, check in wrong.items())
    some = " or ".join(("false", *wrong.values()))
    return f"select case when false then null {said} end as misfit from {rows} and ({some}) limit 1"
