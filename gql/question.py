"""What one field of a document asks of a metric."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from graphql import Node

from snapshot.catalog import Column, Metric

from .errors import place
from .fit import fitted

# A condition as `where` has it: by field, with and, or and not.
Condition = Mapping[str, Any]
# Which rows of a metric a caller may see; None is all of them.
Policy = Callable[[Metric], Condition | None]


def everything(_: Metric) -> Condition | None:
    """The policy of whoever may see all."""
    return None


@dataclass(frozen=True)
class Question:
    """`measures` are those that the answer, its order and `having` need; for a plain table, its columns.

    `where` is what was asked, `policy` what the caller may see: what is read fulfils both. `part` is what of the answer
    it is for, where that is not the rows: totals, say.
    """

    metric: Metric
    by: tuple[Column, ...]
    measures: tuple[Column, ...]
    where: Condition | None = None
    having: Condition | None = None
    order_by: tuple[tuple[Column, str], ...] = ()
    fill: bool = False
    policy: Condition | None = None
    node: Node | None = None
    part: str = ""

    def at(self, argument: str) -> Node | None:
        """Where the document says it."""
        return place(self.node, argument)

    @cached_property
    def condition(self) -> Condition | None:
        """What every row that is read fulfils, said with values of its columns."""
        both = self.where if self.policy is None else {"and": [self.policy, self.where or {}]}
        return fitted(both, self.metric.by_field)


def filtered(condition: Condition | None) -> Iterator[str]:
    """The fields that a condition looks at, at any depth."""
    for field, value in (condition or {}).items():
        if field in ("and", "or"):
            for item in value or ():
                yield from filtered(item)
        elif field == "not":
            yield from filtered(value)
        else:
            yield field


def order_keys(
    order_by: Sequence[Mapping[str, Any]] | None, by_field: Callable[[str], Column]
) -> tuple[tuple[Column, str], ...]:
    """The keys of a coerced `orderBy`: each a column and SQL's words for its direction."""
    keys = []
    for item in order_by or ():
        for field, direction in item.items():
            keys.append((by_field(field), str(direction.value)))
    return tuple(keys)
