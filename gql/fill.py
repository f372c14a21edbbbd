"""The periods that an answer leaves out because nothing happened in them, for each combination of its other dimensions.

They reach from the first period to the last one: of the range that the filter names for the time, else of the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from snapshot.catalog import COARSER, Column, quote

from .errors import BAD_INPUT, refusal
from .extras import finest
from .fit import fitted
from .inputs import Predicate, predicate
from .period import STEPS, tick
from .plan import Plan, relation
from .question import Condition, Question, filtered
from .relative import Span

# The most periods that are filled; DuckDB is told to refuse more, in these words.
MAX_PERIODS = 100_000
TOO_MANY_PERIODS = "too many periods to fill"
# The operators that name a range of a unit that is finer than the period.
_RANGES = ("eq", "gt", "gte", "lt", "lte", "between", "last")


@dataclass(frozen=True)
class _Range:
    """What the filter says of the time: the bounds of periods, in SQL, and a condition on each."""

    least: tuple[tuple[str, Any], ...]
    most: tuple[tuple[str, Any], ...]
    condition: Predicate


def filled(question: Question, plan: Plan) -> Plan:
    """The groups and, where a period has none, one whose measures are those of no rows at all.

    Raises GraphQLError for groups that cannot be filled.
    """
    if question.having:
        raise _refused(question, "'fill' adds groups that 'having' would have to judge; ask for one of them")
    column = finest(question)
    if column.grain == "second":
        raise _refused(question, f"'{column.field}' has too many periods to fill; group by a coarser unit")
    found = _range(question, column)
    empty = relation(replace(question, by=(), where={"or": []}, order_by=(), fill=False))
    time, others = quote(column.name), [quote(c.name) for c in question.by if c not in question.metric.times]
    combinations = f"(select distinct {', '.join(others)} from groups)" if others else "(select 1)"
    same = " and ".join([f"p.{time} = g.{time}", *(f"c.{o} is not distinct from g.{o}" for o in others)])
    periods, parameters = _periods(column, found)
    return replace(
        plan,
        sql=(
            f"with groups as materialized (select *, true as _pacelayer_there from ({plan.sql})), "
            f"nothing as materialized ({empty.sql}), periods as materialized ({periods}) "
            f"select {', '.join(_values(question, column, plan))} from periods p cross join {combinations} c "
            f"cross join nothing n left join groups g on {same} "
            f"union all select * exclude (_pacelayer_there) from groups where {time} is null"
        ),
        parameters=plan.parameters + empty.parameters + parameters,
    )


def _refused(question: Question, message: str) -> Exception:
    return refusal(BAD_INPUT, message, question.node)


def _values(question: Question, column: Column, plan: Plan) -> Iterator[str]:
    """Each column of a group that may not be there."""
    for found in plan.columns:
        name = quote(found.name)
        if found in question.metric.times:
            period = f"p.{quote(column.name)}"
            yield period if found is column else f"{found.formula.replace('{moment}', period)} as {name}"
        elif found in question.by:
            yield f"c.{name}"
        else:
            yield f"case when g._pacelayer_there then g.{name} else n.{name} end as {name}"


def _periods(column: Column, found: _Range) -> tuple[str, tuple[Any, ...]]:
    """A query for the periods of the range, or of the groups where it has no end, and its parameters."""
    ends, parameters = [], []
    for function, pick, bounds in (("min", "greatest", found.least), ("max", "least", found.most)):
        if bounds:
            truncated = column.formula or f"date_trunc('{column.grain}', {{moment}})"
            ends.append(f"{pick}({', '.join(truncated.replace('{moment}', sql) for sql, _ in bounds)})")
            parameters += [value for _, value in bounds]
        else:
            ends.append(f"(select {function}({quote(column.name)}) from groups)")
    many = f"date_diff('{column.grain}', least, most) > {MAX_PERIODS}"
    series = f"generate_series(least, most, {STEPS[column.grain].sql})"
    sql = (
        f"select period as {quote(column.name)} from (select cast(unnest(case when {many} then "
        f"error('{TOO_MANY_PERIODS}') else {series} end) as {column.type}) as period "
        f"from (select {ends[0]} as least, {ends[1]} as most)) where {found.condition.sql}"
    )
    return sql, (*parameters, *found.condition.parameters)


def _range(question: Question, column: Column) -> _Range:
    """Read the filter: what it says of units no finer than the period is a condition on each, the rest must be ranges.

    Raises GraphQLError where a period cannot be judged.
    """
    times = {time.field: time for time in question.metric.times}
    judged = {field for field, time in times.items() if time is column or time.grain in COARSER[column.grain]}
    least: list[tuple[str, Any]] = []
    most: list[tuple[str, Any]] = []
    conditions: list[Condition] = []
    for part in _parts(fitted(question.where, question.metric.by_field)):
        ((field, value),) = part.items()
        fields = set(filtered(part))
        if fields.isdisjoint(times):
            continue
        if fields <= judged:
            conditions.append(part)
        if field in times and (field in judged or set(value) <= set(_RANGES)):
            coarser = field in judged and times[field] is not column
            for operator, operand in value.items():
                _add_bounds(times[field], coarser, operator, operand, least, most)
        elif not fields <= judged:
            what = f"the filter on '{min(fields & set(times))}' lets in"
            raise _refused(question, f"'fill' cannot tell which periods {what}")
    sources = {field: times[field].formula.replace("{moment}", "period") for field in judged} | {column.field: "period"}
    return _Range(tuple(least), tuple(most), predicate({"and": conditions}, sources))


def _parts(where: Condition | None) -> Iterator[Condition]:
    """The conditions that all hold, one by one."""
    for field, value in (where or {}).items():
        if field == "and" and value:
            for item in value:
                yield from _parts(item)
        else:
            yield {field: value}


def _add_bounds(
    time: Column, coarser: bool, operator: str, operand: Any, least: list[tuple[str, Any]], most: list[tuple[str, Any]]
) -> None:
    """The bounds that an operator means; DuckDB moves one that is left out itself, and the end of a coarser unit."""
    # DuckDB truncates nanoseconds as the microsecond next to them, which may be of the period that begins with a bound.
    value, step = f"cast(? as {time.type})", "0 days" if time.type == "TIMESTAMP_NS" else "1 microsecond"
    step = "1 day" if tick(time.type).days else step
    last = f"({value} + {STEPS[time.grain].sql} - interval '{step}')" if coarser else value
    if isinstance(operand, Span):
        least.append((f"({value} + interval '{step}')", operand.start))
        most.append((value, operand.end))
    elif operator == "between":
        least.append((value, operand["from"]))
        most.append((last, operand["to"]))
    elif operator in ("gte", "gt", "eq"):
        least.append((f"({value} + interval '{step}')" if operator == "gt" else value, operand))
    elif operator == "in" and operand:
        least.append((value, min(operand)))
        most.append((last, max(operand)))
    if operator in ("lte", "eq"):
        most.append((last, operand))
    elif operator == "lt":
        most.append((f"({value} - interval '{step}')", operand))
