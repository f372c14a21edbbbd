"""Which periods of a metric a changed row can touch: its FROM with only the changed rows in a table's place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from ..source.shape import Shapes
from .dialect import DIALECT
from .origin import SourceTable, origins, table_of

# What stands in a trace for the changed rows.
CHANGED = '"pacelayer changed"'


@dataclass(frozen=True)
class Trace:
    """The FROM with the changed rows in one of a table's places; `filtered` where the SELECT's WHERE goes with it."""

    from_: str
    filtered: bool


# A source's name and a table's -> the traces of all places where the table stands.
Traces = Mapping[tuple[str, str], tuple[Trace, ...]]


def traces_of(tree: exp.Query, time: exp.Expr | None, shapes: Shapes) -> Traces:
    """The tables of which each row's periods can be traced, with the FROM to find them by.

    What a changed row takes part in is what the FROM gives with only that row in the table's place, before the change
    and after it. So it is in a FROM of inner and left joins, for tables that stand nowhere else. A row that a left join
    adds takes the place of one without it, so there the joined rows must not decide the period, nor a later join or the
    WHERE, which may look for rows without.
    """
    if not isinstance(tree, exp.Select) or time is None or any(column.args.get("db") for column in _columns(tree)):
        return {}
    start, joins = tree.args.get("from_"), tree.args.get("joins") or []
    if start is None or not all(map(_is_traceable, joins)):
        return {}
    standing = [start.this, *(join.this for join in joins)]
    optional = {id(join.this) for join in joins if join.side == "LEFT"}
    # Behind the last inner join nothing is left out or multiplied for what an optional table lacks.
    last = max((n for n, join in enumerate(joins, 1) if join.side != "LEFT"), default=0)
    decided = _decided_by_the_rest(time, standing, optional, shapes)
    found: dict[tuple[str, str], list[Trace]] = {}
    spoiled: set[tuple[str, str]] = set()
    for node in tree.find_all(exp.Table):
        if (table := table_of(node, shapes)) is None:
            continue
        place, name = next((n for n, one in enumerate(standing) if one is node), None), (table.source, table.name)
        if place is None or not _is_plain(node) or (id(node) in optional and not (decided and place > last)):
            spoiled.add(name)
        else:
            found.setdefault(name, []).append(Trace(_trace(tree, place), id(node) not in optional))
    return {name: tuple(places) for name, places in found.items() if name not in spoiled}


def _columns(tree: exp.Expr) -> Iterator[exp.Column]:
    return tree.find_all(exp.Column)


def _is_traceable(join: exp.Join) -> bool:
    return join.side in ("", "LEFT") and join.kind in ("", "INNER", "CROSS", "OUTER") and not join.method


def _is_plain(table: exp.Table) -> bool:
    alias = table.args.get("alias")
    return not (alias and alias.columns) and not any(table.args.get(key) for key in ("pivots", "sample", "joins"))


def _decided_by_the_rest(time: exp.Expr, standing: Sequence[exp.Expr], optional: set[int], shapes: Shapes) -> bool:
    """Whether the period is made of columns of tables alone that no left join can leave out."""
    named = [(table_of(node, shapes), id(node) in optional) for node in standing if isinstance(node, exp.Table)]
    tables: list[tuple[SourceTable, bool]] = [(table, out) for table, out in named if table]
    for column in _columns(time):
        owners = [out for table, out in tables if any(origins(column, [table]))]
        if owners != [False]:
            return False
    return True


def _trace(tree: exp.Select, place: int) -> str:
    """The FROM with the changed rows at a place."""
    copy = tree.copy()
    joins = copy.args.get("joins") or []
    node = copy.args["from_"].this if place == 0 else joins[place - 1].this
    if place:
        joins[place - 1].set("side", None)
        joins[place - 1].set("kind", None)
    alias = exp.TableAlias(this=exp.to_identifier(node.alias_or_name, quoted=True))
    node.replace(exp.Table(this=exp.to_identifier(CHANGED.strip('"'), quoted=True), alias=alias))
    probe = exp.select("1")
    for part in ("from_", "joins", "laterals"):
        probe.set(part, copy.args.get(part))
    return str(probe.sql(DIALECT)).removeprefix("SELECT 1 FROM ")
