"""`Range` of HTTP: which bytes of a file are asked for (RFC 9110, section 14)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

# With more ranges than these, or with ranges that overlap, all of the file is sent: nobody needs them, and they would
# make an answer far larger than the file.
MAX_RANGES = 20
_RANGE = re.compile(r"(\d{0,18})-(\d{0,18})")


class Span(NamedTuple):
    """The bytes from `start` on, before `end`."""

    start: int
    end: int

    def within(self, size: int) -> str:
        """As `Content-Range` has it."""
        return f"bytes {self.start}-{self.end - 1}/{size}"


def ranges_of(header: str, size: int) -> list[Span] | None:
    """What is asked of a file of so many bytes; none of it where no range lies in it.

    None is all of it: for no header, and for one that is not of the form.
    """
    unit, _, asked = header.partition("=")
    parts = [part.strip() for part in asked.split(",") if part.strip()]
    if unit.strip().lower() != "bytes" or not 1 <= len(parts) <= MAX_RANGES:
        return None
    matches = [_RANGE.fullmatch(part) for part in parts]
    ends = [(match[1], match[2]) for match in matches if match is not None]
    if len(ends) < len(parts) or any(not _is_range(*end) for end in ends):
        return None
    spans = list(_within(ends, size))
    ordered = sorted(spans)
    overlap = any(after.start < before.end for before, after in pairwise(ordered))
    return None if overlap else spans


def _is_range(first: str, last: str) -> bool:
    return int(first) <= int(last) if first and last else bool(first or last)


def _within(ends: list[tuple[str, str]], size: int) -> Iterator[Span]:
    """Those that lie in the file, cut off at its end; without a first byte, the last so many bytes are meant."""
    for first, last in ends:
        start = int(first) if first else max(0, size - int(last))
        end = min(size, int(last) + 1) if first and last else size
        if start < end:
            yield Span(start, end)
