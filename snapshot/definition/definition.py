"""What is known of one metric before it is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..catalog import Metric
from .directives import Rule
from .origin import Origin


@dataclass(frozen=True)
class Base:
    """A SELECT's own clauses, as written: WITH with its keyword, FROM and WHERE without."""

    with_: str
    from_: str
    where: str


@dataclass(frozen=True)
class Definition:
    """One metric before it is built: what it reads, which groupings are computed ahead, what must hold.

    `ordered` where the SELECT has an order of its own. `lines` are those of its columns.
    """

    path: str
    metric: Metric
    base: Base
    ordered: bool
    tables: frozenset[tuple[str, str]]
    uses: frozenset[Origin]
    rollups: tuple[tuple[str, ...], ...]
    tests: tuple[Rule, ...]
    lines: Mapping[str, int] = field(repr=False)

    def line_of(self, *origins: str) -> int:
        """The line of the first column that is made of one of these source columns; else the first line."""
        fed = (column for column in self.metric.columns if not set(origins).isdisjoint(column.lineage))
        return next((self.lines[column.name] for column in fed if column.name in self.lines), 1)
