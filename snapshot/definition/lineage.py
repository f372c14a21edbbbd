"""Which source columns feed each column of a SELECT, through its CTEs and subqueries.

Where that cannot be told, all that the SELECT reads: too much, and never too little.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from sqlglot import exp

from ..source.shape import Shapes
from .origin import Origin, table_of, tables_of, uses_of

_Origins = frozenset[Origin]
# The columns of what is selected from, in their order; None where their names cannot be told.
_Columns = Sequence[tuple[str, _Origins]] | None


def lineage_of(tree: exp.Query, shapes: Shapes, count: int) -> list[tuple[str, ...]]:
    """The names of the source columns that feed each of the `count` columns that DuckDB says a SELECT has, sorted."""
    reading = _Reading(tree, shapes)
    columns = reading.query(tree)
    told = columns is not None and len(columns) == count
    fed = [origins for _, origins in columns or ()] if told else [reading.everything] * count
    return [tuple(sorted(map(str, origins))) for origins in fed]


class _Reading:
    """The reading of one SELECT. DuckDB's names have no case: all are in small letters here."""

    def __init__(self, tree: exp.Query, shapes: Shapes) -> None:
        self.shapes = shapes
        self.everything = uses_of(tree, tables_of(tree, shapes))
        self._queries: dict[int, _Columns] = {}
        self._sources: dict[int, list[tuple[str, _Columns]]] = {}

    def query(self, query: exp.Expr) -> _Columns:
        """The columns of a SELECT or a set operation."""
        query = query.unnest()
        if id(query) not in self._queries:
            self._queries[id(query)] = None  # what a recursive CTE knows of itself
            if isinstance(query, exp.Select):
                self._queries[id(query)] = self._select(query)
            elif isinstance(query, exp.SetOperation):
                self._queries[id(query)] = self._both(query)
        return self._queries[id(query)]

    def _select(self, select: exp.Select) -> _Columns:
        found: list[tuple[str, _Origins]] = []
        for projection in select.selects:
            if projection.find(exp.Columns):
                return None
            if projection.is_star:
                columns = self._star(select, projection)
                if columns is None:
                    return None
                found += columns
            else:
                found.append((projection.alias_or_name.lower(), self._fed(projection)))
        return found

    def _star(self, select: exp.Select, star: exp.Expr) -> _Columns:
        said, table = (star.this, star.table) if isinstance(star, exp.Column) else (star, "")
        found = [columns for alias, columns in self._from(select) if table.lower() in ("", alias)]
        if None in found or not isinstance(said, exp.Star) or said.args.get("replace") or said.args.get("rename"):
            return None
        excluded = {column.name.lower() for column in said.args.get("except_") or ()}
        return [(name, fed) for columns in found for name, fed in columns or () if name not in excluded]

    def _both(self, operation: exp.SetOperation) -> _Columns:
        one, other = self.query(operation.this), self.query(operation.expression)
        if one is None or other is None or len(one) != len(other) or operation.args.get("by_name"):
            return None
        return [(name, fed | more) for (name, fed), (_, more) in zip(one, other, strict=True)]

    def _fed(self, expression: exp.Expr) -> _Origins:
        return _together(map(self._column, expression.find_all(exp.Column)))

    def _column(self, column: exp.Column) -> _Origins:
        """The source columns that a column means: of its own SELECT, or of one around it."""
        names = [part.name.lower() for part in column.parts]
        select = column.find_ancestor(exp.Select)
        while select is not None:
            if (found := self._within(select, column, names)) is not None:
                return found
            select = select.find_ancestor(exp.Select)
        return self.everything

    def _within(self, select: exp.Select, column: exp.Column, names: Sequence[str]) -> _Origins | None:
        """What a column means in one SELECT; None where that has no such column."""
        sources = self._from(select)
        aliases = [alias for alias, _ in sources]
        # `shop.orders.id` begins with a schema; the names that follow a column's are of its parts.
        place = next((n for n, name in enumerate(names[:-1]) if name in aliases), None)
        name = names[0 if place is None else place + 1]
        asked = [columns for alias, columns in sources if place is None or alias == names[place]]
        found = [fed for columns in asked for known, fed in columns or () if known == name]
        if found or None in asked:
            return _together(found) if found else self.everything
        if name in aliases:  # a whole row
            return _together(fed for alias, columns in sources if alias == name for _, fed in columns or ())
        for projection in select.selects:
            if projection.alias.lower() == name and not _lies_in(column, projection):
                return self._fed(projection)
        return None

    def _from(self, select: exp.Select) -> list[tuple[str, _Columns]]:
        """What a SELECT selects from, by the name that its columns are qualified by."""
        if id(select) not in self._sources:
            self._sources[id(select)] = [("", None)]  # what a lateral subquery knows of what it stands beside
            start = select.args.get("from_")
            tables = [start.this] if start else []
            tables += [*(join.this for join in select.args.get("joins") or ()), *(select.args.get("laterals") or ())]
            self._sources[id(select)] = list(chain.from_iterable(map(self._table, tables)))
        return self._sources[id(select)]

    def _table(self, table: exp.Expr) -> Iterator[tuple[str, _Columns]]:
        """A table, CTE or subquery, and what is joined to it in parentheses."""
        for join in table.args.get("joins") or ():
            yield from self._table(join.this)
        nested = isinstance(table, exp.Subquery) and isinstance(table.this, exp.Table | exp.Subquery)
        if nested and not table.alias:
            yield from self._table(table.this)
            return
        columns: _Columns = None
        if isinstance(table, exp.Table) and not table.args.get("pivots"):
            columns = _renamed(self._named(table), table)
        elif isinstance(table, exp.Subquery) and not nested and not table.args.get("pivots"):
            columns = _renamed(self.query(table.this), table)
        yield table.alias_or_name.lower(), columns

    def _named(self, table: exp.Table) -> _Columns:
        if source := table_of(table, self.shapes):
            return [(name.lower(), frozenset([source.origin(name)])) for name in source.shape.columns]
        return None if table.db else self._cte(table)

    def _cte(self, table: exp.Table) -> _Columns:
        """The columns of the innermost CTE of that name around a table."""
        around: exp.Expr | None = table
        while around is not None:
            if (with_ := around.args.get("with_")) is not None:
                for cte in with_.expressions:
                    if cte.alias.lower() == table.name.lower() and (with_.recursive or not _lies_in(table, cte)):
                        return _renamed(self.query(cte.this), cte)
            around = around.parent
        return None


def _renamed(columns: _Columns, named: exp.DerivedTable | exp.Table) -> _Columns:
    """The columns of a relation by the names that an alias gives to the first of them."""
    names = [name.lower() for name in named.alias_column_names]
    return columns and [*zip(names, (fed for _, fed in columns), strict=False), *columns[len(names) :]]


def _lies_in(node: exp.Expr, outer: exp.Expr) -> bool:
    return any(found is node for found in outer.walk())


def _together(parts: Iterable[_Origins]) -> _Origins:
    return frozenset(chain.from_iterable(parts))
