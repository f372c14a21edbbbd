"""What a document asks, read and planned, before anything is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import Node

from .cursor import Cursor
from .plan import Plan
from .question import Question
from .schema import Root


@dataclass(frozen=True)
class Ask:
    """One root field of a metric, planned: `nodes` and `totals` are None where they are not selected.

    `first` is None where no limit was given; then more than `wanted` rows are refused, with `count`. A look-up has its
    row in `nodes`. `rows` is what was planned for the nodes, `first_row` the place of the first of them.
    """

    key: str
    root: Root
    nodes: Plan | None
    totals: Plan | None = None
    count: Plan | None = None
    counted: bool = False
    wanted: int = 1
    first: int | None = None
    offset: int = 0
    rows: Question | None = None
    first_row: Cursor | None = None
    node: Node | None = None

    @property
    def ways(self) -> dict[str, str]:
        """By which way each part of the answer is had."""
        plans = {"nodes": self.nodes, "totals": self.totals, "totalCount": self.count if self.counted else None}
        return {part: plan.way for part, plan in plans.items() if plan}


@dataclass(frozen=True)
class Asked:
    """All of a document: the metrics' fields, and the keys of the others by their field."""

    metrics: tuple[Ask, ...]
    others: Mapping[str, str]

    @property
    def ways(self) -> dict[str, dict[str, str]]:
        """By which way each part of each answer is had."""
        return {found.key: found.ways for found in self.metrics}
