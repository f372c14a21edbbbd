"""DuckDB type <-> GraphQL scalar, in one table.

A scalar is fixed by the column's type when the file is built, never by a value. `coerce` has what clients send.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import cache
from typing import Any, NewType, cast
from uuid import UUID

import orjson

from snapshot.catalog import MAX_SAFE_INTEGER, is_nested, is_served, served_type

from .nested import converter

BigInt = NewType("BigInt", int)
DecimalText = NewType("DecimalText", str)
Date = NewType("Date", date)
DateTime = NewType("DateTime", datetime)
LocalDateTime = NewType("LocalDateTime", datetime)
Time = NewType("Time", time)
Uuid = NewType("Uuid", UUID)
Bytes = NewType("Bytes", bytes)
Json = NewType("Json", object)
Duration = NewType("Duration", str)


@dataclass(frozen=True)
class Kind:
    """How a DuckDB type shows: its annotation for Strawberry, its GraphQL name, its JSON, and how it is filtered.

    `as_text` where Python has no value that holds all of DuckDB's, so that its text is fetched.
    """

    annotation: Any
    name: str
    to_json: Callable[[Any], Any] | None = None
    filters: str = "ordered"
    as_text: bool = False


def _float(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _decimal(value: Decimal) -> str:
    return format(value, "f")


def _iso(value: date | datetime | time | str) -> str:
    if not isinstance(value, str):
        return value.isoformat()
    # DuckDB's text of what is beyond Python's dates: 1 BC is the year 0 of ISO 8601.
    text = value.replace(" (BC)", "")
    if text != value:
        year, rest = text.split("-", 1)
        text = f"{f'-{int(year) - 1:04}' if int(year) > 1 else '0000'}-{rest}"
    return text.replace(" ", "T", 1)


def _moment(value: datetime | str) -> str:
    """With an offset of hours and minutes: RFC 3339 has no seconds of it, as zones had before their standard times."""
    text = _iso(value)
    if isinstance(value, datetime) and text[-6] not in "+-":
        offset = cast("timedelta", value.utcoffset())
        return value.astimezone(timezone(timedelta(minutes=-(-offset // timedelta(minutes=1))))).isoformat()
    return f"{text}:00" if text[-3] in "+-" else text


_INTERVAL = re.compile(
    r"(?:(-?\d+) years?)? ?(?:(-?\d+) months?)? ?(?:(-?\d+) days?)? ?(?:(-?)(\d+):(\d\d):(\d\d(?:\.\d+)?))?"
)


def _duration(text: str) -> str:
    """ISO 8601 of DuckDB's text: `1 year -3 days 04:05:06.7` -> `P1Y-3DT4H5M6.7S`; each part has a sign of its own."""
    match = _INTERVAL.fullmatch(text)
    if match is None:
        raise ValueError(f"DuckDB gave the interval '{text}'")
    years, months, days, sign, *clock = match.groups()
    date_ = "".join(f"{int(n)}{unit}" for n, unit in ((years, "Y"), (months, "M"), (days, "D")) if n)
    parts = ((clock[0], "H"), (clock[1], "M"), (clock[2], "S")) if clock[0] else ()
    time_ = "".join(f"{sign}{_trimmed(n)}{unit}" for n, unit in parts if _trimmed(n) != "0")
    return f"P{date_}T{time_}" if time_ else f"P{date_}" if date_ else "PT0S"


def _trimmed(number: str) -> str:
    whole, _, fraction = number.partition(".")
    return str(int(whole)) + (f".{fraction.rstrip('0')}" if fraction.rstrip("0") else "")


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


# What DuckDB takes for JSON beyond what is: numbers that are none, and commas behind the last item. Texts come first,
# so that nothing within one is taken for either.
_TEXT_OR_ODD = re.compile(r'("(?:[^"\\]|\\.)*")|-?(?:nan|inf(?:inity)?)|,(?=\s*[\]}])', re.IGNORECASE)


def _json(text: str) -> orjson.Fragment:
    """As it was written, to the last digit, but for what is no JSON: what is no number is null, as a Float is."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        text = _TEXT_OR_ODD.sub(lambda found: found[1] or ("" if found[0] == "," else "null"), text)
    return orjson.Fragment(text)


_INT = Kind(int, "Int")
_BIGINT = Kind(BigInt, "BigInt")
_FLOAT = Kind(float, "Float", _float)

KINDS: dict[str, Kind] = {
    "BOOLEAN": Kind(bool, "Boolean", None, "equal"),
    "TINYINT": _INT,
    "SMALLINT": _INT,
    "INTEGER": _INT,
    "UTINYINT": _INT,
    "USMALLINT": _INT,
    "UINTEGER": _BIGINT,
    "BIGINT": _BIGINT,
    "UBIGINT": _BIGINT,
    "FLOAT": _FLOAT,
    "DOUBLE": _FLOAT,
    "DECIMAL": Kind(DecimalText, "Decimal", _decimal),
    "VARCHAR": Kind(str, "String", None, "text"),
    "ENUM": Kind(str, "String", None, "text"),
    "DATE": Kind(Date, "Date", _iso),
    "TIME": Kind(Time, "Time", _iso),
    "TIMESTAMP": Kind(LocalDateTime, "LocalDateTime", _iso),
    "TIMESTAMP_S": Kind(LocalDateTime, "LocalDateTime", _iso),
    "TIMESTAMP_MS": Kind(LocalDateTime, "LocalDateTime", _iso),
    "TIMESTAMP_NS": Kind(LocalDateTime, "LocalDateTime", _iso, as_text=True),
    "INTERVAL": Kind(Duration, "Duration", _duration, as_text=True),
    "TIMESTAMP WITH TIME ZONE": Kind(DateTime, "DateTime", _moment),
    "UUID": Kind(Uuid, "UUID", str, "equal"),
    "BLOB": Kind(Bytes, "Bytes", _base64, "null"),
    "JSON": Kind(Json, "JSON", _json, "null"),
}


@cache
def kind_of(duckdb_type: str) -> Kind:
    """The kind of a DuckDB type. Raises ValueError for a type that has none yet."""
    if not is_served(duckdb_type):
        raise ValueError(f"the type {duckdb_type} has no GraphQL scalar; cast it to {served_type(duckdb_type)}")
    if is_nested(duckdb_type):
        return Kind(Json, "JSON", converter(duckdb_type, _scalar), "null")
    return KINDS[duckdb_type.partition("(")[0].strip()]


class TooWide(ValueError):
    """A whole number that JSON does not hold for every client."""


def _scalar(duckdb_type: str) -> Callable[[Any], Any] | None:
    return _safe if duckdb_type in ("BIGINT", "UBIGINT") else kind_of(duckdb_type).to_json


def _safe(value: int) -> int:
    if abs(value) > MAX_SAFE_INTEGER:
        raise TooWide(value)
    return value
