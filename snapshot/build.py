"""The job on one screen: lock, clean, read what changed, aggregate, check, publish."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from .aggregate import aggregate
from .catalog import FORMAT, BuildRecord, Catalog, SnapshotInfo, TableState
from .check import check, check_contract, too_old
from .connect import disk_errors
from .definition import Project
from .errors import CheckFailed, Damaged, DiskFailed, Overdue
from .events import Observer, Published, RefreshFailed, Repaired, StepReached, TableAltered, Unchanged, nobody
from .export import Change, Export, Wanted, export, has_outgrown, in_disorder
from .export import write as write_tables
from .finish import InDisorder, finish, write_anew
from .limit import Limit, limited
from .moments import moments_of, note
from .plan import due_metrics, previous_of, private_tables, reusable, tables_of, tool
from .source import Source
from .staging import Previous, Staging, Table, staging
from .store import Generation, Staged, Store, intact, note_failure, publish

Clock = Callable[[], datetime]
# So many records are kept of each table and metric: a day of refreshes every five minutes.
KEPT_BUILDS = 288


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
    due: Collection[str] | None = None,
    full: bool = False,
    allow_empty: bool = False,
) -> Generation:
    """Bring the metrics that are `due` (None: all) up to date, and publish; the generation that is current then.

    The current generation stays as it is unless all of it succeeds, and where nothing changed. `full` goes on from
    nothing. `allow_empty` lets tables that had rows have none. The caller holds the directory's lock. Raises
    SourceError, BuildError (Overdue after `time_limit`) or Damaged.
    """
    build, begun = _Build(project, observe, clock, allow_empty=allow_empty), clock()

    def last_words(error: Overdue) -> None:
        note_failure(store.directory, error, begun, clock())
        observe(RefreshFailed(error.code, str(error), 0.0))

    with limited(project.settings.snapshots.time_limit, last_words) as limit:
        try:
            return build.publish(sources, store, due, limit, full=full)
        except InDisorder as found:
            build.whole = found.tables
            for table in sorted(found.tables):
                observe(TableAltered(".".join(table), "its rows take more than before, so all of it is read"))
            return build.publish(sources, store, due, limit, full=full)
        except (DiskFailed, Damaged):
            if full or not store.generations() or intact(store.current()):
                raise
            observe(Repaired("the last snapshot is damaged, so everything is read anew"))
            return build.publish(sources, store, due, limit, full=True)


def build_empty(project: Project, folder: Path) -> Path:
    """A snapshot without rows in `folder`: its catalogue and schema are those of a build on the sources' data."""
    moment = datetime(2000, 1, 1, tzinfo=UTC)
    build = _Build(project, nobody, lambda: moment, allow_empty=True)
    with build.staging(folder, None) as files:
        build.tables = tables_of(project, {}, None, ())
        for wanted in build.tables:
            files.make(wanted.table, wanted.shape)
        made = {
            w.table: Change("full", TableState(*w.table, "", moment, 0, "", "0", ""), whole=True) for w in build.tables
        }
        build.write(files, 0, Export((), made, (), moment), None)
    return files.snapshot


class _Build:
    """One refresh of a project."""

    def __init__(self, project: Project, observe: Observer, clock: Clock, *, allow_empty: bool) -> None:
        self.project, self.observe, self.clock, self.allow_empty = project, observe, clock, allow_empty
        self.due: frozenset[str] = frozenset()
        self.tables: list[Wanted] = []
        self.whole: frozenset[Table] = frozenset()

    def publish(
        self, sources: Sequence[Source], store: Store, due: Collection[str] | None, limit: Limit, *, full: bool
    ) -> Generation:
        """All of it, with whatever the disk has to say in our words; what is left of a failure takes no room of it."""
        with disk_errors():
            self.observe(StepReached("locked"))
            store.clean()
            store.require_space()
            self.observe(StepReached("cleaned"))
            store.staging.mkdir(mode=0o700)
            try:
                return self._publish(sources, store, due, limit, full=full)
            finally:
                shutil.rmtree(store.staging, ignore_errors=True)

    def _publish(
        self, sources: Sequence[Source], store: Store, due: Collection[str] | None, limit: Limit, *, full: bool
    ) -> Generation:
        begun, last = time.monotonic(), previous_of(store)
        go_on = None if full else reusable(last, self.project, self.whole)
        with self.watched(limit, store.staging, go_on) as files:
            number = store.next_number()
            exported = self.export(files, sources, due, number, limit.end)
            if last and not self.is_needed(files, exported):
                self.refuse_old(files, exported)
                return self.unchanged(store, exported, last.catalog.snapshot, begun)
            catalog = self.write(files, number, exported, last.catalog if last else None)
            outgrown, disorder = has_outgrown(files, catalog), in_disorder(files, catalog)
        if outgrown:
            self.observe(StepReached("outgrown"))
            disorder = write_anew(store.staging, self.project, self.tables, catalog, partial(self.watched, limit))
        if not self.whole and (disorder := disorder.intersection(w.table for w in self.tables if w.due)):
            raise InDisorder(disorder)
        info = catalog.snapshot
        self.observe(StepReached("closed"))
        if last is None or last.catalog.snapshot.definition_hash != info.definition_hash:
            check_contract(files.snapshot, self.project.settings.root, limit.left())
        staged = Staged(files.snapshot, files.secrets if files.private else None)
        generation = publish(store, staged, number, info.built_at, limit.watching)
        before = last.catalog.snapshot.number if last else 0
        note(store.directory, self.project, self.due, exported, before, number, info.built_at)
        store.remove_older()
        self.observe(StepReached("older removed"))
        size, seconds = generation.path.stat().st_size, time.monotonic() - begun
        self.observe(Published(number, generation.id, size, seconds))
        return generation

    def staging(self, folder: Path, previous: Previous | None) -> AbstractContextManager[Staging]:
        """The files of this build."""
        settings, private = self.project.settings, private_tables(self.project)
        return staging(folder, previous, private, memory=settings.snapshots.memory, time_zone=settings.time_zone)

    @contextmanager
    def watched(self, limit: Limit, folder: Path, previous: Previous | None) -> Iterator[Staging]:
        """They are given up once its time is over."""
        with self.staging(folder, previous) as files, limit.watching(files.connection):
            yield files

    def export(
        self, files: Staging, sources: Sequence[Source], due: Collection[str] | None, number: int, end: float
    ) -> Export:
        """Read what is due of the sources."""
        self.due = due_metrics(self.project, files.previous, due)
        if files.previous:
            unstable = {d.metric.name for d in self.project.definitions if d.unstable}
            files.previous = replace(files.previous, anew=files.previous.anew | (unstable & self.due))
        places = {source.name: source.place for source in sources}
        self.tables = tables_of(self.project, places, files.previous, self.due)
        self.observe(StepReached("staged"))
        return export(files, sources, self.tables, number, self.observe, end)

    def refuse_old(self, files: Staging, exported: Export) -> None:
        """Where nothing is published, nothing else is checked. Raises CheckFailed for a source with no new rows."""
        tables = {files.before(wanted.table): wanted for wanted in self.tables}
        moments = {table: change.state.as_of for table, change in exported.changes.items()}
        if problems := tuple(too_old(files.connection, tables, moments)):
            raise CheckFailed(problems)

    def is_needed(self, files: Staging, exported: Export) -> bool:
        """Whether there is anything to publish.

        What was read changed, or would be read as a whole again without the mark it has now, or a metric looks at more.
        """
        previous = files.previous
        if previous is None or previous.catalog.snapshot.definition_hash != self.project.definition_hash:
            return True
        looks = any(d.unstable and d.metric.name in self.due for d in self.project.definitions)
        caught_up = any(pending.metric in self.due for pending in previous.catalog.pending)
        return exported.changed or exported.marked or looks or caught_up

    def unchanged(self, store: Store, exported: Export, info: SnapshotInfo, begun: float) -> Generation:
        """What is current is of now, too."""
        note(store.directory, self.project, self.due, exported, info.number, info.number, self.clock())
        self.observe(Unchanged(info.number, info.id, time.monotonic() - begun))
        return store.current()

    def write(self, files: Staging, number: int, exported: Export, last: Catalog | None) -> Catalog:
        """Fill and close the new files; the catalogue that they hold."""
        definitions, cells = self.project.definitions, self.project.settings.snapshots.cells
        tables = write_tables(files, self.tables, exported.changes)
        self.observe(StepReached("exported"))
        info = self._info(files, number, exported)
        moment = exported.as_of or info.built_at
        made = aggregate(files, definitions, self.due, exported.changes, moment, number, self.observe, cells)
        files.hide_private()
        self.observe(StepReached("aggregated"))
        catalog = Catalog(
            info,
            exported.sources,
            made.metrics,
            (*_history(last), *exported.builds, *made.builds),
            tables=tables,
            pending=made.pending,
        )
        checks = check(files, definitions, self.tables, catalog, last, allow_empty=self.allow_empty)
        catalog = replace(catalog, checks=checks)
        finish(files, catalog, self.observe)
        return catalog

    def _info(self, files: Staging, number: int, exported: Export) -> SnapshotInfo:
        settings, built_at = self.project.settings, self.clock()
        pace = min((definition.metric.pace for definition in self.project.definitions), default=settings.pace)
        as_of, stale_after = moments_of(self.project, exported, built_at)
        return SnapshotInfo(
            number=number,
            id=f"{built_at:%Y%m%dT%H%M%SZ}-{number:06}",
            format=FORMAT,
            project=settings.name,
            as_of=as_of,
            built_at=built_at,
            stale_after=stale_after,
            pace=pace,
            time_zone=settings.time_zone,
            definition_hash=self.project.definition_hash,
            tool=tool(),
        )


def _history(last: Catalog | None) -> tuple[BuildRecord, ...]:
    """The records of the refreshes before, the newest of each table and metric."""
    kept: list[BuildRecord] = []
    counted: Counter[tuple[str, str]] = Counter()
    for record in reversed(last.builds if last else ()):
        counted[record.kind, record.name] += 1
        if counted[record.kind, record.name] < KEPT_BUILDS:
            kept.append(record)
    return tuple(reversed(kept))
