"""A project's files read together: for work, from `sources.lock`; for a report, against the sources as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from . import settings as project_settings
from .build import build_empty
from .check import check_contract
from .definition import Definition, Project, read_project
from .errors import CheckFailed, PacelayerError, Problem, ProjectError
from .reader import read_catalog
from .settings import Settings
from .source import Database, Shapes, TableShape, open_source, read_lock, write_lock
from .store import Store


@dataclass(frozen=True)
class Report:
    """What `pacelayer check` has to say: every problem, or the metrics and what each of them is."""

    problems: tuple[Problem, ...]
    definitions: tuple[Definition, ...]
    lock_changed: bool
    cells: Mapping[str, Mapping[tuple[str, ...], int]]

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What works, and may not be what was meant."""
        return tuple(warning for definition in self.definitions for warning in definition.warnings)

    def stored(self, definition: Definition) -> dict[tuple[str, ...], int | None]:
        """The groupings that are stored, a metric's own first, and how many values are expected of each.

        That is what the current generation has; None for a grouping that it does not know.
        """
        known = self.cells.get(definition.metric.name, {})
        return {by: known.get(by) for by in (definition.metric.own_grain, *definition.rollups)}

    def lines(self, definition: Definition) -> Iterator[str]:
        """How a metric's groupings are answered, and how large those are that are stored."""
        if definition.answers:
            yield definition.answers
        for by, cells in self.stored(definition).items():
            grouping = f"by {', '.join(by)}" if by else "in total" if definition.rollups else "its rows"
            yield f"stored {grouping}: {'not built yet' if cells is None else f'{cells:,} values'}"

    def data(self) -> dict[str, Any]:
        """Everything, for a program."""
        metrics = [
            {
                "name": d.metric.name,
                "grouped": d.metric.grouped,
                "why": d.metric.why,
                "answers": d.answers,
                "stored": [{"by": list(by), "cells": cells} for by, cells in self.stored(d).items()],
            }
            for d in self.definitions
        ]
        return {
            "problems": [asdict(problem) for problem in self.problems],
            "warnings": [asdict(warning) for warning in self.warnings],
            "metrics": metrics,
        }


def load(settings: Settings) -> tuple[Project, tuple[Database, ...]]:
    """The project as of its `sources.lock`, and its sources, not yet connected. Raises ProjectError."""
    project = read_project(settings, read_lock(settings.root))
    return project, tuple(open_source(source, settings.root, settings.time_zone) for source in settings.sources)


def check(root: Path) -> Report:
    """Read everything, as far as it can be read, and collect every problem.

    `sources.lock` is written where all sources answer.
    """
    problems: list[Problem] = []
    definitions: tuple[Definition, ...] = ()
    settings = Settings(root, root.name)
    try:
        settings, found = project_settings.read(root)
        problems += found
    except ProjectError as error:
        problems += error.problems
    shapes = _live_shapes(settings, problems)
    reached = bool(shapes) and len(shapes) == len(settings.sources)
    lock_changed = write_lock(root, shapes) if reached else False
    try:
        known = shapes if reached else {**_remembered(root), **shapes}
        definitions = read_project(settings, known, partial=not reached).definitions
    except ProjectError as error:
        problems += error.problems
    # The contract is compared once there is something to compare: a metric that is not understood has no fields.
    found_problems = tuple(problems) or _contract_problems(settings)
    return Report(found_problems, definitions, lock_changed, _cells(settings))


@contextmanager
def empty_snapshot(settings: Settings) -> Iterator[Path]:
    """A snapshot of the project without a row, made from `sources.lock` for as long as it is looked at."""
    with TemporaryDirectory() as folder:
        yield build_empty(read_project(settings, read_lock(settings.root)), Path(folder))


def _cells(settings: Settings) -> dict[str, dict[tuple[str, ...], int]]:
    """The values that the current generation holds of each grouping of each metric."""
    try:
        catalog = read_catalog(Store(settings.directory, settings.snapshots.keep).current().path)
    except PacelayerError:
        return {}
    found: dict[str, dict[tuple[str, ...], int]] = {}
    for name, grain in ((metric.name, grain) for metric in catalog.metrics for grain in metric.grains):
        cells = found.setdefault(name, {})
        cells[grain.by] = cells.get(grain.by, 0) + grain.cells
    return found


def _contract_problems(settings: Settings) -> tuple[Problem, ...]:
    """What the API would break of schema.graphql."""
    with empty_snapshot(settings) as path:
        try:
            check_contract(path, settings.root)
        except CheckFailed as error:
            hint = "'pacelayer schema --accept' writes the new contract, once your clients are ready for it"
            contract = settings.root / "schema.graphql"
            text = contract.read_text(encoding="utf-8", errors="replace") if contract.exists() else ""
            return tuple(
                Problem("schema.graphql", _line_in(text, what), what.rstrip("."), hint) for what in error.problems
            )
        except ProjectError as error:
            return error.problems
    return ()


def _line_in(contract: str, what: str) -> int:
    """The line of the contract on which the type and field stand that a break is about; else the first."""
    found = re.search(r"\b([A-Z]\w*)(?:\.(\w+))?", what.partition(" ")[2])
    lines = contract.splitlines()
    starts = [n for n, line in enumerate(lines, 1) if found and re.match(rf"\w+ {found[1]}\b", line)]
    field = found[2] if found and found[2] else ""
    inside = (n for n in range(starts[0], len(lines) + 1) if re.match(rf"\s+{field}\b", lines[n - 1])) if starts else ()
    return next(iter(inside), starts[0] if starts else 1) if field else starts[0] if starts else 1


def _remembered(root: Path) -> Shapes:
    try:
        return read_lock(root)
    except ProjectError:
        return {}


def _live_shapes(settings: Settings, problems: list[Problem]) -> dict[str, Mapping[str, TableShape]]:
    """What the tables look like now of every source that can be asked; a problem for each other."""
    shapes: dict[str, Mapping[str, TableShape]] = {}
    for source in settings.sources:
        if not source.url or source.name in project_settings.RESERVED_SCHEMAS:
            continue  # a problem that has been told
        try:
            shapes[source.name] = open_source(source, settings.root).shapes()
        except ProjectError as error:
            problems += error.problems
        except PacelayerError as error:
            where = ("sources", source.name, "url")
            problems.append(project_settings.problem(settings.root, where, error.message, error.hint))
    return shapes
