"""How long an answer may be used without asking again: until the next refresh."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta

from snapshot.catalog import SnapshotInfo
from snapshot.reader import Reader

from .schema import Api

# What the refresher says is looked at again after so long.
LOOK_SECONDS = 1.0
# While a refresh is due, or overdue, caches still answer for so long: else all would be asked here, at a bad time.
LEAST_SECONDS = 1


class Freshness:
    """`Cache-Control` for answers of the current generation. Lives on the event loop."""

    def __init__(self, reader: Reader[Api]) -> None:
        self._reader = reader
        self._line, self._looked, self._generation = b"", -math.inf, ""

    def cache_control(self, info: SnapshotInfo) -> bytes:
        """Its value: caches may give the answer out until the next refresh is due, and for a pace while they ask."""
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS or info.id != self._generation:
            left = max(LEAST_SECONDS, math.floor((self._due(info) - datetime.now(UTC)).total_seconds()))
            self._line = f"public, max-age={left}, stale-while-revalidate={info.pace}".encode()
            self._looked, self._generation = now, info.id
        return self._line

    def _due(self, info: SnapshotInfo) -> datetime:
        """When the next refresh is: as the refresher says, or where that is past, a pace after the last one."""
        status = self._reader.status()
        _, stale_after = status.renewed(info.number, info.as_of, info.stale_after)
        expected = stale_after - timedelta(seconds=info.pace)
        return status.next_run if status.next_run and status.next_run > datetime.now(UTC) else expected
