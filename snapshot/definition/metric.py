"""One file of `metrics/` -> its definition: text, DuckDB's description, parsed SELECT, shape, columns, directives."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NoReturn

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from ..catalog import Column, Component, Metric, field_name
from ..errors import Problem, ProjectError
from ..settings import Settings
from ..source.shape import Shapes
from . import text as metric_text
from .alike import misread
from .bind import Binder, problem_of
from .clock import Clock, clock_of
from .columns import Select, grouped_columns, plain_columns, with_grains
from .definition import Base, Definition
from .dialect import DIALECT
from .directives import Directives
from .names import column_problems
from .origin import tables_of, uses_of
from .parsed import Parsed, looks_elsewhere, with_operators
from .rollup import chosen_rollups
from .shape import Shape, shape_of
from .text import MetricText
from .traces import traces_of
from .zones import unnamed_zones

# The two ways in which DuckDB says that it does not know a column.
_UNKNOWN_COLUMN = re.compile(r'(?:Referenced column|a column named) "([^"]+)"')


class Reading:
    """The reading of one file."""

    def __init__(self, settings: Settings, shapes: Shapes, binder: Binder, path: Path, *, partial: bool) -> None:
        self.settings, self.shapes, self.binder, self.partial = settings, shapes, binder, partial
        self.path = path.relative_to(settings.root).as_posix()
        self.name = path.stem
        self.text, self.problems = self._text(path)

    def definition(self) -> Definition:
        """The file's definition. Raises ProjectError."""
        described = self._described()
        tree = self._tree()
        tables = tables_of(tree, self.shapes)
        parsed = Parsed(tree, self._names(tree), self.binder.aggregates)
        where, shape = self._where(parsed), shape_of(parsed, self._can_group)
        select = Select(parsed, described, self.text.comments, tables, self.shapes, partial(self._types_of, where))
        self._refuse_shadows(parsed, parsed.shadowed_keys() | (parsed.shadowed() if shape.grouped else set()))
        if shape.grouped:
            if (found := len(parsed.projections)) != len(described):
                what = f"DuckDB reads {len(described)} columns here, and pacelayer {found}"
                self._refuse(1, what, "write it in simpler SQL")
            columns, components = grouped_columns(select, shape)
            self._refuse_misreading(select, columns)
        else:
            columns, components = plain_columns(select), ()
        definition = self._definition(select, shape, columns, components, where)
        if self.problems:
            raise ProjectError(tuple(self.problems))
        return definition

    def _definition(
        self, select: Select, shape: Shape, columns: Sequence[Column], components: tuple[Component, ...], where: str
    ) -> Definition:
        tree, directives = select.parsed.tree, Directives(self.text, columns)
        time = directives.time()
        clock = self._clock(select, columns, time) if shape.grouped else Clock()
        columns = [replace(c, formula=clock.formula) if c.name == time else c for c in columns]
        columns = directives.annotate(with_grains(columns, time, self.settings.week_start))
        base = self._base_from(select) if shape.grouped else ""
        metric = Metric(
            name=self.name,
            field=field_name(self.name),
            grouped=shape.grouped,
            why=shape.why,
            description=self.text.description,
            sql=self.text.sql,
            definition_hash=digest(repr((tree.sql(DIALECT, comments=False), columns, select.tables))),
            pace=directives.pace(self.settings.pace),
            time=time,
            moment=clock.moment if base else "",
            keys=directives.keys(shape.grouped),
            base_with=self.text.with_ if base else "",
            base_from=base,
            base_where=where if base else "",
            columns=columns,
            components=components,
        )
        groupings = (*directives.rollups(metric.dimensions), *chosen_rollups(metric))
        rollups = tuple(by for n, by in enumerate(groupings) if set(by) not in map(set, groupings[:n]))
        own = f"({self.text.sql})"
        tests = directives.tests(lambda rule, of: self.binder.accepts(f"select ({rule})::boolean from {of or own}"))
        self.problems += directives.problems + column_problems(self.path, columns, self._lines(columns))
        clauses = Base(self.text.with_, self.text.from_, where)
        tables = tuple(sorted({(table.source, table.name) for table in select.tables}))
        ordered, unstable = tree.args.get("order") is not None, looks_elsewhere(tree)
        # A trace is the FROM, written again.
        traceable = shape.grouped and self.binder.trees.are_alike("from_table", self.text.sql, tree.sql(DIALECT))
        traces = traces_of(tree, select.named(time), self.shapes) if traceable else {}
        uses, lines = tuple(sorted(uses_of(tree, select.tables))), self._lines(columns)
        warnings = tuple(self._warnings(select, lines))
        return Definition(
            self.path, metric, clauses, ordered, unstable, tables, uses, rollups, tests, traces, lines, warnings
        )

    def _text(self, path: Path) -> tuple[MetricText, list[Problem]]:
        try:
            return metric_text.read(self.path, self.name, path.read_text(encoding="utf-8-sig"))
        except UnicodeDecodeError as error:
            raise ProjectError((Problem(self.path, 1, f"the file is not UTF-8: {error.reason}"),)) from error
        except OSError as error:
            raise ProjectError((Problem(self.path, 1, f"the file cannot be read: {error.strerror}"),)) from error
        except SqlglotError as error:
            what = f"the text is not SQL: {str(error).splitlines()[0]}"
            raise ProjectError((Problem(self.path, 1, what, "is a text or comment left open?"),)) from error

    def _described(self) -> list[tuple[str, str]]:
        """DuckDB's description of the SELECT; what it refuses ends the reading of this file."""
        try:
            kinds = self.binder.statements(self.text.sql)
            if kinds != [duckdb.StatementType.SELECT]:
                self._refuse(1, "the file must hold one SELECT and nothing else", "one file is one metric")
            return self.binder.describe(self.text.sql)
        except duckdb.Error as error:
            missing = isinstance(error, duckdb.CatalogException)
            unknown = missing and self.partial and self._reads_unknown()
            raise ProjectError((*self.problems, *(() if unknown else self._refusals(error)))) from error

    def _refusals(self, error: duckdb.Error | None) -> Iterator[Problem]:
        """DuckDB stops at the first: a column that it does not know is taken out of the way to see what follows."""
        sql = self.text.sql
        while error is not None:
            yield problem_of(self.path, error, self.shapes)
            name = _UNKNOWN_COLUMN.search(str(error))
            column = rf'(\b\w+\.)?("{re.escape(name[1])}"|\b{re.escape(name[1])}\b)' if name else "$^"
            before, sql = sql, re.sub(column, "null", sql, flags=re.IGNORECASE)
            error = self.binder.refusal(sql) if sql != before else None
            if isinstance(error, duckdb.ParserException):
                return

    def _reads_unknown(self) -> bool:
        """Whether the SELECT names a source whose tables are not known."""
        declared = {source.name for source in self.settings.sources}
        read = {table.db.lower() for table in self._tree().find_all(exp.Table) if table.db}
        return any(name not in self.shapes and (not declared or name in declared) for name in read)

    def _tree(self) -> exp.Query:
        try:
            tree = with_operators(sqlglot.parse_one(self.text.sql, read=DIALECT))
        except SqlglotError as error:
            self._refuse(
                1, f"pacelayer cannot read this SELECT: {str(error).splitlines()[0]}", "write it in simpler SQL"
            )
        if not isinstance(tree, exp.Query):
            self._refuse(1, "pacelayer cannot read this SELECT", "begin it with SELECT, WITH or FROM")
        return tree

    def _names(self, tree: exp.Query) -> frozenset[str]:
        """The names that DuckDB would take before an alias: the columns of the FROM, and its tables as whole rows."""
        if not self.text.from_:
            return frozenset()
        columns = self.binder.describe(f"{self.text.with_} select * from {self.text.from_}")
        named = tree.find_all(exp.Table, exp.DerivedTable, exp.Lateral)
        tables = [node.alias_or_name for node in named if node.parent_select is tree]
        # `select *` does not show the places of rows.
        return frozenset(name.lower() for name in (*(name for name, _ in columns), *tables, "rowid") if name)

    def _where(self, parsed: Parsed) -> str:
        """The condition as written; where it refers to a projection, with what that stands for."""
        where = parsed.tree.args.get("where")
        if where is None or not parsed.references(where.this):
            return self.text.where
        return parsed.written_out(where.this).sql(DIALECT)

    def _refuse_shadows(self, parsed: Parsed, shadowed: set[int]) -> None:
        for index in sorted(shadowed):
            name = parsed.projections[index].alias
            message = (
                f"the alias '{name}' is referred to, but it is also a name of the sources, and DuckDB takes that one"
            )
            self.problems.append(Problem(self.path, self.text.lines[index], message, "choose another alias"))

    def _refuse_misreading(self, select: Select, columns: Sequence[Column]) -> None:
        trees, lines = self.binder.trees, self._lines(columns)
        for name, expression in misread(select, columns, trees, self.text.sql):
            what = f"DuckDB and pacelayer do not read {name or 'the condition'} alike: pacelayer reads {expression}"
            hint = "write it in simpler SQL, with parentheses around its parts"
            self.problems.append(Problem(self.path, lines.get(name, 1), what, hint))

    def _types_of(self, where: str, expressions: Sequence[str]) -> list[str] | None:
        """The types of expressions over the metric's FROM; None where DuckDB refuses one of them."""
        condition = f"where {where}" if where else ""
        select = f"select {', '.join(expressions)} from {self.text.from_} {condition} group by all"
        return self.binder.types(f"{self.text.with_} {select}")

    def _can_group(self, sql: str) -> bool:
        """Whether DuckDB groups the metric's FROM by an expression."""
        return self.binder.accepts(f"{self.text.with_} select count(*) from {self.text.from_} group by {sql}")

    def _clock(self, select: Select, columns: Sequence[Column], time: str) -> Clock:
        """How the moment of the data looks to the time dimension."""
        found = next((column for column in columns if column.name == time), None)
        return clock_of(select, found, lambda sql: (select.types_of([sql]) or [""])[0]) if found else Clock()

    def _warnings(self, select: Select, lines: Mapping[str, int]) -> Iterator[Problem]:
        """Moments that are read in a zone which the SELECT does not name."""
        # The innermost of a column's is the last one, and the one to name the zone of.
        for name, moment in dict(unnamed_zones(select, self._type_of)).items():
            who = f"'{name}'" if name else "the SELECT"
            what = f"{who} reads moments in the project's time zone, {self.settings.time_zone}"
            hint = f"name the zone to have it in the SELECT: {moment} at time zone '{self.settings.time_zone}'"
            yield Problem(self.path, lines.get(name, 1), what, hint, warning=True)

    def _type_of(self, sql: str) -> str:
        """The type that a SELECT of one column gives; empty where DuckDB refuses it."""
        return (self.binder.types(f"{self.text.with_} {sql}") or [""])[0]

    def _base_from(self, select: Select) -> str:
        """The FROM, where all of its tables are in the snapshot for everybody to read, and it always gives the same."""
        if looks_elsewhere(select.parsed.tree):
            return ""
        private = {(s.name, name) for s in self.settings.sources for name, table in s.tables.items() if table.private}
        return "" if any((table.source, table.name) in private for table in select.tables) else self.text.from_

    def _lines(self, columns: Sequence[Column]) -> dict[str, int]:
        stored = [column.name for column in columns if column.role != "grain"]
        return dict(zip(stored, self.text.lines, strict=True)) if len(stored) == len(self.text.lines) else {}

    def _refuse(self, line: int, message: str, hint: str) -> NoReturn:
        raise ProjectError((*self.problems, Problem(self.path, line, message, hint)))


def digest(text: str) -> str:
    """A short hash that names a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
