"""Grouped metric or plain table, decided from the SQL alone, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

from .dialect import DIALECT
from .parsed import SUBQUERIES, Parsed, outer_nodes

_PLAIN_CLAUSES = {
    "having": "HAVING",
    "qualify": "QUALIFY",
    "limit": "LIMIT",
    "offset": "OFFSET",
    "distinct": "DISTINCT",
    "sample": "a sample",
}
_GROUPING_SETS = (exp.GroupingSets, exp.Rollup, exp.Cube)


@dataclass(frozen=True)
class Shape:
    """`grouped` with the positions of the dimensions among the projections, or plain; `why` in words."""

    grouped: bool
    why: str
    dimensions: tuple[int, ...] = ()


def shape_of(parsed: Parsed, can_group: Callable[[str], bool]) -> Shape:
    """Which of the two a SELECT is; `can_group` tells whether DuckDB groups the FROM by an expression."""
    if reason := _plain_reason(parsed.tree):
        return Shape(False, f"plain table: {reason}")
    dimensions = tuple(i for i, p in enumerate(parsed.projections) if not _is_measure(p, parsed))
    if len(dimensions) == len(parsed.projections):
        return Shape(False, "plain table: it has no aggregate")
    group = parsed.tree.args["group"]
    if not group.args.get("all"):
        positions = [(key, _positions(key, parsed)) for key in parsed.group_keys()]
        if missing := [key for key, found in positions if not found]:
            return Shape(False, f"plain table: it groups by {missing[0].sql('duckdb')}, which it does not project")
        if {place for _, found in positions for place in found} != set(dimensions):
            return Shape(False, "plain table: it projects something that is neither grouped by nor an aggregate")
    if not dimensions:
        return Shape(False, "plain table: it has no dimension to group by")
    # An aggregate over columns of the outer SELECT may stand in a subquery of what looks like a dimension.
    for projection in (parsed.projections[i] for i in dimensions if parsed.projections[i].find(*SUBQUERIES)):
        if not can_group(parsed.written_out(projection).sql(DIALECT)):
            return Shape(False, f"plain table: DuckDB does not group by {projection.alias_or_name} for its subquery")
    names = ", ".join(parsed.projections[i].alias_or_name for i in dimensions)
    return Shape(True, f"grouped metric: it groups by {names}, exactly what it projects beside aggregates", dimensions)


def has_grouping_sets(tree: exp.Query) -> bool:
    """Whether a SELECT groups in several ways at once, which makes nulls of what is not grouped by."""
    group = tree.args.get("group")
    return group is not None and any(isinstance(key, _GROUPING_SETS) for key in group.expressions)


def _plain_reason(tree: exp.Query) -> str:
    """Why a SELECT cannot be grouped anew; empty where its clauses do not stand against it."""
    if isinstance(tree, exp.Subquery):
        return "it stands in parentheses"
    if not isinstance(tree, exp.Select):
        return "a set operation has its own rows"
    for clause, words in _PLAIN_CLAUSES.items():
        if tree.args.get(clause):
            return f"{words} decides which rows there are"
    if tree.find(exp.TableSample):
        return "a sample decides which rows there are"
    if any(outer_nodes(projection, exp.Window) for projection in tree.expressions):
        return "a window function looks across rows"
    if tree.args.get("group") is None:
        return "it has no GROUP BY"
    if has_grouping_sets(tree):
        return "grouping sets mix several groupings"
    if any(projection.is_star or projection.find(exp.Columns) for projection in tree.expressions):
        return "a star does not name its columns"
    return ""


def _is_measure(projection: exp.Expr, parsed: Parsed) -> bool:
    """An aggregate inside, or made of other projections one of which is a measure."""
    return bool(parsed.aggregates_in(parsed.written_out(projection)))


def _positions(key: exp.Expr, parsed: Parsed) -> set[int]:
    """Which projections a GROUP BY key is: by number, by alias where no column hides it, or by the same expression."""
    if isinstance(key, exp.Literal) and key.is_int:
        key = parsed.projections[int(key.name) - 1].unalias()
    elif isinstance(key, exp.Column) and not key.table and key.name.lower() not in parsed.names:
        named = [p.unalias() for p in parsed.projections if p.alias.lower() == key.name.lower()]
        if not named:
            return set()
        key = named[0]
    return {place for place, p in enumerate(parsed.projections) if _same(p.unalias(), key)}


def _same(one: exp.Expr, other: exp.Expr) -> bool:
    """Whether two expressions over one FROM are the same, whatever their letters, quotes and qualifiers.

    A column that is written without its table is of one table only, so there qualifiers say nothing more.
    """
    first, second = one.copy(), other.copy()
    for name in [*first.find_all(exp.Identifier), *second.find_all(exp.Identifier)]:
        name.set("this", name.name.lower())
        name.set("quoted", False)
    columns = [column for node in (first, second) for column in node.find_all(exp.Column)]
    for part in ("table", "db"):
        if not all(column.args.get(part) for column in columns):
            for column in columns:
                column.set(part, None)
    return bool(first == second)
