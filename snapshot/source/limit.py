"""How long a source may be read."""

from __future__ import annotations

import time

from ..errors import SourceUnavailable


def seconds_left(source: str, deadline: float) -> float:
    """What is left until `deadline`, a moment of time.monotonic(). Raises SourceUnavailable where nothing is."""
    left = deadline - time.monotonic()
    if left <= 0:
        what = f"source '{source}' was read for longer than its read_limit"
        raise SourceUnavailable(what, "read less of it, or raise read_limit in pacelayer.toml")
    return left


def advice(reason: str) -> str:
    """What can be done where a database's own words are about time."""
    words = reason.lower()
    if "lock" in words and "timeout" in words:
        return "somebody changes a table that is read; it is tried again"
    if "statement timeout" in words or "max_statement_time" in words or "execution time exceeded" in words:
        return "read less of it, or raise read_limit in pacelayer.toml"
    return ""
