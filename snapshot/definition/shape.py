"""Grouped metric or plain table, decided from the SQL alone, and why."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlglot import exp

from .alias import outer, outer_nodes, references

_PLAIN_CLAUSES = {
    "having": "HAVING",
    "qualify": "QUALIFY",
    "limit": "LIMIT",
    "offset": "OFFSET",
    "distinct": "DISTINCT",
    "sample": "a sample",
}


@dataclass(frozen=True)
class Shape:
    """`grouped` with the positions of the dimensions among the projections, or plain; `why` in words."""

    grouped: bool
    why: str
    dimensions: tuple[int, ...] = ()


def shape_of(tree: exp.Query, source_columns: Collection[str], aggregates: Collection[str]) -> Shape:
    """Which of the two a SELECT is. `source_columns` are the columns of its FROM, in small letters."""
    if not isinstance(tree, exp.Select):
        return Shape(False, "plain table: a set operation has its own rows")
    group = tree.args.get("group")
    for clause, words in _PLAIN_CLAUSES.items():
        if tree.args.get(clause):
            return Shape(False, f"plain table: {words} decides which rows there are")
    if any(outer_nodes(projection, exp.Window) for projection in tree.expressions):
        return Shape(False, "plain table: a window function looks across rows")
    if group is None:
        return Shape(False, "plain table: it has no GROUP BY")
    if any(group.args.get(key) for key in ("grouping_sets", "rollup", "cube")):
        return Shape(False, "plain table: grouping sets mix several groupings")
    if any(projection.is_star for projection in tree.expressions):
        return Shape(False, "plain table: a star does not name its columns")
    plain = tuple(i for i, p in enumerate(tree.expressions) if not _is_measure(p, tree, aggregates))
    if len(plain) == len(tree.expressions):
        return Shape(False, "plain table: it has no aggregate")
    if not group.args.get("all"):
        positions = [_position(key, tree, source_columns) for key in group.expressions]
        if None in positions:
            key = group.expressions[positions.index(None)]
            return Shape(False, f"plain table: it groups by {key.sql('duckdb')}, which it does not project")
        if set(positions) != set(plain):
            return Shape(False, "plain table: it projects something that is neither grouped by nor an aggregate")
    names = ", ".join(tree.expressions[i].alias_or_name for i in plain) or "nothing"
    return Shape(True, f"grouped metric: it groups by {names}, exactly what it projects beside aggregates", plain)


def aggregates_in(node: exp.Expr, aggregates: Collection[str]) -> list[exp.Expr]:
    """The outermost aggregate calls of an expression, each with its FILTER and WITHIN GROUP; subqueries keep theirs."""
    found: list[exp.Expr] = []
    for call in outer(node):
        if not is_aggregate(call, aggregates):
            continue
        while isinstance(call.parent, exp.Filter | exp.WithinGroup | exp.IgnoreNulls) and call.arg_key == "this":
            call = call.parent
        found.append(call)
    return found


def is_aggregate(node: exp.Expr, aggregates: Collection[str]) -> bool:
    """Whether a node is a call of what DuckDB's own catalogue calls an aggregate function."""
    if isinstance(node, exp.Anonymous):
        return node.name.lower() in aggregates
    if isinstance(node, exp.AggFunc):
        return True
    return isinstance(node, exp.Func) and any(name.lower() in aggregates for name in type(node).sql_names())


def _is_measure(projection: exp.Expr, tree: exp.Select, aggregates: Collection[str]) -> bool:
    """An aggregate inside, or made of earlier projections one of which is a measure."""
    if aggregates_in(projection, aggregates):
        return True
    named = {p.alias.lower(): p for p in tree.expressions if p.alias}
    return any(_is_measure(named[c.name.lower()], tree, aggregates) for c in references(projection, tree))


def _position(key: exp.Expr, tree: exp.Select, source_columns: Collection[str]) -> int | None:
    """Which projection a GROUP BY key is: by number, by the same expression, or by an alias that no column hides."""
    if isinstance(key, exp.Literal) and key.is_int:
        return int(key.name) - 1
    for index, projection in enumerate(tree.expressions):
        if projection.unalias() == key:
            return index
    if isinstance(key, exp.Column) and not key.table:
        name = key.name.lower()
        for index, projection in enumerate(tree.expressions):
            hidden = name in source_columns and projection.unalias().name.lower() != name
            if projection.alias_or_name.lower() == name and not hidden:
                return index
    return None
