"""What a row says beside its columns: whether its period is over, how it was earlier, and its part of the whole.

A row's period is its finest unit of time. All of it is joined to the page of rows, in one query.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from snapshot.catalog import COARSER, Column, Metric, is_nested, quote

from .errors import NOT_ANSWERABLE, NOT_GROUPED, refusal
from .period import Step, moment_sql, truncated
from .plan import Extra, Plan, relation
from .question import Question
from .scalars import kind_of
from .shift import Shift, earlier_groups, step_of

_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")


@dataclass(frozen=True)
class Extras:
    """What is asked of each row. `clock` is the moment that the metric's data is of, in the project's zone."""

    complete: bool = False
    previous: Mapping[Shift, tuple[Column, ...]] = field(default_factory=dict)
    change: Mapping[Shift, tuple[Column, ...]] = field(default_factory=dict)
    share: tuple[Column, ...] | None = None
    clock: datetime = datetime(1, 1, 1, tzinfo=UTC)

    @property
    def are_asked(self) -> bool:
        """Whether anything is."""
        return bool(self.complete or self.previous or self.change or self.share is not None)

    @property
    def measures(self) -> tuple[Column, ...]:
        """The measures of the rows themselves that they are made of."""
        return tuple(column for columns in (*self.change.values(), self.share or ()) for column in columns)


@dataclass(frozen=True)
class _Part:
    """Tables beside the page, their parameters, and the values that they give, each with its place in a row."""

    values: tuple[tuple[Extra, str], ...]
    tables: str = ""
    parameters: tuple[Any, ...] = ()


def with_extras(question: Question, page: Plan, order: str, extras: Extras) -> Plan:
    """The page's query with the extras of each row. Raises GraphQLError for what cannot be said of these rows."""
    parts = tuple(_parts(question, extras))
    if not parts and not any(kind_of(column.type).as_text for column in page.columns):
        return page
    columns = ", ".join(f"{shown(column)} as {quote(column.name)}" for column in page.columns)
    values = "".join(f", {sql}" for part in parts for _, sql in part.values)
    tables = "".join(part.tables for part in parts)
    return replace(
        page,
        sql=f"select {columns or '1'}{values} from ({page.sql}) as page{tables}{order}",
        parameters=page.parameters + tuple(value for part in parts for value in part.parameters),
        extras=tuple(extra for part in parts for extra, _ in part.values),
    )


def shown(column: Column) -> str:
    """The SQL for a page's column, of which Python has a value that holds all of DuckDB's."""
    name = f"page.{quote(column.name)}"
    return f"cast({name} as varchar)" if kind_of(column.type).as_text else name


def comparable(column: Column) -> str:
    """The type of the difference of two values of a measure; empty where it is no number."""
    kind = "" if is_nested(column.type) else column.type.partition("(")[0]
    if kind == "DECIMAL":
        return f"DECIMAL(38,{column.type.rstrip(')').rpartition(',')[2]})"
    return "BIGINT" if kind in _WHOLE else "DOUBLE" if kind in ("FLOAT", "DOUBLE") else ""


def shared(metric: Metric) -> tuple[Column, ...]:
    """The measures whose parts make up the whole: sums and counts."""
    sums = {quote(component.name) for component in metric.components if component.merge in ("sum", "count")}
    return tuple(c for c in metric.measures if c.rollup == "additive" and c.formula in sums and comparable(c))


def _parts(question: Question, extras: Extras) -> Iterator[_Part]:
    if extras.complete or extras.previous or extras.change:
        column = finest(question)
        over = f"{quote(column.name)} < {_period_of(question, column, extras.clock)}"
        if extras.complete:
            yield _Part(((Extra(("complete",), "BOOLEAN"), f"coalesce({over}, true)"),))
        for shift in dict.fromkeys((*extras.previous, *extras.change)):
            yield _earlier(question, extras, column, shift, over)
    if extras.share is not None:
        yield _share(question, extras.share)


def finest(question: Question) -> Column:
    """The finest unit of time that the rows are grouped by. Raises GraphQLError where there is not one."""
    times = [column for column in question.by if column in question.metric.times]
    for column in times:
        if all(other is column or other.grain in COARSER[column.grain] for other in times):
            return column
    units = " or ".join(column.field.upper() for column in question.metric.times)
    what = "the periods of these rows do not lie in one another" if times else "these rows have no period"
    raise refusal(NOT_GROUPED, f"{what}; group by {units}", question.node)


def _period_of(question: Question, column: Column, clock: datetime) -> str:
    """The period of the moment of the data, which is not over. Raises GraphQLError where it cannot be told."""
    formula = question.metric.column(question.metric.time).formula
    if formula:
        # A second is over with the next one.
        moment = moment_sql(clock.replace(microsecond=0))
        return truncated(column, formula.replace("{moment}", moment))
    what = f"it cannot be told when a {column.grain} of {question.metric.field} is over"
    why = f"'{question.metric.time}' is not made of one moment, moved or put into a zone"
    raise refusal(NOT_ANSWERABLE, f"{what}, for {why}; leave 'complete', 'previous' and 'change' out", question.node)


def _before(column: Column, step: Step) -> tuple[str, str]:
    """The period so much earlier, and whether there is one: the hour that a night in spring leaves out is none."""
    period = quote(column.name)
    if not step.by_the_calendar:
        return f"cast({period} - {step.sql} as {column.type})", "true"
    before = truncated(column, f"({period} - {step.sql})")
    here, there = f"cast({period} as timestamp) - {step.sql}", f"cast({before} as timestamp)"
    return before, f"date_trunc('{column.grain}', {there}) = date_trunc('{column.grain}', {here})"


def _earlier(question: Question, extras: Extras, column: Column, shift: Shift, over: str) -> _Part:
    """The same groups so much earlier; of a period that is not over, the same part of the earlier one."""
    previous, change = extras.previous.get(shift), extras.change.get(shift)
    measures = tuple(dict.fromkeys((*(previous or ()), *(change or ()))))
    step = step_of(shift, column, question.node)
    whole, part = earlier_groups(question, measures, step, extras.clock)
    before, exists = _before(column, step)
    others = [c.name for c in question.by if c not in question.metric.times]
    tables = ""
    for kind, plan in (("whole", whole), ("part", part)):
        if plan:
            name = partial(_named, shift, kind)
            selected = "".join(f", {quote(c.name)} as {name(c.name)}" for c in plan.columns)
            same = [f"{before} = {name(column.name)}", exists]
            same += [f"{quote(o)} is not distinct from {name(o)}" for o in others]
            tables += f" left join (select true as {name('')}{selected} from ({plan.sql})) on {' and '.join(same)}"
    earlier = {
        name: f"case when {over} then {_named(shift, 'whole', name)}"
        + (f" else {_named(shift, 'part', name)} end" if part else " end")
        for name in ("", *(measure.name for measure in measures))
    }
    parameters = whole.parameters + (part.parameters if part else ())
    return _Part(tuple(_values(shift, earlier, previous, change)), tables, parameters)


def _named(shift: Shift, kind: str, name: str) -> str:
    """A name that no column of a metric has."""
    return quote(f"{shift.name}:{kind}:{name}")


def _values(
    shift: Shift,
    earlier: Mapping[str, str],
    previous: tuple[Column, ...] | None,
    change: tuple[Column, ...] | None,
) -> Iterator[tuple[Extra, str]]:
    if previous is not None:
        yield Extra((f"previous:{shift.name}",), "BOOLEAN"), earlier[""]
    for measure in previous or ():
        then = f"cast({earlier[measure.name]} as varchar)" if kind_of(measure.type).as_text else earlier[measure.name]
        yield Extra((f"previous:{shift.name}", measure.field), measure.type), then
    if change is not None:
        yield Extra((f"change:{shift.name}",), "BOOLEAN"), earlier[""]
    for measure in change or ():
        now, then, kind = quote(measure.name), earlier[measure.name], comparable(measure)
        wide = "HUGEINT" if kind == "BIGINT" else kind  # unsigned numbers have no differences
        absolute = f"cast({now} as {wide}) - cast({then} as {wide})"
        relative = f"cast({absolute} as double) / nullif(cast({then} as double), 0)"
        place = (f"change:{shift.name}", measure.field)
        yield Extra(place, "BOOLEAN"), f"{absolute} is not null"
        yield Extra((*place, "absolute"), kind), f"cast({absolute} as {kind})"
        yield Extra((*place, "relative"), "DOUBLE"), relative


def _share(question: Question, measures: tuple[Column, ...]) -> _Part:
    """Of all rows that `where` lets in, whatever `having` and the page leave out."""
    total = relation(replace(question, by=(), measures=measures, having=None, part="share"))
    names = {measure: quote(f"total.{measure.name}") for measure in measures}
    selected = ", ".join(f"{quote(measure.name)} as {name}" for measure, name in names.items()) or "1"
    values = [
        (Extra(("share", m.field), "DOUBLE"), f"cast({quote(m.name)} as double) / nullif(cast({name} as double), 0)")
        for m, name in names.items()
    ]
    whole = (Extra(("share",), "BOOLEAN"), "true")
    return _Part((whole, *values), f" cross join (select {selected} from ({total.sql}))", total.parameters)
