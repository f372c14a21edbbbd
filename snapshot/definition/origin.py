"""Where a SELECT's columns come from: what has to be exported, and what may be null."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from ..source.shape import Shapes, TableShape
from .dialect import DIALECT
from .shape import has_grouping_sets

# Functions that are null only where an argument is. Parts of a date are not: infinity has none.
_STRICT = (
    exp.Cast, exp.TimestampTrunc, exp.DateTrunc, exp.Lower, exp.Upper, exp.Paren, exp.Add, exp.Sub, exp.Mul, exp.DPipe,
    exp.Concat, exp.Round, exp.Abs, exp.Neg, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.And, exp.Or,
    exp.Not,
)  # fmt: skip
# Types with a null of their own, which is SQL's null once it is read as another type.
_WITH_NULLS = ("JSON", "VARIANT", "UNION")
# Asks DuckDB for the types of expressions over a SELECT's FROM; None where it refuses one.
TypesOf = Callable[[Sequence[str]], Sequence[str] | None]


@dataclass(frozen=True, order=True)
class Origin:
    """A column of a source table."""

    source: str
    table: str
    column: str

    def __str__(self) -> str:
        return f"{self.source}.{self.table}.{self.column}"


@dataclass(frozen=True)
class SourceTable:
    """A source table as a SELECT names it: `alias` is the name its columns are qualified by."""

    alias: str
    source: str
    name: str
    shape: TableShape

    def origin(self, column: str) -> Origin:
        """One of its columns."""
        return Origin(self.source, self.name, column)


def table_of(table: exp.Table, shapes: Shapes) -> SourceTable | None:
    """The source table that a table of the SELECT names, in any case of letters; None for a CTE, say."""
    for source, shaped in shapes.items():
        for name, shape in shaped.items():
            if (source.lower(), name.lower()) == (table.db.lower(), table.name.lower()):
                return SourceTable(table.alias_or_name.lower(), source, name, shape)
    return None


def tables_of(tree: exp.Expr, shapes: Shapes) -> tuple[SourceTable, ...]:
    """The source tables that a SELECT names, anywhere in it."""
    found = (table_of(table, shapes) for table in tree.find_all(exp.Table))
    return tuple(table for table in found if table is not None)


def uses_of(tree: exp.Expr, tables: Sequence[SourceTable]) -> frozenset[Origin]:
    """The source columns that a SELECT can read.

    A qualified column counts for the tables of that name, an unqualified one for every table that has such a column;
    stars, natural joins, pivots, whole rows and columns that are named by their place count for all columns.
    """
    everything = any(_reads_all(node) for node in tree.walk())
    # What stands before a dot may be a column, of which the rest is a part or a function.
    dotted = {part.name.lower() for dot in tree.find_all(exp.Dot) for part in dot.find_all(exp.Identifier)}
    dotted |= {part.name.lower() for column in tree.find_all(exp.Column) for part in column.parts[:-1]}
    bare = {column.name.lower() for column in tree.find_all(exp.Column) if not column.table}
    used = {t.origin(name) for t in tables if everything or t.alias in bare for name in t.shape.columns}
    for column in (*tree.find_all(exp.Column), *map(exp.column, dotted)):
        used.update(origins(column, tables))
    for join in tree.find_all(exp.Join):
        for name in join.args.get("using") or ():
            used.update(origins(exp.column(name.name), tables))
    return frozenset(used)


def origins(column: exp.Column, tables: Sequence[SourceTable]) -> Iterator[Origin]:
    """The source columns that a column of the SELECT can mean."""
    for table in tables:
        if not column.table or column.table.lower() == table.alias:
            yield from (table.origin(name) for name in table.shape.columns if name.lower() == column.name.lower())


def nullable(expression: exp.Expr, tree: exp.Query, shapes: Shapes, types_of: TypesOf) -> bool:
    """Whether an expression can be null: only what the constraints and the SQL rule out is not."""
    if not isinstance(tree, exp.Select) or has_grouping_sets(tree):
        return True
    if isinstance(expression, exp.Column):
        return _column_nullable(expression, tree, shapes)
    if isinstance(expression, exp.Literal | exp.Boolean | exp.Count):
        return False
    if isinstance(expression, exp.Filter):
        return not isinstance(expression.this, exp.Count)
    if isinstance(expression, exp.Alias):
        return nullable(expression.this, tree, shapes, types_of)
    if isinstance(expression, exp.Coalesce):
        return all(nullable(part, tree, shapes, types_of) for part in (expression.this, *expression.expressions))
    if type(expression) in _STRICT:  # not what derives from them: TRY_CAST makes nulls
        parts = [part for part in expression.iter_expressions() if not isinstance(part, exp.DataType | exp.Var)]
        if any(nullable(part, tree, shapes, types_of) for part in parts):
            return True
        types = types_of([part.sql(DIALECT) for part in parts])
        return types is None or any(kind.startswith(_WITH_NULLS) for kind in types)
    return True


def _column_nullable(column: exp.Column, tree: exp.Query, shapes: Shapes) -> bool:
    outer = _outer_tables(tree, shapes)
    found = [(origin, table, missing) for table, missing in outer for origin in origins(column, [table])]
    if len(found) != 1:
        return True
    origin, table, missing = found[0]
    return missing or table.shape.columns[origin.column].nullable


def _outer_tables(tree: exp.Query, shapes: Shapes) -> list[tuple[SourceTable, bool]]:
    """The source tables of the outermost FROM, each with whether an outer join can leave it without a row."""
    if not isinstance(tree, exp.Select) or (start := tree.args.get("from_")) is None:
        return []
    found: list[tuple[exp.Expr, bool]] = [(start.this, False)]
    for join in tree.args.get("joins") or ():
        either = join.side == "FULL" or join.method == "POSITIONAL"
        if either or join.side == "RIGHT":
            found = [(table, True) for table, _ in found]
        found.append((join.this, either or join.side == "LEFT"))
    tables = [(table, missing) for table, missing in found if isinstance(table, exp.Table)]
    named = [(table_of(table, shapes), missing or not _is_bare(table)) for table, missing in tables]
    return [(table, missing) for table, missing in named if table is not None]


def _is_bare(table: exp.Table) -> bool:
    """Whether a table is itself only: without joins of its own, a pivot, or other names for its columns."""
    said = {name for name, value in table.args.items() if value}
    return said <= {"this", "db", "alias"} and not table.alias_column_names


def _reads_all(node: exp.Expr) -> bool:
    if isinstance(node, exp.Join):
        return node.method in ("NATURAL", "POSITIONAL")
    if isinstance(node, exp.TableAlias):  # `orders as o(id, plan)` names columns by their place
        return bool(node.columns) and isinstance(node.parent, exp.Table)
    return isinstance(node, exp.Columns | exp.Pivot | exp.PositionalColumn) or (
        isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count)
    )
