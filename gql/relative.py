"""`last: {days: 30}`: time relative to the data, never to the request's clock.

An answer then depends on the question and the generation only: asked tomorrow of the same snapshot, it is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import strawberry
from graphql import Node

from snapshot.catalog import Column, SnapshotInfo

from .errors import BAD_INPUT, named, refusal
from .period import STEPS, earlier


@strawberry.input(one_of=True, description="A time that ends with the snapshot's asOf; one unit is named.")
class Last:
    """The units; of a Date those from days on."""

    minutes: int | None = strawberry.field(default=strawberry.UNSET, description="So many minutes; not of a Date.")
    hours: int | None = strawberry.field(default=strawberry.UNSET, description="So many hours; not of a Date.")
    days: int | None = strawberry.field(default=strawberry.UNSET, description="So many days; of a Date, today is one.")
    weeks: int | None = strawberry.field(default=strawberry.UNSET, description="So many times seven days.")
    months: int | None = strawberry.field(
        default=strawberry.UNSET, description="Since that day so many months ago, or the last of a shorter month."
    )
    quarters: int | None = strawberry.field(default=strawberry.UNSET, description="So many times three months.")
    years: int | None = strawberry.field(default=strawberry.UNSET, description="So many times twelve months.")


@dataclass(frozen=True)
class Span:
    """What `last` stands for: from here on, this moment left out, until there."""

    start: date
    end: date


def resolved(where: Any, columns: Mapping[str, Column], info: SnapshotInfo, node: Node | None = None) -> Any:
    """A coerced `where` with a Span in the place of each `last`, of what a client says at `node`.

    Raises GraphQLError for what is no time.
    """
    if isinstance(where, list):
        return [resolved(item, columns, info, node) for item in where]
    if not isinstance(where, Mapping):
        return where
    found = dict(where)
    for field, value in where.items():
        if field in ("and", "or", "not"):
            found[field] = resolved(value, columns, info, node)
        elif isinstance(value, Mapping) and value.get("last") is not None:
            found[field] = {**value, "last": _span(field, columns[field].type, value["last"], info, node)}
    return found


def _span(field: str, kind: str, last: Mapping[str, Any], info: SnapshotInfo, node: Node | None) -> Span:
    ((unit, number),) = last.items()
    if number is None or number < 1:
        raise refusal(BAD_INPUT, f"{named(node, f'{field}.last.{unit}')} must be at least 1", node)
    local = info.as_of.astimezone(ZoneInfo(info.time_zone))
    moment = local if kind == "TIMESTAMP WITH TIME ZONE" else local.replace(tzinfo=None)
    end: date = moment.date() if kind == "DATE" else moment
    if kind == "DATE" and unit in ("minutes", "hours"):
        raise refusal(BAD_INPUT, f"{named(node, field)} is a Date, which has no {unit}; name days", node)
    try:
        return Span(earlier(end, STEPS[unit.removesuffix("s")].times(number)), end)
    except (OverflowError, ValueError) as error:
        message = f"{named(node, f'{field}.last')} goes back before the year 1; name a shorter time"
        raise refusal(BAD_INPUT, message, node) from error
