"""Units of time: how long each is, and the same moment or period so much earlier.

A step is a number of months, days, hours, minutes or seconds, as DuckDB's intervals and Python's timedelta have them.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from snapshot.catalog import Column

_FINE = ("second", "minute", "hour", "day")


@dataclass(frozen=True)
class Step:
    """`number` of a `unit`: months, days, hours, minutes, seconds."""

    unit: str
    number: int = 1

    @property
    def sql(self) -> str:
        """As DuckDB has it."""
        return f"interval '{self.number} {self.unit}'"

    @property
    def by_the_calendar(self) -> bool:
        """Whether it leads to the same local time of another day; hours pass alike, whatever the clock does."""
        return self.unit in ("days", "months")

    def times(self, number: int) -> Step:
        """So many of it."""
        return Step(self.unit, self.number * number)

    def keeps(self, unit: str) -> bool:
        """Whether the beginning of a unit of time, so much earlier, is the beginning of one, too."""
        if self.unit == "months":
            return unit in _FINE or (unit in _MONTHS and self.number % _MONTHS[unit] == 0)
        if self.unit == "days":
            return unit in _FINE or (unit == "week" and self.number % 7 == 0)
        return unit in _FINE[: _FINE.index(self.unit.removesuffix("s")) + 1]


_MONTHS = {"month": 1, "quarter": 3, "year": 12}
# How long each unit of time is.
STEPS = {
    "second": Step("seconds"), "minute": Step("minutes"), "hour": Step("hours"), "day": Step("days"),
    "week": Step("days", 7), "month": Step("months"), "quarter": Step("months", 3), "year": Step("months", 12),
}  # fmt: skip


def tick(kind: str) -> timedelta:
    """The least time between two values of a DuckDB type."""
    return timedelta(days=1) if kind == "DATE" else timedelta(microseconds=1)


def compared(column: Column, sql: str) -> str:
    """An expression of a column as it is compared.

    DuckDB makes a range of moments of a truncation that is compared with one, and of hours another one than they are
    where an hour comes twice. It does not look into a function.
    """
    return f"greatest({sql})" if column.type == "TIMESTAMP WITH TIME ZONE" else f"({sql})"


def truncated(column: Column, moment: str) -> str:
    """The SQL for the beginning of the unit of time that a moment lies in; what is taken to the second is its own."""
    if column.role == "grain":
        return column.formula.replace("{moment}", moment)
    cut = moment if column.grain == "second" else f"date_trunc('{column.grain}', {moment})"
    return f"cast({cut} as {column.type})"


def moment_sql(clock: date) -> str:
    """A moment; what is compared with it and has no zone is in the project's."""
    return f"timestamptz '{clock}'"


def earlier(moment: date, step: Step) -> date:
    """A moment so much earlier; a month before the 31st is the last day of a shorter month.

    Raises ValueError or OverflowError before the year 1.
    """
    if step.unit == "months":
        months = 12 * moment.year + moment.month - 1 - step.number
        year, month = divmod(months, 12)
        day = min(moment.day, calendar.monthrange(year, month + 1)[1])
        return moment.replace(year=year, month=month + 1, day=day)
    shift = timedelta(**{step.unit: step.number})
    if step.unit != "days" and isinstance(moment, datetime) and moment.tzinfo is not None:
        # Hours pass alike through a night in which the clock is put on or back.
        return (moment.astimezone(UTC) - shift).astimezone(moment.tzinfo)
    return moment - shift
