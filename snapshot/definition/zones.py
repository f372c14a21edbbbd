"""Moments that a SELECT reads as days, hours or texts without naming the zone, anywhere in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlglot import exp

from .columns import Select
from .dialect import DIALECT
from .parsed import Parsed, outer

_MOMENT = "TIMESTAMP WITH TIME ZONE"
# What is the same in every zone, or names one.
_ZONELESS = frozenset({"epoch", "epoch_ms", "epoch_us", "isfinite", "isinf", "time_to_unix", "timezone", "hash"})
_TRUNCATIONS = (exp.TimestampTrunc, exp.DateTrunc, exp.DateBin)


def unnamed_zones(select: Select, type_of: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """Each moment that is read in the zone of the session, with the column that does so; empty for another clause.

    `type_of` asks DuckDB for the type that a SELECT of one column gives; empty where it refuses.
    """
    tree = select.parsed.tree
    for position, (name, _) in enumerate(select.described):
        for moment in _read(select.expression(position), tree, select.parsed, type_of):
            yield name, moment
    for inner in tree.find_all(exp.Select):
        clauses = [inner.args.get("where"), *(() if inner is tree else inner.expressions)]
        for clause in filter(None, clauses):
            for moment in _read(clause, inner, select.parsed, type_of):
                yield "", moment


def _read(clause: exp.Expr, scope: exp.Query, parsed: Parsed, type_of: Callable[[str], str]) -> Iterator[str]:
    """The moments that the functions and casts of a clause read so, but not those of its subqueries."""

    def kind(node: exp.Expr) -> str:
        probe = exp.select(node.copy())
        for part in ("from_", "joins", "laterals"):
            probe.set(part, scope.copy().args.get(part))
        return type_of(f"{probe.sql(DIALECT)} group by all")

    for call in outer(clause):
        if not isinstance(call, exp.Func) or parsed.aggregates_in(call)[:1] == [call] or _is_zoneless(call):
            continue
        moments = [part for part in call.iter_expressions() if not isinstance(part, exp.DataType | exp.Var)]
        for moment in moments:
            reads = (isinstance(call, _TRUNCATIONS) and not call.args.get("zone")) or kind(call) != _MOMENT
            if reads and kind(moment) == _MOMENT:
                yield moment.sql(DIALECT)


def _is_zoneless(call: exp.Func) -> bool:
    names = [call.name] if isinstance(call, exp.Anonymous) else type(call).sql_names()
    return not _ZONELESS.isdisjoint(name.lower() for name in names)
