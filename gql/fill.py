"""The periods that an answer leaves out because nothing happened in them, for each combination of its other dimensions.

From the first period to the last: of the range that the filter names for the time, else of the answer itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

from snapshot.catalog import COARSER, Column, quote

from .errors import BAD_INPUT, refusal
from .extras import finest
from .period import STEPS, tick
from .plan import Plan
from .question import Question
from .relative import Span


def filled(question: Question, plan: Plan) -> Plan:
    """The groups and, where a period has none, one whose counts are 0 and whose other measures are null.

    Raises GraphQLError for groups that cannot be filled.
    """
    if question.having:
        raise refusal(
            BAD_INPUT, "'fill' adds groups that 'having' would have to judge; ask for one of them", question.node
        )
    column = finest(question)
    if column.grain == "second":
        raise refusal(
            BAD_INPUT, f"'{column.field}' has too many periods to fill; group by a coarser unit", question.node
        )
    time, kind = quote(column.name), column.type
    others = [quote(c.name) for c in question.by if c not in question.metric.times]
    first, last, parameters = _ends(question, column)
    series = f"unnest(generate_series({first}, {last}, {STEPS[column.grain].sql}))"
    combinations = f"(select distinct {', '.join(others)} from groups)" if others else "(select 1)"
    same = " and ".join([f"p.{time} = g.{time}", *(f"c.{o} is not distinct from g.{o}" for o in others)])
    values = ", ".join(_values(question, column, plan))
    return replace(
        plan,
        sql=(
            f"with groups as materialized ({plan.sql}), periods as (select cast({series} as {kind}) as {time}) "
            f"select {values} from periods p cross join {combinations} c left join groups g on {same} "
            f"union all select * from groups where {time} is null"
        ),
        parameters=plan.parameters + parameters,
    )


def _values(question: Question, column: Column, plan: Plan) -> Iterator[str]:
    """Each column of a group that may not be there."""
    counts = {c.name for c in question.metric.components if c.merge == "count"}
    for found in plan.columns:
        name = quote(found.name)
        if found in question.metric.times:
            period = f"p.{quote(column.name)}"
            yield period if found is column else f"{found.formula.replace('{moment}', period)} as {name}"
        elif found in question.by:
            yield f"c.{name}"
        elif found.name in counts:
            yield f"coalesce(g.{name}, 0) as {name}"
        else:
            yield f"g.{name}"


def _ends(question: Question, column: Column) -> tuple[str, str, tuple[Any, ...]]:
    """The first and the last period in SQL, and its parameters."""
    ends = []
    parameters: list[Any] = []
    for function, bound in zip(("min", "max"), _bounds(question, column), strict=True):
        if bound is None:
            ends.append(f"(select {function}({quote(column.name)}) from groups)")
        else:
            truncated = column.formula or f"date_trunc('{column.grain}', {{moment}})"
            ends.append(truncated.replace("{moment}", f"cast(? as {column.type})"))
            parameters.append(bound)
    return ends[0], ends[1], tuple(parameters)


def _bounds(question: Question, column: Column) -> tuple[date | None, date | None]:
    """What the filter says of times that are no coarser than the period: the least and the greatest."""
    least: list[date] = []
    most: list[date] = []
    for time in question.metric.times:
        if time is not column and column.grain not in COARSER[time.grain]:
            continue
        for name, operand in ((question.where or {}).get(time.field) or {}).items():
            if isinstance(operand, Span):
                least.append(operand.start + tick(time.type))
                most.append(operand.end)
            elif name == "between":
                least.append(operand["from"])
                most.append(operand["to"])
            elif name in ("gte", "gt", "eq"):
                least.append(operand + tick(time.type) if name == "gt" else operand)
            if name in ("lte", "lt", "eq"):
                most.append(operand - tick(time.type) if name == "lt" else operand)
    return max(least, default=None), min(most, default=None)
