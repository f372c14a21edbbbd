"""Projections that refer to each other by alias, and how such references are written out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from sqlglot import exp


def outer(node: exp.Expr) -> Iterator[exp.Expr]:
    """The nodes of an expression without the insides of its subqueries."""
    return node.walk(prune=lambda inner: isinstance(inner, exp.Query))


def outer_nodes(node: exp.Expr, kind: type[exp.Expr]) -> list[exp.Expr]:
    """The nodes of one kind within an expression, but not within its subqueries."""
    return [found for found in outer(node) if isinstance(found, kind)]


def references(projection: exp.Expr, tree: exp.Select) -> list[exp.Column]:
    """The unqualified columns of a projection that name another projection of the same SELECT."""
    names = {p.alias.lower() for p in tree.expressions if p.alias and p is not projection}
    columns = [column for column in outer(projection) if isinstance(column, exp.Column)]
    return [column for column in columns if not column.table and column.name.lower() in names]


def shadowed(tree: exp.Select, source_names: Collection[str]) -> set[int]:
    """The projections that another refers to by an alias which is also a name of the sources: DuckDB takes that one.

    Harmless is only the alias of the very column of that name.
    """
    found = set()
    for projection in tree.expressions:
        for column in references(projection, tree):
            name = column.name.lower()
            index, target = next((i, p) for i, p in enumerate(tree.expressions) if p.alias.lower() == name)
            itself = isinstance(target.unalias(), exp.Column) and target.unalias().name.lower() == name
            if name in source_names and not itself:
                found.add(index)
    return found


def expanded_projection(projection: exp.Expr, tree: exp.Select) -> exp.Expr:
    """A projection without its alias, its references to other projections replaced by what they stand for."""
    named = {p.alias.lower(): p for p in tree.expressions if p.alias}
    stand_for = {id(c): expanded_projection(named[c.name.lower()], tree) for c in references(projection, tree)}
    return replaced(projection.unalias(), stand_for)


def replaced(node: exp.Expr, replacements: Mapping[int, exp.Expr | str]) -> exp.Expr:
    """A copy of `node` in which the nodes of these ids are replaced, in parentheses where they are part of more."""
    if (whole := replacements.get(id(node))) is not None:
        return exp.maybe_parse(whole, dialect="duckdb")
    copy = node.copy()
    for old, new in list(zip(node.walk(), copy.walk(), strict=True)):
        if (replacement := replacements.get(id(old))) is not None:
            new.replace(exp.paren(exp.maybe_parse(replacement, dialect="duckdb")))
    return copy
