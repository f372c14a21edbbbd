"""`metrics/*.sql` -> definitions, in one pass that reports every problem of every file at once."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import Problem, ProjectError
from ..settings import Settings, TableSettings, problem
from ..source.shape import ColumnShape, Shapes, TableShape
from .bind import Binder, problem_of
from .definition import Definition
from .metric import Reading, digest
from .names import OWN_PREFIX, metric_problems
from .parsed import Captured

# Types of which later values are greater, the unsigned ones without their U; and those that have a zone.
_GROWING = ("DATE", "TIMESTAMP", "TINYINT", "SMALLINT", "INTEGER", "BIGINT")
_ZONED = ("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")


@dataclass(frozen=True)
class Project:
    """All metrics of a project, in the order of their names; `exports` are the shapes cut to what is exported."""

    settings: Settings
    definitions: tuple[Definition, ...]
    exports: Shapes
    definition_hash: str


def read_project(settings: Settings, shapes: Shapes, *, partial: bool = False) -> Project:
    """Read every metric against the sources' shapes. Raises ProjectError with all problems of all files.

    `partial`: some sources have no shapes, and of metrics that read them only the text is judged.
    """
    binder = Binder(shapes, settings.time_zone)
    problems = _source_problems(settings, shapes, binder)
    definitions: list[Definition] = []
    paths = sorted((settings.root / "metrics").rglob("*.sql"))
    for path in paths:
        try:
            definitions.append(Reading(settings, shapes, binder, path, partial=partial).definition())
        except ProjectError as error:
            problems.extend(error.problems)
        except RecursionError:
            what = "the SELECT is nested too deeply, or has too long a chain of operators, to be taken apart"
            problems.append(Problem(_shown(settings, path), 1, what, "compute parts of it in a CTE"))
        except Captured as captured:
            what = f"a lambda calls its value '{captured}', as a column is called that is used within it"
            problems.append(Problem(_shown(settings, path), 1, what, "call it otherwise"))
    definitions = list(_without_newer_tables(definitions))
    names = [_shown(settings, path) for path in paths]
    problems.extend(metric_problems(names, ((d.path, d.metric) for d in definitions)))
    problems.extend(found for definition in definitions for found in _type_problems(definition, shapes))
    if not paths:
        problems.append(Problem("metrics", 0, "there is no metric", "write one SELECT into metrics/<name>.sql"))
    if problems:
        raise ProjectError(tuple(sorted(problems, key=lambda found: (found.path, found.line))))
    exports = _exports(settings, shapes, definitions)
    if own := tuple(_own_names(exports)):
        raise ProjectError(own)
    _refuse_gaps(settings, exports, definitions)
    return Project(
        settings, tuple(definitions), exports, digest(repr((settings.name, settings.pace, definitions, exports)))
    )


def _shown(settings: Settings, path: Path) -> str:
    """A path as messages show it."""
    return path.relative_to(settings.root).as_posix()


def _without_newer_tables(definitions: Sequence[Definition]) -> Iterator[Definition]:
    """A metric that is computed less often than its tables are read is answered from what is stored of it alone.

    The tables in the snapshot are newer than it, and an answer from them would be of another moment.
    """
    paces: dict[tuple[str, str], int] = {}
    for definition in definitions:
        for table in definition.tables:
            paces[table] = min(paces.get(table, definition.metric.pace), definition.metric.pace)
    for definition in definitions:
        newer = [table for table in definition.tables if paces[table] < definition.metric.pace]
        if newer and definition.metric.base_from:
            metric = replace(definition.metric, base_with="", base_from="", base_where="", moment="")
            what = f"{'.'.join(newer[0])} is read more often than this metric is computed: only what is stored answers"
            hint = "name what is asked for with @rollup, or take the @pace away"
            holistic = any(not measure.formula for measure in metric.measures)
            warning = (Problem(definition.path, 1, what, hint, warning=True),) if holistic else ()
            definition = replace(definition, metric=metric, warnings=(*definition.warnings, *warning))
        yield definition


def _source_problems(settings: Settings, shapes: Shapes, binder: Binder) -> list[Problem]:
    """Tables and columns that the toml names and the sources do not have, and types that DuckDB does not have."""
    problems = []
    for source in (source for source in settings.sources if source.name in shapes):
        for name, table in source.tables.items():
            place, shape = ("sources", source.name, "tables", name), shapes[source.name].get(name)
            if shape is None:
                what = f"source '{source.name}' has no table '{name}'"
                problems.append(problem(settings.root, place, what, _nearest(name, shapes[source.name])))
                continue
            for key, columns in _named_columns(table).items():
                for column in columns:
                    if column not in shape.columns:
                        what = f"table '{source.name}.{name}' has no column '{column}'"
                        hint = _nearest(column, shape.columns)
                        problems.append(problem(settings.root, (*place, key), what, hint))
            for column in (name for name in table.columns if name in shape.columns and name not in table.exclude):
                if (kind := shape.columns[column].type).startswith("?"):
                    what = (
                        f"column '{source.name}.{name}.{column}' has the type {kind[2:]}, which cannot be kept exactly"
                    )
                    hint = f"name one: {_advised(column, kind)}"
                    problems.append(problem(settings.root, (*place, "columns"), what, hint))
            for column, kind in table.types.items():
                if not binder.knows(kind):
                    what = f"DuckDB has no type '{kind}', which column '{source.name}.{name}.{column}' is to have"
                    hint = "write it as DuckDB does, like DECIMAL(10,2) or TIMESTAMPTZ"
                    problems.append(problem(settings.root, (*place, "types"), what, hint))
            for key, what, hint in _change_problems(table, shape, is_sqlite=source.url.startswith("sqlite")):
                problems.append(problem(settings.root, (*place, key), f"'{source.name}.{name}' {what}", hint))
    return problems


def _change_problems(table: TableSettings, shape: TableShape, *, is_sqlite: bool) -> Iterator[tuple[str, str, str]]:
    """Why the changes of a table cannot be found: the key that says so, what is wrong, and the way out."""
    key, said = table.key or shape.key, "append_only" if table.append_only else "changed"
    if table.append_only and table.changed:
        yield "changed", "cannot have changes where rows are only appended", "keep one of 'changed' and 'append_only'"
    elif table.incremental and not key:
        yield said, "has no primary key by which its rows are told apart", 'name one: key = ["id"]'
    elif table.incremental and (column := shape.columns.get(table.changed or key[0])):
        if not column.type.removeprefix("U").startswith(_GROWING):
            yield said, f"would be read by a column of the type {column.type}", "name a time or a whole number"
        elif is_sqlite and column.type in _ZONED:
            yield said, "has moments as texts, whose offsets keep them from being compared", "read it as a whole"
    for name in (table.soft, table.changed, *table.key):
        if name in table.exclude or (name in shape.columns and shape.columns[name].type.startswith("?")):
            yield "exclude" if name in table.exclude else said, f"needs its column '{name}'", "name its type in 'types'"


def _named_columns(table: TableSettings) -> dict[str, Collection[str]]:
    """The columns that the toml names of a table, by the key that does."""
    one = {"changed": table.changed, "deletes": table.soft}
    many = {"columns": table.columns, "exclude": table.exclude, "types": table.types, "key": table.key}
    return many | {key: [column] for key, column in one.items() if column}


def _nearest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean '{near[0]}'?" if near else f"there are {', '.join(sorted(known)[:5]) or 'none'}"


def _type_problems(definition: Definition, shapes: Shapes) -> Iterator[Problem]:
    """Columns that a metric uses and whose type no value can be kept in exactly, and tables that have no other."""
    for source, name in definition.tables:
        if all(column.type.startswith("?") for column in shapes[source][name].columns.values()):
            what = f"no column of {source}.{name} has a type that can be kept exactly"
            hint = f'name one: [sources.{source}.tables.{name}] types = {{ column = "VARCHAR" }}'
            yield Problem(definition.path, 1, what, hint)
    for origin in definition.uses:
        kind = shapes[origin.source][origin.table].columns[origin.column].type
        if kind.startswith("?"):
            table = f"[sources.{origin.source}.tables.{origin.table}]"
            hint = f"name one: {table} {_advised(origin.column, kind)}"
            what = f"{origin} has the type {kind[2:]}, which cannot be kept exactly"
            yield Problem(definition.path, definition.line_of(str(origin)), what, hint)


def _advised(column: str, kind: str) -> str:
    """What most would name for a type, as it is written into the toml."""
    name = column if column.isascii() and column.isidentifier() else json.dumps(column, ensure_ascii=False)
    number = kind.upper().startswith(("? NUM", "? DEC", "? MONEY"))
    advised = "DECIMAL(18,2)" if number else "BLOB" if "BLOB" in kind.upper() else "VARCHAR"
    return f'types = {{ {name} = "{advised}" }}'


def _refuse_gaps(settings: Settings, exports: Shapes, definitions: Sequence[Definition]) -> None:
    """Have DuckDB bind every metric over what is exported: nothing that it reads may be left out."""
    binder = Binder(exports, settings.time_zone)
    excluded = {
        (s.name, name, column) for s in settings.sources for name, t in s.tables.items() for column in t.exclude
    }
    problems = []
    for definition in definitions:
        if (refusal := binder.refusal(definition.metric.sql)) is not None:
            read = [str(o) for o in definition.uses if (o.source, o.table, o.column) in excluded]
            if read:
                what = f"the metric reads {' and '.join(read)}, which pacelayer.toml excludes"
                problem = Problem(definition.path, definition.line_of(*read), what, "take it out of 'exclude'")
            else:  # a column that could not be told to be one
                hint = "write its columns with their tables, as in o.amount"
                problem = replace(problem_of(definition.path, refusal, exports), hint=hint)
            problems.append(problem)
    if problems:
        raise ProjectError(tuple(problems))


def _exports(settings: Settings, shapes: Shapes, definitions: Sequence[Definition]) -> Shapes:
    """The tables and columns that metrics use or the toml names; the key always comes along, to name rows in errors."""
    used = {origin for definition in definitions for origin in definition.uses}
    counted = {table for definition in definitions for table in definition.tables}
    configured = {source.name: source.tables for source in settings.sources}
    exports: dict[str, dict[str, TableShape]] = {}
    for source, tables in shapes.items():
        for name, shape in tables.items():
            extra = configured.get(source, {}).get(name, TableSettings())
            named = {o.column for o in used if (o.source, o.table) == (source, name)} | set(extra.columns)
            if named or (source, name) in counted:
                shape = replace(shape, key=extra.key or shape.key)
                wanted = (named | _known_keys(shape) | {extra.changed, extra.soft}) - set(extra.exclude)
                columns = {c: s for c, s in shape.columns.items() if c in wanted}
                key = tuple(column for column in shape.key if column in columns)
                exports.setdefault(source, {})[name] = TableShape(columns or _one_column(shape), key)
    return exports


def _own_names(exports: Shapes) -> Iterator[Problem]:
    """Columns that go by names of pacelayer's own on their way."""
    for source, tables in exports.items():
        for table, shape in tables.items():
            for column in (name for name in shape.columns if name.lower().startswith(OWN_PREFIX)):
                what = (
                    f"the column {source}.{table}.{column} has a name of pacelayer's own: they begin with {OWN_PREFIX}"
                )
                yield Problem("sources.lock", 0, what, "read a view that calls it otherwise")


def _one_column(shape: TableShape) -> dict[str, ColumnShape]:
    """Something to count the rows of a table by that has no key and of which no column is used."""
    return dict([next((name, c) for name, c in shape.columns.items() if not c.type.startswith("?"))])


def _known_keys(shape: TableShape) -> set[str]:
    return {name for name in shape.key if not shape.columns[name].type.startswith("?")}
