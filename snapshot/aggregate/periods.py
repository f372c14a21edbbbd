"""The periods of a metric's time dimension that changed rows touch, for metrics whose SELECT lets them be told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import duckdb

from ..catalog import Pending
from ..connect import PREVIOUS, STAGED
from ..definition import Definition
from ..definition.traces import CHANGED, Trace
from ..export import Change
from ..staging import Staging, Table, added, removed

# With more periods than these a metric is computed in full: that costs no more, and they need not be remembered.
MAX_PERIODS = 5_000


def nothing(metric: str) -> Pending:
    """No period."""
    return Pending(metric, False, ())


def everything(metric: str) -> Pending:
    """All periods."""
    return Pending(metric, True, ())


class Periods:
    """What changes beneath one metric come to."""

    def __init__(self, staging: Staging, definition: Definition) -> None:
        self.staging, self.definition = staging, definition
        self.name = definition.metric.name

    def touched(self, changes: Mapping[Table, Change], left: Pending | None) -> Pending:
        """The periods that these changes touch, and those that are left from before."""
        changed = {
            table: changes[table] for table in self.definition.tables if changes[table].mode in ("full", "delta")
        }
        if (left and left.everything) or not all(map(self._is_traceable, changed.items())):
            return everything(self.name)
        found = set(left.periods if left else ())
        try:
            for table in changed:
                for trace in self.definition.traces[table]:
                    found.update(self._of(trace, removed(table), PREVIOUS), self._of(trace, added(table), STAGED))
        except duckdb.Error:  # on rows that the metric does not have, its expressions may fail
            return everything(self.name)
        finally:
            self.staging.connection.execute(f"use {STAGED}")
        if len(found) > MAX_PERIODS:
            return everything(self.name)
        return Pending(self.name, False, tuple(sorted(found, key=lambda period: (period is not None, period or ""))))

    def _is_traceable(self, change: tuple[Table, Change]) -> bool:
        table, done = change
        private = not self.staging.private.isdisjoint(self.definition.tables)
        return done.mode == "delta" and table in self.definition.traces and not private

    def _of(self, trace: Trace, rows: str, database: str) -> Iterator[str | None]:
        base, metric = self.definition.base, self.definition.metric
        from_ = trace.from_.replace(CHANGED, rows)
        where = f"where {base.where}" if base.where and trace.filtered else ""
        self.staging.connection.execute(f"use {database}")
        sql = f"{base.with_} select distinct cast({metric.column(metric.time).sql} as varchar) from {from_} {where}"
        return (period for (period,) in self.staging.connection.execute(sql).fetchall())
