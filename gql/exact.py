"""Values that keep every digit they were sent with, where Python's own would drop some."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Self


class Digits(float):
    """A number of JSON with a point or an exponent: a float that still knows how it was written."""

    __slots__ = ("_text",)
    _text: str

    def __new__(cls, text: str) -> Self:
        """As `float` reads it."""
        made = super().__new__(cls, text)
        made._text = text
        return made

    def __repr__(self) -> str:
        """What was written, as a Decimal reads it."""
        return self._text


# Values within values; whoever goes through them calls himself twice for each, and Python allows a thousand.
MAX_DEPTH = 350


# Longer whole numbers are none of any type; Python would not read them.
MAX_WHOLE = 100


def json_of(text: bytes | str) -> Any:
    """The value of a JSON text in UTF-8, of numbers of any size. Raises ValueError for what is none, or too deep."""
    try:
        text = text if isinstance(text, str) else text.decode()
        value = _DECODER.decode(text)
    except RecursionError as error:
        raise ValueError("too deep") from error
    if text.count("{") + text.count("[") > MAX_DEPTH and _is_deep(value):
        raise ValueError("too deep")
    if "\\u" in text:  # half of a pair, which is no character
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _whole(text: str) -> int | Digits:
    return int(text) if len(text) <= MAX_WHOLE else Digits(text)


def _refuse(word: str) -> None:
    """`NaN` and `Infinity`, which Python would take for numbers."""
    raise ValueError(word)


_DECODER = json.JSONDecoder(parse_float=Digits, parse_int=_whole, parse_constant=_refuse)


def _is_deep(value: Any) -> bool:
    level: list[Iterable[Any]] = [[value]]
    for _ in range(MAX_DEPTH + 1):
        found = [inner for outer in level for inner in outer if isinstance(inner, dict | list)]
        if not found:
            return False
        level = [inner.values() if isinstance(inner, dict) else inner for inner in found]
    return True


# Of a microsecond.
NANOS = 1_000


class Nanos(datetime):
    """A time without a zone whose microseconds are followed by up to 999 nanoseconds; moved in time, it keeps them."""

    beyond = 0

    @classmethod
    def at(cls, moment: datetime, beyond: int) -> Nanos:
        """So many nanoseconds beyond a moment."""
        made = cls.combine(moment.date(), moment.time())
        made.beyond = beyond
        return made

    def __add__(self, other: timedelta) -> Nanos:
        """So much later."""
        return Nanos.at(super().__add__(other), self.beyond)

    def __sub__(self, other: Any) -> Any:
        """So much earlier, or the time between, which is in microseconds."""
        found = super().__sub__(other)
        return Nanos.at(found, self.beyond) if isinstance(found, datetime) else found

    def replace(self, **parts: Any) -> Nanos:  # type: ignore[override]  # parts are always named
        """With another year, month or day."""
        return Nanos.at(super().replace(**parts), self.beyond)

    def __repr__(self) -> str:
        """All of it, for two questions that differ in it are two."""
        return f"{super().__repr__()}+{self.beyond}ns"
