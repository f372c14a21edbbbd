"""A metric's arguments -> the SQL that answers them exactly, from the cheapest place that can.

Pure: nothing is run here.

In this order: a stored grouping that fits; a re-aggregation of the smallest stored grouping that gives the answer
exactly; the metric's own SELECT, over the snapshot's base tables, with the question's grouping and filter; a refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from graphql import Node

from snapshot.catalog import COARSER, Column, Component, Grain, Metric, quote, truncate

from .errors import BAD_INPUT, NOT_ANSWERABLE, refusal
from .inputs import predicate

# How partial results of a component merge; a count over nothing is 0, not null.
_MERGES = {"count": "coalesce(sum({column}), 0)"} | {
    name: name + "({column})" for name in ("sum", "min", "max", "bool_and", "bool_or")
}


@dataclass(frozen=True)
class Question:
    """What one field of the document asks of a metric. `measures` are those that its answer, order and having need."""

    metric: Metric
    by: tuple[Column, ...]
    measures: tuple[Column, ...]
    where: Mapping[str, Any] | None = None
    having: Mapping[str, Any] | None = None
    order_by: tuple[tuple[Column, str], ...] = ()
    node: Node | None = None


@dataclass(frozen=True)
class Plan:
    """One query: its SQL and parameters, the columns of its rows, and which way was taken."""

    sql: str
    parameters: tuple[Any, ...]
    columns: tuple[Column, ...]
    way: str


def plan_rows(question: Question, *, limit: int, offset: int = 0) -> Plan:
    """The rows, at most `limit` after leaving out `offset`, in an order that is always total."""
    plan = _having(question, _relation(question))
    sql = f"select * from ({plan.sql}){_order(question, total=True)} limit {limit:d} offset {offset:d}"
    return Plan(sql, plan.parameters, plan.columns, plan.way)


def plan_live(question: Question, *, limit: int | None, offset: int = 0) -> Plan | None:
    """The rows by the metric's own SELECT over its sources, whatever is stored: what a database would be asked instead.

    None where the SELECT cannot be grouped anew.
    """
    metric = question.metric
    if metric.grouped:
        plan = _from_base(question, cast="{sql}")
    else:
        condition = predicate(question.where, {c.field: quote(c.name) for c in metric.columns})
        wanted = ", ".join(quote(column.name) for column in question.measures)
        sql = f"select {wanted} from ({metric.sql}) as asked where {condition.sql}"
        plan = Plan(sql, condition.parameters, question.measures, "live")
    plan = _having(question, plan) if plan else None
    if plan is None or (limit is None and not offset):
        return plan
    page = f"limit {limit:d} offset {offset:d}" if limit is not None else f"offset {offset:d}"
    return Plan(f"{plan.sql}{_order(question, total=metric.grouped)} {page}", plan.parameters, plan.columns, "live")


def plan_count(question: Question) -> Plan:
    """The number of rows, whatever the paging."""
    measures = tuple(column for column in question.measures if column.field in set(filtered(question.having)))
    counted = replace(question, measures=measures, order_by=())
    plan = _having(counted, _relation(counted))
    return Plan(f"select count(*) from ({plan.sql})", plan.parameters, (), plan.way)


def _having(question: Question, plan: Plan) -> Plan:
    """The groups whose measures fulfil a condition."""
    if not question.having:
        return plan
    condition = predicate(question.having, {c.field: quote(c.name) for c in question.measures}, "having")
    sql = f"select * from ({plan.sql}) as grouped where {condition.sql}"
    return Plan(sql, plan.parameters + condition.parameters, plan.columns, plan.way)


def _relation(question: Question) -> Plan:
    if not question.metric.grouped:
        return _plain(question)
    for way in (_stored, _re_aggregated, _from_base):
        if plan := way(question):
            return plan
    names = ", ".join(column.field for column in question.measures)
    own = ", ".join(name.upper() for name in question.metric.own_grain)
    message = (
        f"{question.metric.field} cannot give {names} exactly for this grouping and filter; without 'by' ({own}) it can"
    )
    raise refusal(NOT_ANSWERABLE, message, question.node)


def _plain(question: Question) -> Plan:
    """A plain table's own rows; `_pacelayer_row` keeps their order."""
    columns = question.measures
    condition = predicate(question.where, {c.field: quote(c.name) for c in question.metric.columns})
    wanted = ", ".join([*(quote(column.name) for column in columns), 'rowid as "_pacelayer_row"'])
    sql = f"select {wanted} from {question.metric.grains[0].table} where {condition.sql}"
    return Plan(sql, condition.parameters, columns, "stored")


def _stored(question: Question) -> Plan | None:
    """A stored grouping that is exactly the question's, its filter on the groups themselves.

    What is grouped by nothing is one row whatever the filter lets in, so a filter would take that row away.
    """
    if not question.by and question.where:
        return None
    for grain, sources in _grains(question):
        if set(grain.by) == {c.name for c in question.by} and {m.name for m in question.measures} <= set(grain.columns):
            condition = predicate(question.where, sources)
            wanted = ", ".join(quote(column.name) for column in (*question.by, *question.measures)) or "1"
            sql = f"select {wanted} from {grain.table} where {condition.sql}"
            return Plan(sql, condition.parameters, (*question.by, *question.measures), "stored")
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
            condition = predicate(question.where, sources)
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
            )
    return None


def _from_base(question: Question, cast: str = "cast({sql} as {type})") -> Plan | None:
    """The metric's SELECT itself, with another grouping and a further condition."""
    metric = question.metric
    if not metric.base_from or not all(measure.sql for measure in question.measures):
        return None
    condition = predicate(question.where, {c.field: f"({c.sql})" for c in metric.dimensions})
    columns = (*question.by, *question.measures)
    values = (f"{cast.format(sql=c.sql, type=c.type)} as {quote(c.name)}" for c in columns)
    wanted = ", ".join(values) or "count(*)"
    own = f"({metric.base_where}) and " if metric.base_where else ""
    sql = (
        f"{metric.base_with} select {wanted} from {metric.base_from} where {own}({condition.sql}){_group_by(question)}"
    )
    return Plan(sql, condition.parameters, columns, "base tables")


def _grains(question: Question) -> Iterator[tuple[Grain, Mapping[str, str]]]:
    """The stored groupings that have all that the question filters by, the smallest first.

    With each comes the SQL by which its table gives every dimension that it can give.
    """
    needed = set(filtered(question.where))
    for grain in sorted(question.metric.grains, key=lambda grain: grain.rows):
        sources = {c.field: sql for c in question.metric.dimensions if (sql := _source(question.metric, grain, c))}
        if needed <= set(sources):
            yield grain, sources


def _source(metric: Metric, grain: Grain, column: Column) -> str | None:
    """The SQL that gives a dimension from a stored grouping: its column, or a finer unit of time truncated."""
    if column.name in grain.by:
        return quote(column.name)
    if not column.grain or (column.role != "grain" and column.name != metric.time):
        return None
    for finer in map(metric.column, grain.by):
        if column.grain in COARSER.get(finer.grain, ()) and (finer.role == "grain" or finer.name == metric.time):
            return truncate(column.grain, quote(finer.name), column.type)
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


def filtered(where: Mapping[str, Any] | None) -> Iterator[str]:
    """The fields that a filter looks at, at any depth."""
    for field, value in (where or {}).items():
        if field in ("and", "or"):
            for item in value or ():
                yield from filtered(item)
        elif field == "not":
            yield from filtered(value)
        else:
            yield field


def _order(question: Question, *, total: bool) -> str:
    keys = [f"{_finite(column)} {direction}" for column, direction in question.order_by]
    ordered = {column.name for column, _ in question.order_by}
    if question.metric.grouped:
        keys += [f"{quote(column.name)} asc nulls last" for column in question.by if column.name not in ordered]
    elif total:
        keys.append('"_pacelayer_row"')
    return f" order by {', '.join(keys)}" if keys else ""


def _finite(column: Column) -> str:
    """A column as an order sees it: what JSON has no number for is null there, and null here."""
    name = quote(column.name)
    return f"if(isfinite({name}), {name}, null)" if column.type in ("FLOAT", "DOUBLE") else name


def order_keys(
    order_by: Sequence[Mapping[str, Any]] | None, by_field: Callable[[str], Column]
) -> tuple[tuple[Column, str], ...]:
    """The keys of a coerced `orderBy`: each a column and SQL's words for its direction."""
    keys = []
    for item in order_by or ():
        for field, direction in item.items():
            if direction is None:
                raise refusal(BAD_INPUT, f"'orderBy.{field}' is null; name a direction")
            keys.append((by_field(field), str(direction.value)))
    return tuple(keys)
