"""What clients send -> values, scalar by scalar; no digit is lost, and no form is taken but the one that is said.

Answers reach the executor as JSON-ready values already, so the scalars' own serialisation only serves the few fields
that are Python objects.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry
from graphql import FloatValueNode, IntValueNode, StringValueNode, ValueNode
from strawberry.types.scalar import ScalarDefinition

from snapshot.catalog import MAX_SAFE_INTEGER

from .exact import Nanos
from .scalars import BigInt, Bytes, Date, DateTime, DecimalText, Duration, Json, LocalDateTime, Time, Uuid

# The digits of DuckDB's widest decimal.
MAX_DIGITS = 38
_DIGITS = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
# Hours, minutes and perhaps seconds, then the digits of a fraction of them.
_CLOCK = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.(?P<fraction>[0-9]+))?)?"
# The parts of a length of time, each with a sign of its own.
_LENGTH = re.compile(
    r"P(?=.)(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:(-?\d+)W)?(?:(-?\d+)D)?"
    r"(?:T(?=.)(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?\d+(?:\.\d{1,6}0*)?)S)?)?",
    re.ASCII,
)
_OFFSET = r"(?:Z|[+-][0-9]{2}:[0-9]{2})"
_YEARS = "of the years 1 to 9999"


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
            if isinstance(value, str):
                return parse(value)
        except ValueError as error:
            raise ValueError(what) from error
        raise ValueError(what)

    return parser


def _digits(form: str, text: str, most: int) -> str:
    """The digits of the text's fraction. Raises ValueError where it has another form, or a digit beyond so many."""
    match = re.fullmatch(form, text)
    digits = (match["fraction"] or "").rstrip("0") if match else None
    if digits is None or len(digits) > most:
        raise ValueError(text)
    return digits


def _day(text: str) -> date:
    if not re.fullmatch(_DAY, text):
        raise ValueError(text)
    return date.fromisoformat(text)


def _aware(text: str) -> datetime:
    _digits(f"{_DAY}[T ]{_CLOCK}{_OFFSET}", text, 6)
    return datetime.fromisoformat(text)


def _naive(text: str) -> datetime:
    digits = _digits(f"{_DAY}(?:[T ]{_CLOCK})?", text, 9)
    moment = datetime.fromisoformat(text)
    beyond = int(digits.ljust(9, "0")[6:])
    return Nanos.at(moment, beyond) if beyond else moment


def _clock(text: str) -> str:
    """As DuckDB takes it, for Python has no value for the end of a day."""
    if not _digits(_CLOCK, text, 6) and re.fullmatch(r"24:00(:00(\.0*)?)?", text):
        return "24:00:00"
    return time.fromisoformat(text).isoformat()


def _length(text: str) -> str:
    """As DuckDB takes it: so many months, days and microseconds. Raises ValueError for more than it can hold."""
    match = _LENGTH.fullmatch(text)
    if match is None:
        raise ValueError(text)
    years, months, weeks, days, hours, minutes = (int(part or 0) for part in match.groups()[:-1])
    microseconds = (hours * 60 + minutes) * 60_000_000 + int(Decimal(match[7] or 0).scaleb(6))
    counts = {"months": years * 12 + months, "days": weeks * 7 + days, "microseconds": microseconds}
    if any(abs(number) > (2**63 - 1 if unit == "microseconds" else 2**31 - 1) for unit, number in counts.items()):
        raise ValueError(text)
    return " ".join(f"{number} {unit}" for unit, number in counts.items())


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


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
        parse_value=_parser(f'Date is a day {_YEARS} like "2026-11-24"', _day),
    ),
    DateTime: strawberry.scalar(
        name="DateTime", description='A moment with its offset: "2026-11-24T15:00:00+00:00".', serialize=_same,
        parse_value=_parser(f'DateTime is a moment {_YEARS} with an offset like "2026-11-24T15:00:00Z"', _aware),
    ),
    LocalDateTime: strawberry.scalar(
        name="LocalDateTime", description='A date and time without a zone: "2026-11-24T15:00:00".', serialize=_same,
        parse_value=_parser(f'LocalDateTime is a time {_YEARS} without an offset like "2026-11-24T15:00:00"', _naive),
    ),
    Time: strawberry.scalar(
        name="Time", description='A time of day: "15:00:00".', serialize=_same,
        parse_value=_parser('Time is a time of day without an offset like "15:00:00"', _clock),
    ),
    Uuid: strawberry.scalar(
        name="UUID", description="A UUID.", serialize=_same, parse_value=_parser("UUID is 32 hexadecimal digits", UUID)
    ),
    Bytes: strawberry.scalar(
        name="Bytes", description="Bytes, in base64.", serialize=_same,
        parse_value=_parser("Bytes is base64", _bytes),
    ),
    Duration: strawberry.scalar(
        name="Duration", description='A length of time in ISO 8601: "P1Y2M3DT4H5M6.7S".', serialize=_same,
        parse_value=_parser('Duration is a length of time like "P1Y2M3DT4H5M6.7S", to the microsecond', _length),
    ),
    Json: strawberry.scalar(name="JSON", description="Any JSON value.", serialize=_same, parse_value=_same),
}  # fmt: skip
