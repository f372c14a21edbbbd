"""A metric as both processes know it: frozen values, no behaviour beyond naming."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal

# JavaScript's Number.MAX_SAFE_INTEGER: what a JSON number carries exactly to every client.
MAX_SAFE_INTEGER = 2**53 - 1

Role = Literal["dimension", "grain", "measure", "column"]
Rollup = Literal["", "additive", "decomposed", "holistic", "derived"]

# Which coarser units a unit of time nests in: each week lies in one week only, for months begin within weeks.
COARSER: dict[str, tuple[str, ...]] = {
    "second": ("minute", "hour", "day", "week", "month", "quarter", "year"),
    "minute": ("hour", "day", "week", "month", "quarter", "year"),
    "hour": ("day", "week", "month", "quarter", "year"),
    "day": ("week", "month", "quarter", "year"),
    "week": (),
    "month": ("quarter", "year"),
    "quarter": ("year",),
    "year": (),
}


@dataclass(frozen=True)
class Column:
    """One column of a metric and one field of its GraphQL rows.

    `sql` computes it over the metric's base tables; `formula` computes a measure from the metric's components, a
    coarser grain from a finer one, and what the time dimension truncates from a moment; it calls those `{moment}`.
    `grain` is the unit of time of a time dimension and of its coarser grains. `lineage` names source columns.
    """

    name: str
    field: str
    type: str
    nullable: bool
    role: Role
    description: str = ""
    unit: str = ""
    deprecated: str = ""
    grain: str = ""
    rollup: Rollup = ""
    sql: str = ""
    formula: str = ""
    lineage: tuple[str, ...] = ()


@dataclass(frozen=True)
class Component:
    """A part of a measure that re-aggregates exactly by `merge` (count, sum, min, max, bool_and, bool_or)."""

    name: str
    type: str
    sql: str
    merge: str


@dataclass(frozen=True)
class Grain:
    """A stored table of a metric: what it is grouped by, which measures and components it has, rows, and as of when."""

    table: str
    by: tuple[str, ...]
    columns: tuple[str, ...]
    rows: int
    computed_at: datetime

    @property
    def cells(self) -> int:
        """The values that it holds."""
        return self.rows * len({*self.by, *self.columns})


@dataclass(frozen=True)
class Metric:
    """One file of `metrics/` and everything that the API needs to answer from it. `pace` in seconds.

    `base_with`, `base_from` and `base_where` are the SELECT's own clauses; `base_from` is empty when its base tables
    are not in the snapshot. `moment` is the SQL over them of the moment that the time dimension truncates; empty where
    it is none. A metric that is not built yet has no `grains`. `why` says in words what decided between a
    grouped metric and a plain table.
    """

    name: str
    field: str
    grouped: bool
    why: str
    description: str
    sql: str
    definition_hash: str
    pace: int
    time: str
    moment: str
    keys: tuple[str, ...]
    base_with: str
    base_from: str
    base_where: str
    columns: tuple[Column, ...] = ()
    components: tuple[Component, ...] = ()
    grains: tuple[Grain, ...] = ()

    @property
    def computed_at(self) -> datetime:
        """The moment of the data that the metric was computed from; its first stored table is the one in `main`."""
        return self.grains[0].computed_at

    def column(self, name: str) -> Column:
        """The column of that SQL name."""
        return next(column for column in self.columns if column.name == name)

    @cached_property
    def by_field(self) -> dict[str, Column]:
        """The columns by their names in GraphQL."""
        return {column.field: column for column in self.columns}

    @cached_property
    def stored(self) -> tuple[Column, ...]:
        """The columns that the metric's table in `main` has, in its order."""
        return tuple(column for column in self.columns if column.role != "grain")

    @cached_property
    def dimensions(self) -> tuple[Column, ...]:
        """What can be grouped by: the dimensions and the coarser grains of time."""
        return tuple(column for column in self.columns if column.role in ("dimension", "grain"))

    @cached_property
    def times(self) -> tuple[Column, ...]:
        """The time dimension and its coarser units."""
        return tuple(c for c in self.columns if c.role == "grain" or (c.name == self.time and c.role == "dimension"))

    @cached_property
    def own_grain(self) -> tuple[str, ...]:
        """The dimensions of the SELECT itself."""
        return tuple(column.name for column in self.columns if column.role == "dimension")

    @cached_property
    def measures(self) -> tuple[Column, ...]:
        """The measures of a grouped metric."""
        return tuple(column for column in self.columns if column.role == "measure")
