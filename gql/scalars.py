"""DuckDB type <-> GraphQL scalar, in one table.

A scalar is fixed by the column's type when the file is built, never by a value. Answers reach the executor as
JSON-ready values already (`to_json`), so the scalars' own serialisation only serves the few fields that are Python
objects.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NewType
from uuid import UUID

import orjson
import strawberry
from graphql import FloatValueNode, IntValueNode, StringValueNode, ValueNode
from strawberry.types.scalar import ScalarDefinition

from snapshot.catalog import MAX_SAFE_INTEGER, is_nested, is_served

from .nested import converter

# The digits of DuckDB's widest decimal.
MAX_DIGITS = 38
_DIGITS = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")

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
    return text.replace(" ", "T", 1) + (":00" if text[-3:-2] == "+" else "")


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
    "INTERVAL": Kind(Duration, "Duration", _duration, "null", as_text=True),
    "TIMESTAMP WITH TIME ZONE": Kind(DateTime, "DateTime", _iso),
    "UUID": Kind(Uuid, "UUID", str, "equal"),
    "BLOB": Kind(Bytes, "Bytes", _base64, "null"),
    "JSON": Kind(Json, "JSON", orjson.Fragment, "null"),  # as it was written, to the last digit
}


def kind_of(duckdb_type: str) -> Kind:
    """The kind of a DuckDB type. Raises ValueError for a type that has none yet."""
    if not is_served(duckdb_type):
        raise ValueError(f"the type {duckdb_type} has no GraphQL scalar; cast it to varchar")
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


def _number(node: ValueNode) -> str | None:
    """The digits of a number or text as they are written, for a float would lose some."""
    return node.value if isinstance(node, IntValueNode | FloatValueNode | StringValueNode) else None


def _parse_big_int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > MAX_SAFE_INTEGER:
        raise ValueError("BigInt is a whole number within +-(2^53 - 1)")
    return value


def _parse_decimal(value: Any) -> Decimal:
    text = value if isinstance(value, str) else repr(value)
    if isinstance(value, bool) or not _DIGITS.fullmatch(text):
        raise ValueError('Decimal is a text of digits like "12.30"')
    number = Decimal(text)
    if len(number.as_tuple().digits) > MAX_DIGITS or abs(number.adjusted()) > MAX_DIGITS:
        raise ValueError(f'Decimal is a text of at most {MAX_DIGITS} digits like "12.30"')
    return Decimal(format(number, "f"))


def _parse_decimal_literal(node: ValueNode, _: object = None) -> Decimal:
    return _parse_decimal(_number(node))


def _parser(what: str, parse: Callable[[str], Any]) -> Callable[[Any], Any]:
    def parser(value: Any) -> Any:
        try:
            return parse(value)
        except (ValueError, TypeError, OverflowError) as error:
            raise ValueError(what) from error

    return parser


def _aware(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment


def _naive(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        raise ValueError(text)
    return moment


def _same(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime | time) else value


SCALARS: dict[object, ScalarDefinition] = {
    BigInt: strawberry.scalar(
        name="BigInt", description="A whole number up to 2^53 - 1, as a JSON number.", serialize=_same,
        parse_value=_parse_big_int,
    ),
    DecimalText: strawberry.scalar(
        name="Decimal", description='An exact decimal number, as a text: "12.30".', serialize=_same,
        parse_value=_parse_decimal, parse_literal=_parse_decimal_literal,
    ),
    Date: strawberry.scalar(
        name="Date", description='A calendar day: "2026-11-24".', serialize=_same,
        parse_value=_parser('Date is a day like "2026-11-24"', date.fromisoformat),
    ),
    DateTime: strawberry.scalar(
        name="DateTime", description='A moment with its offset: "2026-11-24T15:00:00+00:00".', serialize=_same,
        parse_value=_parser('DateTime is a moment with an offset like "2026-11-24T15:00:00Z"', _aware),
    ),
    LocalDateTime: strawberry.scalar(
        name="LocalDateTime", description='A date and time without a zone: "2026-11-24T15:00:00".', serialize=_same,
        parse_value=_parser('LocalDateTime has no offset, like "2026-11-24T15:00:00"', _naive),
    ),
    Time: strawberry.scalar(
        name="Time", description='A time of day: "15:00:00".', serialize=_same,
        parse_value=_parser('Time is a time of day like "15:00:00"', time.fromisoformat),
    ),
    Uuid: strawberry.scalar(
        name="UUID", description="A UUID.", serialize=_same, parse_value=_parser("UUID is 32 hexadecimal digits", UUID)
    ),
    Bytes: strawberry.scalar(
        name="Bytes", description="Bytes, in base64.", serialize=_same,
        parse_value=_parser("Bytes is base64", base64.b64decode),
    ),
    Duration: strawberry.scalar(
        name="Duration", description='A length of time in ISO 8601: "P1Y2M3DT4H5M6.7S".', serialize=_same,
        parse_value=_same,
    ),
    Json: strawberry.scalar(name="JSON", description="Any JSON value.", serialize=_same, parse_value=_same),
}  # fmt: skip
