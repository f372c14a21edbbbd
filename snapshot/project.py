"""A project's files read together: for work, from `sources.lock`; for a report, against the sources as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from . import settings as project_settings
from .build import build_empty
from .catalog import Metric
from .check import check_contract
from .definition import Project, read_project
from .errors import CheckFailed, PacelayerError, Problem, ProjectError
from .settings import Settings
from .source import Database, Shapes, TableShape, open_source, read_lock, write_lock


@dataclass(frozen=True)
class Report:
    """What `pacelayer check` has to say: every problem, or the metrics and what each of them is."""

    problems: tuple[Problem, ...]
    metrics: tuple[Metric, ...]
    lock_changed: bool


def load(settings: Settings) -> tuple[Project, tuple[Database, ...]]:
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
        settings, found = project_settings.read(root)
        problems += found
    except ProjectError as error:
        problems += error.problems
    shapes = _live_shapes(settings, problems)
    lock_changed = write_lock(root, shapes) if shapes is not None else False
    try:
        project = read_project(settings, shapes if shapes is not None else read_lock(root))
        metrics = tuple(definition.metric for definition in project.definitions)
    except ProjectError as error:
        problems += error.problems
    # The contract is compared once there is something to compare: a metric that is not understood has no fields.
    return Report(tuple(problems) or _contract_problems(settings), metrics, lock_changed)


@contextmanager
def empty_snapshot(settings: Settings) -> Iterator[Path]:
    """A snapshot of the project without a row, made from `sources.lock` for as long as it is looked at."""
    with TemporaryDirectory() as folder:
        yield build_empty(read_project(settings, read_lock(settings.root)), Path(folder))


def _contract_problems(settings: Settings) -> tuple[Problem, ...]:
    """What the API would break of schema.graphql."""
    with empty_snapshot(settings) as path:
        try:
            check_contract(path, settings.root)
        except CheckFailed as error:
            return tuple(Problem("schema.graphql", 0, problem) for problem in error.problems)
    return ()


def _live_shapes(settings: Settings, problems: list[Problem]) -> Shapes | None:
    """What the sources' tables look like now; None, and problems, where not all of them can be asked."""
    shapes: dict[str, Mapping[str, TableShape]] = {}
    for source in settings.sources:
        if not source.url:
            continue  # a problem that has been told
        try:
            shapes[source.name] = open_source(source, settings.root).shapes()
        except ProjectError as error:
            problems += error.problems
        except PacelayerError as error:
            where = ("sources", source.name, "url")
            problems.append(project_settings.problem(settings.root, where, error.message, error.hint))
    return shapes if settings.sources and len(shapes) == len(settings.sources) else None
