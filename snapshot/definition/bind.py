"""What DuckDB itself says of a SELECT: asked of an empty database that has the sources' tables."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import duckdb

from .. import connect
from ..catalog import quote
from ..errors import Problem
from ..source.shape import Shapes, TableShape
from .alike import Trees
from .functions import aggregates


class Binder:
    """An empty database with every table of `sources.lock`.

    `aggregates` are what makes one value of many rows, `trees` how DuckDB parses SELECTs.
    """

    def __init__(self, shapes: Shapes, time_zone: str) -> None:
        self._connection = connect.empty(time_zone=time_zone)
        self._known: dict[str, bool] = {}
        for source, tables in shapes.items():
            create_tables(self._connection, {source: {}})
            folded = Counter(name.lower() for name in tables)
            for name, table in tables.items():
                # What DuckDB takes for one, as two names that differ in case, is not there: a metric of it is refused.
                if folded[name.lower()] == 1 and table.columns and _is_distinct(table.columns):
                    create_tables(self._connection, {source: {name: self._bound(table)}})
        self.aggregates = aggregates()
        self.trees = Trees(self._connection)

    def describe(self, sql: str) -> list[tuple[str, str]]:
        """The names and types of a SELECT's columns. Raises duckdb.Error where DuckDB refuses it."""
        return [(name, kind) for name, kind, *_ in self._connection.execute("describe " + sql).fetchall()]

    def refusal(self, sql: str) -> duckdb.Error | None:
        """Why DuckDB does not take a SELECT; None where it does."""
        try:
            self.describe(sql)
        except duckdb.Error as error:
            return error
        return None

    def accepts(self, sql: str) -> bool:
        """Whether DuckDB takes a SELECT."""
        return self.refusal(sql) is None

    def types(self, sql: str) -> list[str] | None:
        """The types of a SELECT's columns; None where DuckDB does not take it."""
        try:
            return [kind for _, kind in self.describe(sql)]
        except duckdb.Error:
            return None

    def knows(self, kind: str) -> bool:
        """Whether DuckDB has a type."""
        if kind not in self._known:
            self._known[kind] = kind.startswith("?") or self.accepts(f"select cast(null as {kind})")
        return self._known[kind]

    def _bound(self, table: TableShape) -> TableShape:
        """A table whose columns' types DuckDB has: what is wrong with another one is told where it is named."""
        columns = {n: c if self.knows(c.type) else replace(c, type="VARCHAR") for n, c in table.columns.items()}
        return replace(table, columns=columns)

    def statements(self, sql: str) -> list[duckdb.StatementType]:
        """The kinds of the statements in a text. Raises duckdb.Error for what is not SQL."""
        return [statement.type for statement in self._connection.extract_statements(sql)]


def _is_distinct(names: Iterable[str]) -> bool:
    return max(Counter(name.lower() for name in names).values(), default=0) <= 1


def create_tables(connection: duckdb.DuckDBPyConnection, shapes: Shapes) -> None:
    """Make the sources' schemas and tables, empty, in the current database.

    A column whose type cannot be kept (`? NUMERIC`) is there as text: a SELECT is understood before it is refused.
    """
    for source, tables in shapes.items():
        connection.execute(f"create schema if not exists {quote(source)}")
        for name, shape in tables.items():
            columns = ", ".join(
                f"{quote(column)} {'varchar' if c.type.startswith('?') else c.type}{'' if c.nullable else ' not null'}"
                for column, c in shape.columns.items()
            )
            connection.execute(f"create table {quote(source)}.{quote(name)} ({columns})")


def problem_of(path: str, error: duckdb.Error, shapes: Shapes) -> Problem:
    """DuckDB's refusal as a problem: its first sentence, its advice, and the line it points at."""
    text = str(error)
    place = re.search(r"^LINE (\d+):", text, re.MULTILINE)
    message, *advice = [line.strip() for line in text.split("\n\nLINE", maxsplit=1)[0].splitlines() if line.strip()]
    message = re.sub(r"^[\w ]+ Error: ", "", message)
    hint = re.sub(r"^Candidate bindings: :?\s*", "did you mean ", advice[0]) if advice else ""
    if missing := re.match(r'Table with name "?([^" ]+)"? does not exist', message):
        hint = _nearest_table(missing[1], shapes)
    if not hint or hint.endswith(":"):
        hint = "mend it until a DuckDB shell takes it"
    return Problem(path, int(place[1]) if place else 1, message.rstrip("!"), hint)


def _nearest_table(name: str, shapes: Shapes) -> str:
    """DuckDB would advise tables of its own, and does not know those that it could not hold."""
    alike = [(source, table) for source, tables in shapes.items() for table in tables if table.lower() == name.lower()]
    if len(alike) > 1 and len({source for source, _ in alike}) == 1:
        return f"{' and '.join(f'{s}.{t}' for s, t in alike)} differ in case only, which DuckDB does not tell apart"
    for source, table in alike:
        if not _is_distinct(shapes[source][table].columns):
            return f"columns of {source}.{table} differ in case only, which DuckDB does not tell apart"
    known = {f"{source}.{table}": table for source, tables in shapes.items() for table in tables}
    near = difflib.get_close_matches(name, [*known, *known.values()], 1)
    meant = [full for full, table in known.items() if near and near[0] in (full, table)]
    return f"did you mean {meant[0]}?" if meant else f"the sources have {', '.join(sorted(known)[:5]) or 'no tables'}"
