"""What is known of one metric before it is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..catalog import Metric
from ..errors import Problem
from .directives import Rule
from .origin import Origin
from .traces import Traces


@dataclass(frozen=True)
class Base:
    """A SELECT's own clauses, as written: WITH with its keyword, FROM and WHERE without."""

    with_: str
    from_: str
    where: str


@dataclass(frozen=True)
class Definition:
    """One metric before it is built: what it reads, which groupings are computed ahead, what must hold.

    `ordered` where the SELECT has an order of its own, `unstable` where it asks the clock or chance. `traces` tell
    which periods a changed row touches. `lines` are those of its columns. `warnings` stop nobody.
    """

    path: str
    metric: Metric
    base: Base
    ordered: bool
    unstable: bool
    tables: tuple[tuple[str, str], ...]
    uses: tuple[Origin, ...]
    rollups: tuple[tuple[str, ...], ...]
    tests: tuple[Rule, ...]
    traces: Traces
    lines: Mapping[str, int] = field(repr=False)
    warnings: tuple[Problem, ...] = ()

    @property
    def answers(self) -> str:
        """How groupings other than its own are answered, in words; empty for a plain table, which has none."""
        if not self.metric.grouped:
            return ""
        holistic = [measure.name for measure in self.metric.measures if measure.sql and not measure.formula]
        alone = [measure.name for measure in self.metric.measures if not measure.sql]
        words = ["any grouping is added up from its table"]
        if holistic:
            others = "come from the base tables" if self.metric.base_from else "are refused"
            ahead = f"{len(self.rollups)} groupings are computed ahead for {', '.join(holistic)}"
            words = [ahead, f"others and filters {others}"]
        return "; ".join([*words, *([f"{', '.join(alone)} by its own grouping only"] if alone else [])])

    def line_of(self, *origins: str) -> int:
        """The line of the first column that is made of one of these source columns; else the first line."""
        fed = (column for column in self.metric.columns if not set(origins).isdisjoint(column.lineage))
        return next((self.lines[column.name] for column in fed if column.name in self.lines), 1)
