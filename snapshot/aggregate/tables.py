"""The tables of one metric: its own grouping, its hidden components, and the groupings that are computed ahead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ..catalog import Column, Grain, Metric, Pending, quote
from ..connect import PREVIOUS, STAGED
from ..definition import Definition
from ..staging import Staging

_TOUCHED = "memory.main.touched"
_PERIOD = '"pacelayer period"'
_FLOATS = ("FLOAT", "DOUBLE")
_MODULUS = 2**64


@dataclass(frozen=True)
class _Stored:
    """A table to be: its grouping, and its other columns with their SQL over the base tables and their types."""

    name: str
    by: tuple[Column, ...]
    columns: tuple[tuple[str, str, str], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What it is grouped by."""
        return tuple(column.name for column in self.by)


class Tables:
    """The tables of one metric in the new snapshot."""

    def __init__(self, staging: Staging, definition: Definition, as_of: datetime) -> None:
        self.staging, self.definition, self.as_of = staging, definition, as_of
        self.metric = definition.metric

    def compute(self) -> Iterator[Grain]:
        """Make and fill them, the metric's own first."""
        metric, definition = self.metric, self.definition
        stored = [f"cast({quote(c.name)} as {c.type}) as {quote(c.name)}" for c in metric.stored]
        order = metric.own_grain if metric.grouped else () if definition.ordered else metric.keys
        own = f"select {', '.join(stored)} from ({metric.sql})"
        yield self._table(f"main.{quote(metric.name)}", own, order, metric.own_grain, [m.name for m in metric.measures])
        for table in self._others():
            yield self._filled(table, self._select(table))

    def note(self, touched: Pending) -> None:
        """Have the periods that changed in memory, for `renew`."""
        kind = self.metric.column(self.metric.time).type
        periods = f"select cast(unnest(?::varchar[]) as {kind}) as {_PERIOD}"
        self.staging.connection.execute(f"create or replace table {_TOUCHED} ({_PERIOD} {kind})")
        self.staging.connection.execute(f"insert into {_TOUCHED} {periods}", [list(touched.periods)])

    def renew(self) -> Iterator[Grain]:
        """As they were, but for the periods that changed."""
        metric = self.metric
        own = _Stored(
            f"main.{quote(metric.name)}",
            tuple(metric.column(name) for name in metric.own_grain),
            tuple((m.name, m.sql, m.type) for m in metric.measures),
        )
        if not all(sql for _, sql, _ in own.columns):
            yield from self.compute()
            return
        for table in (own, *self._others()):
            time = next((column for column in table.by if column in metric.times), None)
            if time is None:
                yield self._filled(table, self._select(table))
                continue
            kept = f"from {PREVIOUS}.{table.name} where not {_touched(time, quote(time.name))}"
            yield self._filled(table, f"{kept} union all by name ({self._select(table, _touched(time, time.sql))})")

    def keep(self, before: Metric, *, computed_anew: bool) -> Iterator[Grain]:
        """As they were; they are of now where nothing beneath them changed."""
        for grain in before.grains:
            if STAGED not in self.staging.copies:
                self.staging.connection.execute(f"create table {grain.table} as from {PREVIOUS}.{grain.table}")
            yield replace(grain, computed_at=self.as_of) if computed_anew else grain

    def _others(self) -> Iterator[_Stored]:
        metric = self.metric
        visible = {column.name for column in metric.stored}
        hidden = tuple((c.name, c.sql, c.type) for c in metric.components if c.name not in visible)
        own = tuple(metric.column(name) for name in metric.own_grain)
        if hidden:
            yield _Stored(
                f"rollup.{quote(metric.name)}", own, tuple((c.name, c.sql, c.type) for c in metric.components)
            )
        for by in self.definition.rollups:
            # A name that no metric can have, so that no two tables are ever called alike.
            name = f"rollup.{quote(' '.join((metric.name, 'by', ', '.join(by)) if by else (metric.name, 'in total')))}"
            measures = tuple((m.name, m.sql, m.type) for m in metric.measures if m.sql)
            yield _Stored(name, tuple(map(metric.column, by)), measures + hidden)

    def _select(self, table: _Stored, condition: str = "") -> str:
        """A grouping of the metric, computed from the base tables by the metric's own FROM and WHERE."""
        base = self.definition.base
        grouped = [(d.name, d.sql, d.type) for d in table.by]
        projections = ", ".join(
            f"cast({sql} as {kind}) as {quote(column)}" for column, sql, kind in (*grouped, *table.columns)
        )
        conditions = " and ".join(f"({part})" for part in (base.where, condition) if part)
        where = f"where {conditions}" if conditions else ""
        group = f"group by {', '.join(str(i + 1) for i in range(len(table.by)))}" if table.by else ""
        return f"{base.with_} select {projections} from {base.from_} {where} {group}"

    def _filled(self, table: _Stored, sql: str) -> Grain:
        return self._table(table.name, sql, table.names, table.names, [name for name, _, _ in table.columns])

    def _table(self, name: str, sql: str, order: Sequence[str], by: tuple[str, ...], columns: Sequence[str]) -> Grain:
        ordered = f" order by {', '.join(quote(column) for column in order)}" if order else ""
        self.staging.connection.execute(f"create or replace table {name} as {sql}{ordered}")
        ((rows,),) = self.staging.connection.execute(f"select count(*) from {name}").fetchall()
        return Grain(name, by, tuple(columns), int(rows), self.as_of)


def _touched(time: Column, moment: str) -> str:
    """The condition that a moment of a unit of time is that of a period that changed."""
    period = time.formula.replace("{moment}", _PERIOD) if time.role == "grain" else _PERIOD
    null = f"(({moment}) is null and exists (select 1 from {_TOUCHED} where {_PERIOD} is null))"
    among = f"({moment}) in (select {period} from {_TOUCHED} where {_PERIOD} is not null)"
    return f"(coalesce({among}, false) or {null})"


def content_of(staging: Staging, metric: Metric) -> str:
    """The sum of the hashes of its own rows; floats are rounded, for they may be added up in another order."""
    values = ", ".join(
        f"format('{{:.10e}}', {quote(c.name)})" if c.type in _FLOATS else quote(c.name) for c in metric.stored
    )
    sql = f"select coalesce(sum(hash(row({values}))), 0) % {_MODULUS} from {metric.grains[0].table}"
    ((content,),) = staging.connection.execute(sql).fetchall()
    return str(content)
