"""One SELECT as it was parsed: its projections, what they refer to, and which calls are aggregates.

DuckDB takes a column of the FROM before an alias of the same name, so aliases count only where no such name hides them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from sqlglot import exp

from .dialect import DIALECT
from .functions import unstable

# What DuckDB takes for the clock without parentheses, also in quotes.
_CLOCKS = ("current_date", "current_time", "current_timestamp", "localtime", "localtimestamp")

# What DuckDB reads as a SELECT of its own; `any([...])` is one, too.
SUBQUERIES = (exp.Query, exp.Any, exp.All)

N = TypeVar("N", bound=exp.Expr)


class Captured(Exception):
    """A lambda's parameter of that name would take what is written out within it."""


@dataclass(frozen=True)
class Parsed:
    """`names` are the columns and tables of the FROM, in small letters; `aggregates` the functions of many rows."""

    tree: exp.Query
    names: frozenset[str]
    aggregates: frozenset[str]

    @property
    def projections(self) -> list[exp.Expr]:
        """What the SELECT gives, in its order; of a set operation, what its first SELECT gives."""
        return list(self.tree.selects)

    def references(self, expression: exp.Expr) -> list[exp.Column]:
        """The unqualified columns of an expression that stand for a projection."""
        return [column for column in self._by_alias(expression) if column.name.lower() not in self.names]

    def shadowed(self) -> set[int]:
        """The projections to whose alias another seems to refer, while DuckDB takes a name of the FROM.

        Harmless are the alias of the very column of that name, and that of an aggregate within another, where no alias
        of one can be meant.
        """
        measures = {p.alias.lower() for p in self.projections if self.aggregates_in(self.written_out(p))}
        return self._hidden(
            column
            for projection in self.projections
            for column in self._by_alias(projection)
            if column.name.lower() not in measures or id(column) not in self.aggregated(projection)
        )

    def aggregated(self, expression: exp.Expr) -> set[int]:
        """The ids of the columns within an expression's aggregates."""
        return {id(c) for call in self.aggregates_in(expression) for c in outer_nodes(call, exp.Column)}

    def shadowed_keys(self) -> set[int]:
        """The projections whose alias a GROUP BY key seems to mean, while DuckDB groups by a name of the FROM."""
        aliases = {p.alias.lower() for p in self.projections if p.alias}
        return self._hidden(
            k for k in self.group_keys() if isinstance(k, exp.Column) and not k.table and k.name.lower() in aliases
        )

    def group_keys(self) -> list[exp.Expr]:
        """What it groups by, one by one: `(a, b)` groups as `a, b` does."""
        group = self.tree.args.get("group")
        return list(_each(group.expressions)) if group else []

    def _hidden(self, columns: Iterable[exp.Column]) -> set[int]:
        found = set()
        for name in {column.name.lower() for column in columns} & self.names:
            index, target = next((i, p) for i, p in enumerate(self.projections) if p.alias.lower() == name)
            if not (isinstance(target.unalias(), exp.Column) and target.unalias().name.lower() == name):
                found.add(index)
        return found

    def written_out(self, expression: exp.Expr) -> exp.Expr:
        """An expression without its alias, its references to projections replaced by what they stand for."""
        named = {p.alias.lower(): p for p in self.projections if p.alias}
        stand_for = {id(c): self.written_out(named[c.name.lower()]) for c in self.references(expression)}
        return replaced(expression.unalias(), stand_for)

    def aggregates_in(self, expression: exp.Expr) -> list[exp.Expr]:
        """The outermost aggregate calls, each with its FILTER and WITHIN GROUP; those of subqueries are theirs."""
        found: list[exp.Expr] = []
        for call in outer(expression):
            if not self._is_aggregate(call):
                continue
            while isinstance(call.parent, exp.Filter | exp.WithinGroup | exp.IgnoreNulls) and call.arg_key == "this":
                call = call.parent
            found.append(call)
        return found

    def _is_aggregate(self, node: exp.Expr) -> bool:
        if isinstance(node, exp.AggFunc) or (isinstance(node.parent, exp.WithinGroup) and node.arg_key == "this"):
            return True
        return isinstance(node, exp.Func) and not self.aggregates.isdisjoint(_names(node))

    def _by_alias(self, expression: exp.Expr) -> list[exp.Column]:
        """The unqualified columns that have the name of another projection, whatever DuckDB takes them for."""
        aliases = {p.alias.lower() for p in self.projections if p.alias and p is not expression}
        columns = [node for node in outer(expression) if isinstance(node, exp.Column)]
        bare = [column for column in columns if not column.table and not is_variable(column)]
        return [column for column in bare if column.name.lower() in aliases]


def with_operators(tree: exp.Expr) -> exp.Expr:
    """A SELECT, changed in place: an operator for each function that is one, so that both are read alike."""
    for call in reversed(list(tree.find_all(exp.DateAdd, exp.Anonymous))):  # what is within goes first
        match call:
            case exp.DateAdd() if not call.args.get("unit"):  # DuckDB's is a macro of +
                operation: exp.Expr = exp.Add(this=call.this, expression=call.expression)
            case exp.Anonymous(expressions=[zone, moment]) if call.name.lower() == "timezone":
                operation = exp.AtTimeZone(this=_whole(moment), zone=_whole(zone))
            case _:
                continue
        call.replace(_whole(operation))
    for arrow in list(tree.find_all(exp.Lambda)):  # `count(doc -> 'k')`: no function of anything gives the same
        if isinstance(arrow.this, exp.Literal) and len(arrow.expressions) == 1:
            document = exp.Column(this=arrow.expressions[0].copy())
            arrow.replace(_whole(exp.JSONExtract(this=document, expression=arrow.this.copy())))
    return tree


def _each(keys: Iterable[exp.Expr]) -> Iterator[exp.Expr]:
    for written in keys:
        key = written.unnest()
        yield from _each(key.expressions) if isinstance(key, exp.Tuple) else [key]


def _whole(node: exp.Expr) -> exp.Expr:
    return exp.paren(node, copy=False)


def is_variable(column: exp.Column) -> bool:
    """Whether it is the `x` of a comprehension, `[x + 1 for x in list]`, but for its list."""
    inner: exp.Expr = column
    while (around := inner.parent) is not None:
        within = isinstance(around, exp.Comprehension) and inner.arg_key != "iterator"
        if within and around.args["expression"].name.lower() == column.name.lower():
            return True
        inner = around
    return False


def looks_elsewhere(tree: exp.Expr) -> bool:
    """Whether a SELECT asks the clock or chance, anywhere in it: it means the moment at which it was built."""
    if any(not column.table and column.name.lower() in _CLOCKS for column in tree.find_all(exp.Column)):
        return True
    return any(
        not unstable().isdisjoint(_names(call)) or ("age" in _names(call) and len(list(call.iter_expressions())) == 1)
        for call in tree.find_all(exp.Func)
    )


def _names(call: exp.Func) -> set[str]:
    """The names that a function goes by, in small letters."""
    names = [call.name] if isinstance(call, exp.Anonymous) else type(call).sql_names()
    return {name.lower() for name in names}


def outer(node: exp.Expr) -> Iterator[exp.Expr]:
    """The nodes of an expression without the insides of its subqueries."""
    return node.walk(prune=lambda inner: isinstance(inner, exp.Query))


def outer_nodes(node: exp.Expr, kind: type[N]) -> list[N]:
    """The nodes of one kind within an expression, but not within its subqueries."""
    return [found for found in outer(node) if isinstance(found, kind)]


def replaced(node: exp.Expr, replacements: Mapping[int, exp.Expr | str]) -> exp.Expr:
    """A copy of `node` in which the nodes of these ids are replaced, in parentheses where they are part of more.

    Raises Captured.
    """
    if (whole := replacements.get(id(node))) is not None:
        return exp.maybe_parse(whole, dialect=DIALECT)
    copy = node.copy()
    for old, new in list(zip(node.walk(), copy.walk(), strict=True)):
        if (replacement := replacements.get(id(old))) is not None:
            written = exp.maybe_parse(replacement, dialect=DIALECT)
            names = {part.name.lower() for column in written.find_all(exp.Column) for part in column.parts}
            for name in names & _parameters(old, node):
                raise Captured(name)
            new.replace(exp.paren(written))
    return copy


def _parameters(inner: exp.Expr, whole: exp.Expr) -> set[str]:
    """What the lambdas and comprehensions around a part of a node call their values, in small letters."""
    found: set[str] = set()
    while inner is not whole and inner.parent is not None:
        inner = inner.parent
        if isinstance(inner, exp.Lambda):
            found |= {parameter.name.lower() for parameter in inner.expressions}
        elif isinstance(inner, exp.Comprehension):
            found.add(inner.args["expression"].name.lower())
    return found
