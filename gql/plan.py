"""A metric's arguments -> the SQL that answers them exactly, from the cheapest place that can.

Pure: nothing is run here.

In this order: a stored grouping that fits; a re-aggregation of the smallest stored grouping that gives the answer
exactly; the metric's own SELECT, over the snapshot's base tables, with the question's grouping and filter; a refusal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from snapshot.catalog import COARSER, Column, Component, Grain, Metric, quote

from .errors import NOT_ANSWERABLE, refusal
from .fixed import Hole, filled
from .inputs import predicate
from .period import compared
from .question import Question, filtered

# How partial results of a component merge; a count over nothing is 0, not null.
_MERGES = {"count": "coalesce(sum({column}), 0)"} | {
    name: name + "({column})" for name in ("sum", "min", "max", "bool_and", "bool_or")
}
# How many groupings a refusal names that can be asked for.
NEAREST = 3


@dataclass(frozen=True)
class Plan:
    """One query: its SQL and parameters, the columns of its rows, and which way was taken.

    Behind the columns come the values of `extras`, each with its place in a row and its type. `table` is the stored one
    that is read, where it is one.
    """

    sql: str
    parameters: tuple[Any, ...]
    columns: tuple[Column, ...]
    way: str
    extras: tuple[Extra, ...] = ()
    table: str = ""

    @cached_property
    def has_holes(self) -> bool:
        """Whether a parameter is a variable's value, which each request brings along."""
        return any(isinstance(value, Hole) for value in self.parameters)

    def filled(self, values: Mapping[str, Any]) -> Plan:
        """The plan with the values of the variables."""
        if not self.has_holes:
            return self
        return replace(self, parameters=tuple(filled(value, values) for value in self.parameters))


@dataclass(frozen=True)
class Extra:
    """A value that a row has beside its columns: `("previous:WEEK", "revenue")` lies in the object `previous:WEEK`.

    An object whose own value (of the path `("previous:WEEK",)`) is null is null.
    """

    path: tuple[str, ...]
    type: str


def relation(question: Question) -> Plan:
    """The groups, or a plain table's rows, that the question's condition lets in. Raises GraphQLError for a refusal."""
    if not question.metric.grouped:
        return _plain(question)
    for way in (_stored, _re_aggregated, from_base):
        if plan := way(question):
            return plan
    names = ", ".join(column.field for column in question.measures if not column.formula) or "this"
    what = f"'{question.part}'" if question.part else "this grouping and filter"
    way_out = f"leave {what} out, or ask for other measures" if question.part else _nearest(question)
    message = f"{question.metric.field} cannot give {names} exactly for {what}; {way_out}"
    raise refusal(NOT_ANSWERABLE, message, question.node)


def _nearest(question: Question) -> str:
    """What can be asked instead: the groupings that are stored and most like the one that was asked for."""
    asked, needed = {column.name for column in question.by}, {column.name for column in question.measures}
    stored = {frozenset(grain.by): grain.by for grain in question.metric.grains if needed <= set(grain.columns)}
    near = sorted(stored, key=lambda by: (len(by ^ asked), len(by)))[:NEAREST]
    groupings = [f"[{', '.join(name.upper() for name in stored[by])}]" for by in near]
    condition = ", with a 'where' on those only" if question.condition else ""
    return f"it can by {' or '.join(groupings)}{condition}" if groupings else "ask for other measures"


def _plain(question: Question) -> Plan:
    """A plain table's own rows; `_pacelayer_row` keeps their order."""
    columns = question.measures
    condition = predicate(
        question.condition, {c.field: quote(c.name) for c in question.metric.columns}, question.at("where")
    )
    wanted = ", ".join([*(quote(column.name) for column in columns), 'rowid as "_pacelayer_row"'])
    sql = f"select {wanted} from {question.metric.grains[0].table} where {condition.sql}"
    return Plan(sql, condition.parameters, columns, "stored", table=question.metric.grains[0].table)


def _stored(question: Question) -> Plan | None:
    """A stored grouping that is exactly the question's, its filter on the groups themselves.

    What is grouped by nothing is one row whatever the filter lets in, so a filter would take that row away.
    """
    if not question.by and question.condition:
        return None
    for grain, sources in _grains(question):
        if set(grain.by) == {c.name for c in question.by} and {m.name for m in question.measures} <= set(grain.columns):
            condition = predicate(question.condition, sources, question.at("where"))
            wanted = ", ".join(quote(column.name) for column in (*question.by, *question.measures)) or "1"
            sql = f"select {wanted} from {grain.table} where {condition.sql}"
            return Plan(sql, condition.parameters, (*question.by, *question.measures), "stored", table=grain.table)
    return None


def _re_aggregated(question: Question) -> Plan | None:
    """The smallest stored grouping whose rows merge into the question's groups exactly."""
    needed = _components(question)
    if needed is None:
        return None
    for grain, sources in _grains(question):
        if {component.name for component in needed} <= set(grain.columns) and {c.field for c in question.by} <= set(
            sources
        ):
            condition = predicate(question.condition, sources, question.at("where"))
            groups = [f"{sources[c.field]} as {quote(c.name)}" for c in question.by]
            parts = [f"cast({_merged(c)} as {c.type}) as {quote(c.name)}" for c in needed]
            merged = ", ".join([*groups, *parts]) or "count(*)"
            inner = f"select {merged} from {grain.table} where {condition.sql}{_group_by(question)}"
            measures = [f"cast({m.formula} as {m.type}) as {quote(m.name)}" for m in question.measures]
            wanted = ", ".join([*(quote(c.name) for c in question.by), *measures]) or "1"
            return Plan(
                f"select {wanted} from ({inner})",
                condition.parameters,
                (*question.by, *question.measures),
                "re-aggregated",
                table=grain.table,
            )
    return None


def from_base(question: Question, cast: str = "cast({sql} as {type})", more: str = "") -> Plan | None:
    """The metric's SELECT itself, with another grouping and further conditions, `more` over its own base tables.

    None where it cannot be grouped anew.
    """
    metric = question.metric
    if not metric.base_from or not all(measure.sql for measure in question.measures):
        return None
    condition = predicate(
        question.condition, {c.field: compared(c, c.sql) for c in metric.dimensions}, question.at("where")
    )
    columns = (*question.by, *question.measures)
    wanted = ", ".join(f"{cast.format(sql=c.sql, type=c.type)} as {quote(c.name)}" for c in columns) or "count(*)"
    where = " and ".join(f"({part})" for part in (metric.base_where, more, condition.sql) if part)
    sql = f"{metric.base_with} select {wanted} from {metric.base_from} where {where}{_group_by(question)}"
    return Plan(sql, condition.parameters, columns, "base tables")


def _grains(question: Question) -> Iterator[tuple[Grain, Mapping[str, str]]]:
    """The stored groupings that have all that the question filters by, the smallest first.

    With each comes the SQL by which its table gives every dimension that it can give.
    """
    needed = set(filtered(question.condition))
    for grain in sorted(question.metric.grains, key=lambda grain: grain.rows):
        sources = {c.field: sql for c in question.metric.dimensions if (sql := _source(question.metric, grain, c))}
        if needed <= set(sources):
            yield grain, sources


def _source(metric: Metric, grain: Grain, column: Column) -> str | None:
    """The SQL that gives a dimension from a stored grouping: its column, or a finer unit of time truncated."""
    if column.name in grain.by:
        return quote(column.name)
    if column not in metric.times:
        return None
    for finer in metric.times:
        if finer.name in grain.by and column.grain in COARSER.get(finer.grain, ()):
            return compared(column, column.formula.replace("{moment}", quote(finer.name)))
    return None


def _components(question: Question) -> tuple[Component, ...] | None:
    """What the measures are made of; None where one of them does not re-aggregate."""
    if not all(measure.formula for measure in question.measures):
        return None
    formulas = " ".join(measure.formula for measure in question.measures)
    return tuple(component for component in question.metric.components if quote(component.name) in formulas)


def _merged(component: Component) -> str:
    return _MERGES[component.merge].format(column=quote(component.name))


def _group_by(question: Question) -> str:
    return f" group by {', '.join(str(i + 1) for i in range(len(question.by)))}" if question.by else ""
