"""Grouped metric or plain table, decided from the SQL alone, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlglot import exp

from .parsed import Parsed, outer_nodes

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


def shape_of(parsed: Parsed) -> Shape:
    """Which of the two a SELECT is."""
    if reason := _plain_reason(parsed.tree):
        return Shape(False, f"plain table: {reason}")
    dimensions = tuple(i for i, p in enumerate(parsed.projections) if not _is_measure(p, parsed))
    if len(dimensions) == len(parsed.projections):
        return Shape(False, "plain table: it has no aggregate")
    group = parsed.tree.args["group"]
    if not group.args.get("all"):
        keys = list(_keys(group.expressions))
        positions = [_position(key, parsed) for key in keys]
        if None in positions:
            key = keys[positions.index(None)]
            return Shape(False, f"plain table: it groups by {key.sql('duckdb')}, which it does not project")
        if set(positions) != set(dimensions):
            return Shape(False, "plain table: it projects something that is neither grouped by nor an aggregate")
    if not dimensions:
        return Shape(False, "plain table: it has no dimension to group by")
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


def _keys(written: Iterable[exp.Expr]) -> Iterator[exp.Expr]:
    """One by one: `(a, b)` groups as `a, b` does."""
    for key in written:
        yield from _keys(key.expressions) if isinstance(key, exp.Tuple) else [key]


def _position(key: exp.Expr, parsed: Parsed) -> int | None:
    """Which projection a GROUP BY key is: by number, by alias where no column hides it, or by the same expression."""
    if isinstance(key, exp.Literal) and key.is_int:
        return int(key.name) - 1
    key = key.unnest()
    if isinstance(key, exp.Column) and not key.table and key.name.lower() not in parsed.names:
        aliases = [projection.alias.lower() for projection in parsed.projections]
        return aliases.index(key.name.lower()) if key.name.lower() in aliases else None
    for index, projection in enumerate(parsed.projections):
        if _same(projection.unalias(), key):
            return index
    return None


def _same(one: exp.Expr, other: exp.Expr) -> bool:
    """Whether two expressions over one FROM are the same, whatever their letters, quotes and qualifiers.

    A column that is written without its table is of one table only, so there qualifiers say nothing more.
    """
    first, second = one.copy(), other.copy()
    for name in [*first.find_all(exp.Identifier), *second.find_all(exp.Identifier)]:
        name.set("this", name.name.lower())
        name.set("quoted", False)
    columns = [column for node in (first, second) for column in node.find_all(exp.Column)]
    if not all(column.table for column in columns):
        for column in columns:
            column.set("table", None)
            column.set("db", None)
    return bool(first == second)
