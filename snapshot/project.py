"""A project's files read together: for work, from `sources.lock`; for a report, against the sources as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from . import settings as project_settings
from .catalog import Metric
from .definition import Project, read_project
from .errors import PacelayerError, Problem, ProjectError
from .settings import FILE_NAME, Settings
from .source import Shapes, Source, TableShape, open_source, read_lock, write_lock


@dataclass(frozen=True)
class Report:
    """What `pacelayer check` has to say: every problem, or the metrics and what each of them is."""

    problems: tuple[Problem, ...]
    metrics: tuple[Metric, ...]
    lock_changed: bool


def load(settings: Settings) -> tuple[Project, tuple[Source, ...]]:
    """The project as of its `sources.lock`, and its sources, not yet connected. Raises ProjectError."""
    project = read_project(settings, read_lock(settings.root))
    return project, tuple(open_source(source, settings.root) for source in settings.sources)


def check(root: Path) -> Report:
    """Read everything, as far as it can be read, and collect every problem.

    `sources.lock` is written where all sources answer.
    """
    problems: list[Problem] = []
    metrics: tuple[Metric, ...] = ()
    settings = Settings(root, root.name)
    try:
        settings = project_settings.load(root)
    except ProjectError as error:
        problems += error.problems
    shapes = _live_shapes(settings, problems)
    lock_changed = write_lock(root, shapes) if shapes is not None else False
    try:
        project = read_project(settings, shapes if shapes is not None else read_lock(root))
        metrics = tuple(definition.metric for definition in project.definitions)
    except ProjectError as error:
        problems += error.problems
    return Report(tuple(problems), metrics, lock_changed)


def _live_shapes(settings: Settings, problems: list[Problem]) -> Shapes | None:
    """What the sources' tables look like now; None, and problems, where not all of them can be asked."""
    shapes: dict[str, Mapping[str, TableShape]] = {}
    for source in settings.sources:
        try:
            shapes[source.name] = open_source(source, settings.root).shapes()
        except ProjectError as error:
            problems += error.problems
        except PacelayerError as error:
            problems.append(Problem(FILE_NAME, 0, error.message, error.hint))
    return shapes if settings.sources and len(shapes) == len(settings.sources) else None
