"""What a time dimension truncates, and how the moment of the data looks there: moved or in a zone as the data is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlglot import exp

from ..catalog import COARSER, Column
from .columns import Select, is_time, unit_of
from .dialect import DIALECT
from .parsed import replaced

_ZONED = "TIMESTAMP WITH TIME ZONE"
# A name that sqlglot can read.
_HOLE = "_pacelayer_moment"
# What gives one of its values as it is; with a zone also what makes a moment of a number or of a time of that zone.
_SAME = (
    exp.Column, exp.Identifier, exp.Cast, exp.DataType, exp.DataTypeParam, exp.Paren, exp.Coalesce, exp.Greatest,
    exp.Least, exp.StrToTime, exp.Literal, exp.Null,
)  # fmt: skip
_SAME_MOMENT = (*_SAME, exp.AtTimeZone, exp.UnixToTime)


@dataclass(frozen=True)
class Clock:
    """`moment` is what is truncated, over the base tables; empty where that is whole days.

    `formula` is the same of any moment, `{moment}`; empty where that cannot be told.
    """

    moment: str = ""
    formula: str = ""


def clock_of(select: Select, time: Column, type_of: Callable[[str], str]) -> Clock:
    """The clock of a time dimension. `type_of` asks DuckDB for the type of an expression over the metric's FROM."""

    def kind(node: exp.Expr) -> str:
        found = type_of(node.sql(DIALECT))
        return found if is_time(found) else ""

    expression = select.expression([name for name, _ in select.described].index(time.name))
    truncations = list(_below(expression, (exp.TimestampTrunc, exp.DateTrunc, exp.Cast, exp.Paren)))
    cut = next((node for node in reversed(truncations) if kind(node)), None)
    if cut is None or not _nested(truncations[: truncations.index(cut)], time.grain):
        return Clock()
    hole = _hole(cut, kind)
    of = kind(hole)
    if not _is_same(hole, select.parsed.tree, _SAME_MOMENT if of == _ZONED else _SAME, frozenset()):
        return Clock()
    filler = f"cast({_HOLE} as {of if of in ('DATE', _ZONED) else 'TIMESTAMP'})"
    formula = replaced(cut, {id(hole): filler}).sql(DIALECT).replace(_HOLE, "{moment}")
    return Clock(cut.sql(DIALECT) if of != "DATE" else "", formula)


def _below(node: exp.Expr | None, through: tuple[type[exp.Expr], ...]) -> Iterator[exp.Expr]:
    """An expression, and what is within it behind these."""
    while node is not None:
        yield node
        node = node.this if isinstance(node, through) else None


def _nested(cuts: list[exp.Expr], grain: str) -> bool:
    """Whether one truncation after the other is the same as that to the grain alone."""
    return all(unit == grain or grain in COARSER.get(unit, ()) for unit in map(unit_of, cuts) if unit)


def _hole(node: exp.Expr, kind: Callable[[exp.Expr], str]) -> exp.Expr:
    """The moments that are moved by an interval or put into a zone."""
    hole = node
    while isinstance(node, exp.Paren | exp.Cast) or _moves(node):
        into_zone, node = isinstance(node, exp.AtTimeZone), node.this
        # What has no zone is that of the one that is named, and no other moment.
        if not kind(node) or (into_zone and kind(node) != _ZONED):
            break
        hole = node
    return hole


def _moves(node: exp.Expr) -> bool:
    """Whether it moves all moments alike."""
    by = {exp.Add: "expression", exp.Sub: "expression", exp.AtTimeZone: "zone"}.get(type(node))
    return by is not None and not node.args[by].find(exp.Column, exp.Query)


def _is_same(node: exp.Expr, tree: exp.Expr, same: tuple[type[exp.Expr], ...], within: frozenset[str]) -> bool:
    """Whether an expression gives values of the sources as they are; what subqueries call so is looked at, too."""
    if not all(isinstance(found, same) for found in node.walk()):
        return False
    names = {column.name.lower() for column in node.find_all(exp.Column)} - within
    made = (pair for select in tree.find_all(exp.Select) if select is not tree for pair in _called(select))
    return all(_is_same(p.unalias(), tree, same, within | names) for name, p in made if name in names)


def _called(select: exp.Select) -> Iterator[tuple[str, exp.Expr]]:
    """What a subquery gives, by the names that it has outside: of the first of several, or of a list of names."""
    whole: exp.Query = select
    while isinstance(whole.parent, exp.SetOperation):
        whole = whole.parent
    alias = whole.parent.args.get("alias") if isinstance(whole.parent, exp.CTE | exp.Subquery) else None
    listed = [column.name for column in alias.columns] if isinstance(alias, exp.TableAlias) else []
    names = listed or [projection.alias_or_name for projection in whole.selects]
    yield from ((name.lower(), projection) for name, projection in zip(names, select.selects, strict=False))
