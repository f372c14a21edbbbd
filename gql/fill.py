"""The periods that an answer leaves out because nothing happened in them, for each combination of its other dimensions.

They reach from the first period to the last one: of the range that the filter names for the time, else of the answer.
The groups themselves are never touched: what is added are periods that have none.
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
from .period import STEPS, compared, tick, truncated
from .plan import Plan, relation
from .question import Condition, Question, filtered
from .relative import Span

# The most moments that are looked at; DuckDB is told to refuse more, in these words.
MAX_PERIODS = 100_000
TOO_MANY_PERIODS = "too many periods to fill"
# The operators that let in all moments of a range.
_RANGES = ("eq", "gt", "gte", "lt", "lte", "between", "last")
# How far it is from one moment that is looked at to the next, where that is less than the unit: the clock of Lord Howe
# is put on by half an hour, so that one of its hours is no longer.
_STRIDES = {"hour": "interval '30 minutes'"}


@dataclass(frozen=True)
class _Range:
    """What the filter says of the time: bounds of moments, in SQL, and a condition on the periods of a unit of time.

    What it says of finer units are bounds only.
    """

    unit: Column
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
    empty = relation(replace(question, by=(), where={"or": []}, order_by=(), fill=False, part="fill"))
    time, others = quote(column.name), [quote(c.name) for c in question.by if c not in question.metric.times]
    combinations = f"(select distinct {', '.join(others)} from groups)" if others else "(select 1)"
    same = " and ".join([f"p.{time} = g.{time}", *(f"c.{o} is not distinct from g.{o}" for o in others)])
    periods, parameters = _periods(column, found)
    return replace(
        plan,
        sql=(
            f"with groups as materialized ({plan.sql}), nothing as materialized ({empty.sql}), "
            f"periods as materialized ({periods}) select * from groups union all "
            f"select {', '.join(_values(question, column, plan))} from periods p cross join {combinations} c "
            f"cross join nothing n anti join groups g on {same}"
        ),
        parameters=plan.parameters + empty.parameters + parameters,
    )


def _refused(question: Question, message: str) -> Exception:
    return refusal(BAD_INPUT, message, question.at("fill"))


def _values(question: Question, column: Column, plan: Plan) -> Iterator[str]:
    """Each column of a group that is not there."""
    for found in plan.columns:
        name = quote(found.name)
        if found in question.metric.times:
            period = f"p.{quote(column.name)}"
            yield period if found is column else f"{truncated(found, period)} as {name}"
        else:
            yield f"c.{name}" if found in question.by else f"n.{name}"


def _periods(column: Column, found: _Range) -> tuple[str, tuple[Any, ...]]:
    """A query for the periods of the range, or of the groups where it has no end, and its parameters.

    A step from the beginning of a period may end within the next one, so each is truncated anew.
    """
    ends, parameters, unit = [], [], found.unit
    for function, pick, bounds in (("min", "greatest", found.least), ("max", "least", found.most)):
        if bounds:
            ends.append(f"{pick}({', '.join(sql for sql, _ in bounds)})")
            parameters += [value for _, value in bounds]
        else:
            ends.append(_end_of_groups(function, column, unit))
    many = f"date_diff('{unit.grain}', first, final) > {MAX_PERIODS}"
    step = STEPS[unit.grain].sql
    series = f"generate_series(first, final + {step}, {_STRIDES.get(unit.grain, step)})"
    period = "moment" if unit is column else truncated(column, "moment")
    # A range may lie between two moments, and both within one period.
    some = " where least <= most" if found.least and found.most else ""
    sql = (
        f"select distinct {period} as {quote(column.name)} from (select {truncated(unit, 'step')} as moment, final "
        f"from (select final, unnest(case when {many} then error('{TOO_MANY_PERIODS}') else {series} end) as step "
        f"from (select {truncated(unit, 'least')} as first, {truncated(unit, 'most')} as final "
        f"from (select {ends[0]} as least, {ends[1]} as most){some}))) where moment <= final and {found.condition.sql}"
    )
    return sql, (*parameters, *found.condition.parameters)


def _end_of_groups(function: str, column: Column, unit: Column) -> str:
    """The first moment of the first group, or the last one of the last, in the unit that is looked at."""
    end = f"(select {function}({quote(column.name)}) from groups)"
    if unit is column or function == "min":
        return end
    return truncated(unit, f"({end} + {STEPS[column.grain].sql} - {_tick(unit)})")


def _range(question: Question, column: Column) -> _Range:
    """Read the filter. Ranges are bounds, whatever their unit; all else is judged by moments that are fine enough.

    Raises GraphQLError where a period cannot be judged.
    """
    times = {time.field: time for time in question.metric.times}
    asked = fitted(question.where, question.metric.by_field)
    parts = [part for part in _parts(asked) if not times.keys().isdisjoint(filtered(part))]
    needed = {column.grain} | {
        times[field].grain for part in parts if not _is_range(part, times) for field in filtered(part) if field in times
    }
    unit = [time for time in times.values() if needed <= {time.grain, *COARSER[time.grain]}][-1]
    coarser = (time for time in times.values() if time.grain in COARSER[unit.grain])
    judged = {time.field: compared(time, truncated(time, "moment")) for time in coarser}
    judged[unit.field] = "moment"
    least: list[tuple[str, Any]] = []
    most: list[tuple[str, Any]] = []
    conditions: list[Condition] = []
    for part in parts:
        fields = set(filtered(part))
        if not _is_range(part, times) and (unit.grain == "second" or not fields <= times.keys()):
            what = f"the filter on '{min(fields & times.keys())}' lets in"
            raise _refused(question, f"'fill' cannot tell which periods {what}; name a range, or leave 'fill' out")
        if fields <= judged.keys():
            conditions.append(part)
        for field, value in part.items():
            for operator, operand in value.items() if field in times else ():
                _add_bounds(times[field], operator, operand, least, most)
    return _Range(unit, tuple(least), tuple(most), predicate({"and": conditions}, judged, question.at("where")))


def _parts(where: Condition | None) -> Iterator[Condition]:
    """The conditions that all hold, one by one."""
    for field, value in (where or {}).items():
        if field == "and" and value:
            for item in value:
                yield from _parts(item)
        else:
            yield {field: value}


def _is_range(part: Condition, times: Condition) -> bool:
    """Whether a condition lets in all moments from one to another."""
    return all(field in times and set(value) <= set(_RANGES) for field, value in part.items())


def _tick(time: Column) -> str:
    return "interval '1 day'" if tick(time.type).days else "interval '1 microsecond'"


def _add_bounds(
    time: Column, operator: str, operand: Any, least: list[tuple[str, Any]], most: list[tuple[str, Any]]
) -> None:
    """The first and the last moment that an operator lets in, or no later and no earlier ones.

    What is more than a value begins after the period of that value, and what is at most the value ends before that.
    """
    ordinal, one = time.grain == "second", _tick(time)
    value = f"cast(? as {time.type})"

    def after(moment: str) -> str:
        return f"({moment} + {one})" if ordinal else f"({truncated(time, moment)} + {STEPS[time.grain].sql})"

    before = f"({value} - {one})"
    lowest, highest = {
        "gt": (value, None), "gte": (before, None), "lt": (None, before), "lte": (None, value), "eq": (before, value),
        "between": (before, value), "last": (value, value), "in": (before, value),
    }.get(operator, (None, None))  # fmt: skip
    low, high = _ends(operand)
    if lowest and low is not None:
        least.append((after(lowest) if ordinal else truncated(time, after(lowest)), low))
    if highest and high is not None:
        most.append((f"({after(highest)} - {one})", high))


def _ends(operand: Any) -> tuple[Any, Any]:
    """The least and the greatest value that a condition compares with; none of an empty list."""
    if isinstance(operand, Span):
        return operand.start, operand.end
    if isinstance(operand, dict):
        return operand["from"], operand["to"]
    if isinstance(operand, list):
        return min(operand, default=None), max(operand, default=None)
    return operand, operand
