"""The columns of a metric, from its SELECT and from what DuckDB says of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from sqlglot import exp

from ..catalog import COARSER, Column, Component, Role, field_name, is_nested
from ..settings import WEEK_DAYS
from ..source.shape import Shapes
from .dialect import DIALECT
from .lineage import lineage_of
from .origin import SourceTable, TypesOf, nullable
from .parsed import Parsed
from .rollup import Measure, measures_of
from .shape import Shape

# What DuckDB computes wider than a client can be sent; the build casts, and a value that does not fit fails it.
_NARROWED = {"HUGEINT": "BIGINT", "UHUGEINT": "UBIGINT"}
# What JSON has no number for is null there, and a document may be one, whatever the constraints say.
_HOLD_NULLS = ("FLOAT", "DOUBLE", "JSON")
_TIME_TYPES = ("DATE", "TIMESTAMP")
# What is newer than the format of the file, at any depth of a type.
_NOT_STORED = re.compile(r"\b(TUPLE|VARIANT|TYPE)\b")
# The names that DuckDB has for a unit of time.
_UNITS = {
    name: unit
    for unit, names in {
        "second": "s sec secs second seconds",
        "minute": "m min mins minute minutes",
        "hour": "h hr hrs hour hours",
        "day": "d day days dayofmonth",
        "week": "w week weeks weekofyear",
        "month": "mon mons month months",
        "quarter": "quarter quarters",
        "year": "y yr yrs year years",
    }.items()
    for name in names.split()
}


@dataclass(frozen=True)
class Select:
    """One SELECT with all that is known of it: DuckDB's columns, and a comment for each.

    `types_of` asks DuckDB for the types of expressions over its FROM; None where it refuses one.
    """

    parsed: Parsed
    described: Sequence[tuple[str, str]]
    comments: Sequence[str]
    tables: Sequence[SourceTable]
    shapes: Shapes
    types_of: TypesOf

    @cached_property
    def lineage(self) -> Sequence[tuple[str, ...]]:
        """The source columns that feed each column."""
        return lineage_of(self.parsed.tree, self.shapes, len(self.described))

    def expression(self, position: int) -> exp.Expr:
        """The expression of a column, its references written out; null where a star keeps positions from being told."""
        exact = len(self.parsed.projections) == len(self.described)
        return self.parsed.written_out(self.parsed.projections[position]) if exact else exp.null()

    def named(self, name: str) -> exp.Expr | None:
        """The expression of the column of that name; None where there is none."""
        position = next((n for n, (known, _) in enumerate(self.described) if known == name), None)
        return None if position is None else self.expression(position)

    def can_store(self, sql: str) -> bool:
        """Whether DuckDB accepts an expression over the FROM, and a snapshot's file has its type."""
        types = self.types_of([sql])
        return types is not None and not _NOT_STORED.search(types[0])

    def column(self, position: int, role: Role) -> Column:
        """A column as DuckDB describes it."""
        name, kind = self.described[position]
        expression = self.expression(position)
        return Column(
            name=name,
            field=field_name(name),
            type=_NARROWED.get(kind, kind),
            nullable=kind in _HOLD_NULLS or nullable(expression, self.parsed.tree, self.shapes, self.types_of),
            role=role,
            description=self.comments[position] if len(self.comments) == len(self.described) else "",
            lineage=self.lineage[position],
        )


def plain_columns(select: Select) -> tuple[Column, ...]:
    """The columns of a plain table: its own rows, nothing to group."""
    return tuple(select.column(position, "column") for position in range(len(select.described)))


def grouped_columns(select: Select, shape: Shape) -> tuple[tuple[Column, ...], tuple[Component, ...]]:
    """The dimensions and measures of a grouped metric, and the components its measures are made of."""
    measures, parts = measures_of(select.parsed, shape.dimensions, select.can_store)
    by_name = {measure.name: measure for measure in measures}
    columns = tuple(
        _dimension(select, position) if position in shape.dimensions else _measure(select, position, by_name)
        for position in range(len(select.described))
    )
    types = select.types_of([part.sql for part in parts]) or [""] * len(parts)
    # Parts keep the type that DuckDB gives them, however wide: a formula computes with them as the SELECT does.
    return columns, tuple(Component(p.name, kind, p.sql, p.merge) for p, kind in zip(parts, types, strict=True))


def with_grains(columns: Sequence[Column], time: str, week_start: str) -> tuple[Column, ...]:
    """The columns with the coarser grains of the time dimension behind it; weeks begin with that day."""
    found: list[Column] = []
    for column in columns:
        found.append(column)
        if column.name != time:
            continue
        for unit in COARSER.get(column.grain, ()):
            formula = _truncated(unit, column.type, week_start)
            words = f"The {unit} of {column.name}: its first {'day' if column.type == 'DATE' else 'moment'}"
            grain = replace(column, name=unit, field=unit, role="grain", description=words, grain=unit)
            found.append(replace(grain, sql=formula.replace("{moment}", column.sql), formula=formula))
    return tuple(found)


def _truncated(unit: str, kind: str, week_start: str) -> str:
    """The SQL for the beginning of the unit of time that `{moment}` lies in; DuckDB's own weeks begin with Monday."""
    before = -WEEK_DAYS.index(week_start) % 7 if unit == "week" else 0
    if before:
        return f"CAST(date_trunc('week', {{moment}} + INTERVAL {before} DAY) - INTERVAL {before} DAY AS {kind})"
    return f"CAST(date_trunc('{unit}', {{moment}}) AS {kind})"


def is_time(kind: str) -> bool:
    """Whether a DuckDB type is that of days or moments, and no list of them."""
    return kind.startswith(_TIME_TYPES) and not is_nested(kind)


def unit_of(node: exp.Expr) -> str:
    """The unit of time that a call or a cast truncates to, as DuckDB calls it where it is none of ours; empty for none.

    Only what it is itself, whatever is within it.
    """
    if isinstance(node, exp.TimestampTrunc | exp.DateTrunc):
        name: str = node.args["unit"].name.lower()
        return _UNITS.get(name, name)
    return "day" if isinstance(node, exp.Cast) and node.to.this == exp.DType.DATE else ""


def _dimension(select: Select, position: int) -> Column:
    column = select.column(position, "dimension")
    expression = select.expression(position)
    return replace(column, sql=expression.sql(DIALECT), grain=_grain(expression, column.type))


def _grain(expression: exp.Expr, kind: str) -> str:
    """The unit of time whose beginnings the values are: of a truncation, which is nothing else but cast.

    Without one, a date is a day, and other moments are taken to the second; what is made of a truncation has no unit.
    """
    if not is_time(kind):
        return ""
    bare, units = expression, list[str]()
    while isinstance(bare, exp.Cast | exp.Paren | exp.Alias):
        units.append(unit_of(bare))
        bare = bare.this
    if isinstance(bare, exp.TimestampTrunc | exp.DateTrunc):
        unit = unit_of(bare)
        if "day" in units and "day" in COARSER.get(unit, ()):
            return "day"  # the date of an hour
        return unit if unit in COARSER else ""
    if expression.find(exp.TimestampTrunc, exp.DateTrunc, exp.DateBin):
        return ""
    return "day" if kind == "DATE" else "second"


def _measure(select: Select, position: int, by_name: Mapping[str, Measure]) -> Column:
    column = select.column(position, "measure")
    measure = by_name[select.parsed.projections[position].alias_or_name]
    return replace(column, rollup=measure.rollup, sql=measure.sql, formula=measure.formula)
