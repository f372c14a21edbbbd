"""The job on one screen: lock, clean, stage, export, aggregate, check, publish."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import duckdb

from . import connect
from .aggregate import aggregate, create_dashboard_view
from .catalog import FORMAT, Catalog, SnapshotInfo, write
from .catalog import read as read_catalog
from .check import check, check_contract
from .connect import DISK_ERRORS, PRIVATE, STAGED
from .definition import Project, create_tables
from .errors import DiskFailed, PacelayerError
from .events import Observer, Published, StepReached, nobody
from .export import Export, drop_private_views, export
from .source import Source
from .store import Generation, Staged, Store, publish

Clock = Callable[[], datetime]


def now() -> datetime:
    """The wall clock, with its zone."""
    return datetime.now(UTC)


def refresh(
    project: Project,
    sources: Sequence[Source],
    store: Store,
    observe: Observer,
    *,
    clock: Clock = now,
    allow_empty: bool = False,
) -> Generation:
    """Compute every answer once and publish. The current generation stays as it is unless all of it succeeds.

    The caller holds the directory's lock. `allow_empty` lets tables that had rows have none. Raises SourceError,
    BuildError or Damaged.
    """
    begun = time.monotonic()
    with _disk_errors():
        observe(StepReached("locked"))
        store.clean()
        store.require_space()
        observe(StepReached("cleaned"))
        number, previous = store.next_number(), _previous(store)
        staged = _stage(store, project)
        catalog = _build(project, sources, staged, number, clock, previous, observe, allow_empty)
        if previous is None or previous.snapshot.definition_hash != catalog.snapshot.definition_hash:
            check_contract(staged.snapshot, project.settings.root)
        generation = publish(store, staged, number, catalog.snapshot.built_at)
        shutil.rmtree(store.staging)
        store.remove_older()
        observe(StepReached("older removed"))
        size, seconds = generation.path.stat().st_size, time.monotonic() - begun
        observe(Published(number, generation.id, size, seconds))
        return generation


def build_empty(project: Project, folder: Path) -> Path:
    """A snapshot without rows in `folder`: its catalogue and schema are those of a build on the sources' data."""
    path, moment = folder / "empty.duckdb", datetime(2000, 1, 1, tzinfo=UTC)
    with _staging(project, Staged(path, folder / "private.duckdb")) as connection:
        create_tables(connection, project.exports)
        metrics, builds = aggregate(
            connection, project.definitions, moment, 0, nobody, project.settings.snapshots.cells
        )
        info = _info(project, 0, moment, moment)
        write(connection, Catalog(info, (), metrics, builds))
        create_dashboard_view(connection, metrics)
    return path


def _stage(store: Store, project: Project) -> Staged:
    store.staging.mkdir(mode=0o700)
    private = store.staging / "private.duckdb"
    return Staged(store.staging / "snapshot.duckdb", private if _private(project) else None)


def _build(
    project: Project,
    sources: Sequence[Source],
    staged: Staged,
    number: int,
    clock: Clock,
    previous: Catalog | None,
    observe: Observer,
    allow_empty: bool,
) -> Catalog:
    """Fill and close the staging file; the catalogue it holds."""
    with _staging(project, staged) as connection:
        observe(StepReached("staged"))
        exported = export(connection, sources, project.exports, _private(project), number, observe)
        observe(StepReached("exported"))
        info = _info(project, number, _as_of(exported), clock())
        cells = project.settings.snapshots.cells
        metrics, builds = aggregate(connection, project.definitions, info.as_of, number, observe, cells)
        drop_private_views(connection, _private(project))
        observe(StepReached("aggregated"))
        catalog = Catalog(info, exported.sources, metrics, (*exported.builds, *builds))
        checks = check(connection, project.definitions, catalog, previous, allow_empty=allow_empty)
        catalog = replace(catalog, checks=checks)
        write(connection, catalog)
        create_dashboard_view(connection, metrics)
        observe(StepReached("checked"))
        # close() would not say that its own checkpoint met a full disk; this one raises.
        connection.execute(f"checkpoint {STAGED}")
        connection.execute(f"checkpoint {PRIVATE}")
        observe(StepReached("checkpointed"))
    observe(StepReached("closed"))
    return catalog


@contextmanager
def _staging(project: Project, staged: Staged) -> Iterator[duckdb.DuckDBPyConnection]:
    settings = project.settings
    private = staged.private or staged.snapshot.with_name("private.duckdb")
    connection = connect.stage(staged.snapshot, private, memory=settings.snapshots.memory, time_zone=settings.time_zone)
    try:
        yield connection
        connection.execute(f"use memory; detach {STAGED}; detach {PRIVATE}")
    finally:
        connection.close()


@contextmanager
def _disk_errors() -> Iterator[None]:
    """A disk that is full, read-only or broken, said in our words wherever it shows."""
    try:
        yield
    except BrokenPipeError:
        raise  # of an observer that nobody listens to any more
    except OSError as error:
        raise DiskFailed(f"the disk refused: {error.strerror or error}") from error
    except DISK_ERRORS as error:
        raise DiskFailed(f"DuckDB could not write: {str(error).splitlines()[0]}") from error


def _info(project: Project, number: int, as_of: datetime, built_at: datetime) -> SnapshotInfo:
    settings = project.settings
    pace = min((definition.metric.pace for definition in project.definitions), default=settings.pace)
    return SnapshotInfo(
        number=number,
        id=f"{built_at:%Y%m%dT%H%M%SZ}-{number:06}",
        format=FORMAT,
        project=settings.name,
        as_of=as_of,
        built_at=built_at,
        # One pace until the next refresh is due, and one for it to be made.
        stale_after=as_of + timedelta(seconds=2 * pace),
        pace=pace,
        time_zone=settings.time_zone,
        definition_hash=project.definition_hash,
        tool=f"pacelayer {version('pacelayer')}",
    )


def _as_of(exported: Export) -> datetime:
    """The moment that the data is of: the earliest of its sources'."""
    return min(source.as_of for source in exported.sources)


def _private(project: Project) -> frozenset[tuple[str, str]]:
    """The private tables that are exported."""
    sources = project.settings.sources
    return frozenset(
        (source.name, name)
        for source in sources
        for name, table in source.tables.items()
        if table.private and name in project.exports.get(source.name, {})
    )


def _previous(store: Store) -> Catalog | None:
    """The catalogue of the current generation; None where there is none that can be read."""
    try:
        connection = connect.read(store.current().path, threads=1, memory="256MB")
    except (PacelayerError, duckdb.Error):
        return None
    try:
        return read_catalog(connection)
    except PacelayerError:
        return None
    finally:
        connection.close()
