"""`metrics/*.sql` -> definitions, in one pass that reports every problem of every file at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..errors import Problem, ProjectError
from ..settings import Settings, problem
from ..source.shape import ColumnShape, Shapes, TableShape
from .bind import Binder
from .metric import Definition, Reading, digest
from .names import metric_problems


@dataclass(frozen=True)
class Project:
    """All metrics of a project, in the order of their names; `exports` are the shapes cut to what is exported."""

    settings: Settings
    definitions: tuple[Definition, ...]
    exports: Shapes
    definition_hash: str


def read_project(settings: Settings, shapes: Shapes) -> Project:
    """Read every metric against the sources' shapes. Raises ProjectError with all problems of all files."""
    binder = Binder(shapes, settings.time_zone)
    problems = _source_problems(settings, shapes)
    definitions: list[Definition] = []
    for path in sorted((settings.root / "metrics").rglob("*.sql")):
        try:
            definitions.append(Reading(settings, shapes, binder, path).definition())
        except ProjectError as error:
            problems.extend(error.problems)
    problems.extend(metric_problems((d.path, d.metric) for d in definitions))
    problems.extend(found for definition in definitions for found in _type_problems(definition, shapes))
    if not definitions and not problems:
        problems.append(Problem("metrics", 0, "there is no metric", "write one SELECT into metrics/<name>.sql"))
    if problems:
        raise ProjectError(tuple(sorted(problems, key=lambda found: (found.path, found.line))))
    exports = _exports(settings, shapes, definitions)
    _refuse_gaps(settings, exports, definitions)
    return Project(
        settings, tuple(definitions), exports, digest(repr((settings.name, settings.pace, definitions, exports)))
    )


def _source_problems(settings: Settings, shapes: Shapes) -> list[Problem]:
    """Tables and columns that the toml names and the sources do not have."""
    problems = []
    for source in settings.sources:
        for name, table in source.tables.items():
            place, shape = ("sources", source.name, "tables", name), shapes.get(source.name, {}).get(name)
            if shape is None:
                what = f"source '{source.name}' has no table '{name}'"
                problems.append(problem(settings.root, place, what, _nearest(name, shapes.get(source.name, {}))))
                continue
            for key in ("columns", "exclude", "types"):
                for column in getattr(table, key):
                    if column not in shape.columns:
                        what = f"table '{source.name}.{name}' has no column '{column}'"
                        hint = _nearest(column, shape.columns)
                        problems.append(problem(settings.root, (*place, key), what, hint))
    return problems


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f"did you mean '{near[0]}'?" if near else ""


def _type_problems(definition: Definition, shapes: Shapes) -> Iterator[Problem]:
    """Columns that a metric uses and whose type no value can be kept in exactly."""
    for origin in sorted(definition.uses):
        kind = shapes[origin.source][origin.table].columns[origin.column].type
        if kind.startswith("?"):
            table = f"[sources.{origin.source}.tables.{origin.table}]"
            hint = f'name one: {table} types = {{ {origin.column} = "DECIMAL(18,2)" }}'
            yield Problem(definition.path, 0, f"{origin} has the type {kind[2:]}, which cannot be kept exactly", hint)


def _refuse_gaps(settings: Settings, exports: Shapes, definitions: Sequence[Definition]) -> None:
    """Have DuckDB bind every metric over what is exported: nothing that it reads may be left out."""
    binder = Binder(exports, settings.time_zone)
    problems = [
        Problem(
            definition.path, 0, "the metric reads a column that pacelayer.toml excludes", "take it out of 'exclude'"
        )
        for definition in definitions
        if not binder.accepts(definition.metric.sql)
    ]
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
            extra = configured.get(source, {}).get(name)
            named = {o.column for o in used if (o.source, o.table) == (source, name)} | set(
                extra.columns if extra else ()
            )
            excluded = set(extra.exclude) if extra else set[str]()
            if named or (source, name) in counted:
                columns = {c: s for c, s in shape.columns.items() if c in (named | _known_keys(shape)) - excluded}
                key = tuple(column for column in shape.key if column in columns)
                exports.setdefault(source, {})[name] = TableShape(columns or _one_column(shape), key)
    return exports


def _one_column(shape: TableShape) -> dict[str, ColumnShape]:
    """Something to count the rows of a table by that has no key and of which no column is used."""
    return dict([next((name, c) for name, c in shape.columns.items() if not c.type.startswith("?"))])


def _known_keys(shape: TableShape) -> set[str]:
    return {name for name in shape.key if not shape.columns[name].type.startswith("?")}
