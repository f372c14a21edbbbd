"""The columns of a metric, from its SELECT and from what DuckDB says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from ..catalog import COARSER, Column, Component, Role, field_name, truncate
from ..source.shape import Shapes
from .alias import expanded_projection
from .origin import SourceTable, lineage_of, nullable
from .rollup import Measure, Part, measures_of
from .shape import Shape

# What DuckDB computes wider than a client can be sent; the build casts, and a value that does not fit fails it.
_NARROWED = {"HUGEINT": "BIGINT", "UHUGEINT": "UBIGINT"}
_TIME_TYPES = ("DATE", "TIMESTAMP")


@dataclass(frozen=True)
class Select:
    """One parsed SELECT with all that is known of it: DuckDB's columns and a comment for each."""

    tree: exp.Query
    described: Sequence[tuple[str, str]]
    comments: Sequence[str]
    tables: Sequence[SourceTable]
    shapes: Shapes

    def column(self, position: int, role: Role) -> Column:
        """A column as DuckDB describes it; projection and comment only where positions can be told apart."""
        name, kind = self.described[position]
        exact = len(self.tree.selects) == len(self.described)
        projection = self.tree.selects[position] if exact else exp.null()
        return Column(
            name=name,
            field=field_name(name),
            type=_NARROWED.get(kind, kind),
            nullable=nullable(self.expanded(projection), self.tree, self.shapes),
            role=role,
            description=self.comments[position] if len(self.comments) == len(self.described) else "",
            lineage=lineage_of(self.expanded(projection), self.tables),
        )

    def expanded(self, projection: exp.Expr) -> exp.Expr:
        """A projection with its references to others written out."""
        return expanded_projection(projection, self.tree) if isinstance(self.tree, exp.Select) else projection.unalias()


def plain_columns(select: Select) -> tuple[Column, ...]:
    """The columns of a plain table: its own rows, nothing to group."""
    return tuple(select.column(position, "column") for position in range(len(select.described)))


def grouped_columns(
    select: Select,
    shape: Shape,
    aggregates: frozenset[str],
    types_of: Callable[[Sequence[str]], Sequence[str] | None],
) -> tuple[tuple[Column, ...], tuple[Component, ...]]:
    """The dimensions and measures of a grouped metric, and the components its measures are made of.

    `types_of` asks DuckDB for the types of expressions over the metric's FROM; None where it refuses one.
    """
    tree = select.tree
    assert isinstance(tree, exp.Select)  # noqa: S101  a grouped metric is one SELECT; this tells mypy
    measures, parts = measures_of(tree, shape.dimensions, aggregates, lambda sql: types_of([sql]) is not None)
    by_name = {measure.name: measure for measure in measures}
    columns = tuple(
        _dimension(select, position) if position in shape.dimensions else _measure(select, position, by_name)
        for position in range(len(select.described))
    )
    return columns, tuple(_components(parts, columns, types_of))


def with_grains(columns: Sequence[Column], time: str) -> tuple[Column, ...]:
    """The columns with the coarser grains of the time dimension behind it."""
    found: list[Column] = []
    for column in columns:
        found.append(column)
        if column.name != time:
            continue
        for unit in COARSER.get(column.grain, ()):
            truncated = truncate(unit, column.sql, column.type)
            description = f"The {unit} of {column.name}: its first {'day' if column.type == 'DATE' else 'moment'}"
            found.append(
                replace(column, name=unit, field=unit, role="grain", description=description, grain=unit, sql=truncated)
            )
    return tuple(found)


def time_dimensions(columns: Sequence[Column]) -> list[Column]:
    """The dimensions that can be the time dimension: the truncated ones, or those of a type of time where none is."""
    of_time = [c for c in columns if c.role == "dimension" and c.type.startswith(_TIME_TYPES)]
    return [c for c in of_time if c.grain not in ("", "second")] or of_time


def _dimension(select: Select, position: int) -> Column:
    column = select.column(position, "dimension")
    expression = select.expanded(select.tree.selects[position])
    return replace(column, sql=expression.sql("duckdb"), grain=_grain(expression, column.type))


def _grain(expression: exp.Expr, kind: str) -> str:
    """The unit of time that an expression truncates to; a date is a day, and other moments are taken to the second."""
    if not kind.startswith(_TIME_TYPES):
        return ""
    truncation = expression.find(exp.TimestampTrunc, exp.DateTrunc)
    unit = truncation.args["unit"].name.lower() if truncation is not None else ""
    return unit if unit in COARSER else ("day" if kind == "DATE" else "second")


def _measure(select: Select, position: int, by_name: Mapping[str, Measure]) -> Column:
    column = select.column(position, "measure")
    measure = by_name[select.tree.selects[position].alias_or_name]
    return replace(column, rollup=measure.rollup, sql=measure.sql, formula=measure.formula)


def _components(
    parts: Sequence[Part], columns: Sequence[Column], types_of: Callable[[Sequence[str]], Sequence[str] | None]
) -> Iterator[Component]:
    """The parts with their types: a part that is a visible measure has its type, the others what DuckDB says."""
    visible = {column.name: column.type for column in columns}
    types = types_of([part.sql for part in parts]) or ()
    for part, kind in zip(parts, types, strict=True):
        yield Component(part.name, visible.get(part.name, kind), part.sql, part.merge)
