"""What a document asks, read and planned, before anything is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from graphql import Node

from .complete import Selection, size_of
from .extras import Extras
from .page import NO_EXTRAS
from .plan import Plan
from .question import Question
from .resident import Shape, shape_of
from .schema import Root


@dataclass(frozen=True)
class Ask:
    """One root field of a metric, planned: `nodes` and `totals` are None where they are not selected.

    `first` is None where no limit was given; then more than `wanted` rows are refused, with `count`. A look-up has its
    row in `nodes`. `rows` is what was planned for the nodes, `total` for the totals; `parts` are the fields that are
    selected of the answer, `selection` is all of it.
    """

    key: str
    root: Root
    selection: Selection
    rows: Question
    nodes: Plan | None
    count: Plan | None = None
    total: Question | None = None
    totals: Plan | None = None
    parts: frozenset[str] = frozenset()
    wanted: int = 1
    first: int | None = None
    offset: int = 0
    extras: Extras = NO_EXTRAS
    node: Node | None = None

    @cached_property
    def width(self) -> int:
        """How many values of each row are in the response."""
        if self.root.look_up:
            return size_of(self.selection)
        return sum(size_of(place.below) for place in self.selection.values() if place.key in ("nodes", "columns"))

    @cached_property
    def nodes_shape(self) -> Shape | None:
        """What the nodes are taken of, where it is held; and the count."""
        plan = self.nodes or self.count
        return shape_of(self.rows, self.extras, plan) if plan else None

    @cached_property
    def totals_shape(self) -> Shape | None:
        """What the totals are taken of."""
        return shape_of(self.total, NO_EXTRAS, self.totals) if self.total and self.totals else None


@dataclass(frozen=True)
class Asked:
    """All of a document: the metrics' fields, and the keys of the others by their field."""

    metrics: tuple[Ask, ...]
    others: Mapping[str, str]
