"""The same question so much earlier: its groups, its filter on time moved with them."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, tzinfo
from typing import Any

import strawberry
from graphql import Node

from snapshot.catalog import Column

from .errors import BAD_INPUT, NOT_ANSWERABLE, refusal
from .exact import NANOS, Nanos
from .period import STEPS, Step, earlier, moment_sql, tick
from .plan import Plan, from_base, relation
from .question import Condition, Question
from .relative import Span

# A moment -> the same so much earlier.
Move = Callable[[Any], Any]
# The operators whose set of moments is moved by moving what they are compared with.
_MOVED = ("eq", "in", "lt", "lte", "gt", "gte", "between", "last")


@strawberry.enum(description="How much earlier; PERIOD is one of the rows' own unit of time.")
class Shift(enum.Enum):
    """GraphQL value -> the unit of time, empty for the rows' own."""

    PERIOD = ""
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


def step_of(shift: Shift, column: Column, node: Node | None) -> Step:
    """How far a shift goes for rows of that unit of time. Raises GraphQLError where it would end within a period."""
    step = STEPS[shift.value or column.grain]
    if step.keeps(column.grain):
        return step
    message = f"a {column.grain} does not begin one {shift.value} after another one; use PERIOD"
    raise refusal(NOT_ANSWERABLE, message, node)


def earlier_groups(
    question: Question, measures: tuple[Column, ...], step: Step, clock: datetime
) -> tuple[Plan, Plan | None]:
    """The groups so much earlier: whole, and until the clock of then.

    The second is None where the moments that were grouped are not in the snapshot.
    """
    where = _moved(question, question.where, step, _mover(step, clock.tzinfo))
    asked = replace(question, measures=measures, where=where, having=None, order_by=(), fill=False, part="previous")
    moment = question.metric.moment
    if not moment:
        return relation(asked), None
    now = question.metric.column(question.metric.time).formula.replace("{moment}", moment_sql(clock))
    return relation(asked), from_base(asked, more=f"{moment} <= {now} - {step.sql}")


def _moved(
    question: Question, where: Condition | None, step: Step, move: Move, *, negated: bool = False
) -> Condition | None:
    """What was asked of time, so much earlier; all else as it was."""
    times = {column.field: column for column in question.metric.times}
    moved: dict[str, Any] = {}
    conditions: list[Condition] = []
    for field, value in (where or {}).items():
        if value is None or field not in ("and", "or", "not", *times):
            moved[field] = value
        elif field == "not":
            moved[field] = _moved(question, value, step, move, negated=True)
        elif field in times:
            for operator, operand in value.items():
                _refuse(question, times[field], operator, step, negated=negated)
                conditions.append({field: _moved_operand(question, times[field], operator, operand, move)})
        else:
            moved[field] = [_moved(question, item, step, move, negated=negated) or {} for item in value]
    return {**moved, "and": [*(moved.get("and") or ()), *conditions]} if conditions else moved or None


def _refuse(question: Question, column: Column, operator: str, step: Step, *, negated: bool) -> None:
    if operator == "isNull" or (operator in _MOVED and not negated and step.keeps(column.grain)):
        return
    what = f"the filter on '{column.field}' cannot be moved to an earlier time"
    raise refusal(NOT_ANSWERABLE, f"{what}; name a range, of a finer unit perhaps", question.at("where"))


def _moved_operand(question: Question, column: Column, operator: str, operand: Any, move: Move) -> Condition:
    """The bounds moved; of an open end, the day that a shorter month has not is moved to the end of that month."""
    if operand is None or operator == "isNull":
        return {operator: operand}
    try:
        if operator == "lt":
            return {"lt": max(move(operand), move(operand - tick(column.type)) + tick(column.type))}
        if operator == "gt":
            return {"gte": move(_next(column, operand))}
        if operator == "in":
            return {"in": [move(value) for value in operand]}
        if operator == "between":
            return {"between": {end: move(value) for end, value in operand.items()}}
        if isinstance(operand, Span):
            return {"gte": move(_next(column, operand.start)), "lte": move(operand.end)}
        return {operator: move(operand)}
    except (OverflowError, ValueError) as error:
        what = f"'{column.field}.{operator}' cannot be moved to an earlier time: no date is there"
        raise refusal(BAD_INPUT, what, question.at("where")) from error


def _next(column: Column, moment: Any) -> Any:
    """A moment that all values of a column behind another one have reached."""
    if column.type != "TIMESTAMP_NS" or column.role == "grain":
        return moment + tick(column.type)
    beyond = moment.beyond + 1 if isinstance(moment, Nanos) else 1
    return Nanos.at(moment, beyond) if beyond < NANOS else Nanos.at(moment, 0) + tick(column.type)


def _mover(step: Step, zone: tzinfo | None) -> Move:
    """Moments are moved in the project's zone, wherever the client is."""

    def move(moment: Any) -> Any:
        if not isinstance(moment, datetime) or moment.tzinfo is None:
            return earlier(moment, step)
        local = moment.astimezone(zone)
        # A day without midnight begins with another hour, and the earlier one at midnight.
        midnight = datetime.combine(local.date(), time(), zone)
        return earlier(midnight if midnight.astimezone(UTC) == local.astimezone(UTC) else local, step)

    return move
