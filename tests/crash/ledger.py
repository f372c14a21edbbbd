"""The ledger: a small project whose numbers only grow, built in a fraction of a second, with a private table."""

from __future__ import annotations

import hashlib
import multiprocessing
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from snapshot import connect
from snapshot import project as projects
from snapshot import settings as project_settings
from snapshot.build import Clock, now
from snapshot.build import refresh as build_and_publish
from snapshot.definition import Project
from snapshot.events import STEPS, Event, MetricComputed, Observer, StepReached, TableExported, nobody
from snapshot.export import copying
from snapshot.source import Source, open_source
from snapshot.store import Disk, Generation, PosixDisk, Store, locked, verify
from snapshot.stored import BLOCK_BYTES

# Processes that are forked from one that has imported everything and never opened DuckDB: they start in no time.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["refresher", "snapshot.build", "snapshot.project", "snapshot.reader"])
LIMIT_SECONDS = 60.0
ENTRIES = 20  # added at a time
# The steps of a refresh, and two moments amid the longest of them.
AMID_EXPORT, AMID_AGGREGATE = "a table exported", "a metric computed"
MOMENTS = (*STEPS[:3], AMID_EXPORT, STEPS[3], AMID_AGGREGATE, *STEPS[4:])
FLIP = MOMENTS.index("pointer flipped")
SETTINGS = """
name = "ledger"
pace = "1s"
[sources.shop]
url = "sqlite:///ledger.sqlite"
[sources.shop.tables.accounts]
private = true
append_only = true
[sources.shop.tables.entries]
append_only = true
[snapshots]
keep = {keep}
memory = "200MB"
"""
METRICS = {
    "totals": "select account_id as account, count(*) as entries, sum(amount) as amount from shop.entries group by all",
    "owners": "select count(*) as owners, count(distinct name) as names from shop.accounts",
}
TABLES = """
create table accounts (id integer primary key, name text not null);
create table entries (id integer primary key, account_id integer not null, amount decimal(10, 2) not null);
insert into accounts values (1, 'Ada'), (2, 'Ben'), (3, 'Chloe');
"""


def make_ledger(folder: Path, keep: int = 5) -> Path:
    """A project in `folder` with some entries; nothing is published yet."""
    (folder / "metrics").mkdir(parents=True)
    (folder / "pacelayer.toml").write_text(SETTINGS.format(keep=keep))
    for name, sql in METRICS.items():
        (folder / "metrics" / f"{name}.sql").write_text(sql)
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as connection:
        connection.executescript(TABLES)
    add_entries(folder)
    report = projects.check(folder)
    assert not report.problems, report.problems
    return folder


def add_entries(project: Path) -> None:
    """Make the numbers grow: the next snapshot has ENTRIES more of them."""
    with closing(sqlite3.connect(project / "ledger.sqlite")) as connection, connection:
        rows = [(number % 3 + 1, f"{number}.50") for number in range(ENTRIES)]
        connection.executemany("insert into entries (account_id, amount) values (?, ?)", rows)


def store_of(project: Path, disk: Disk | None = None, observe: Observer = nobody) -> Store:
    """The project's directory of generations."""
    settings = project_settings.load(project)
    return Store(settings.directory, settings.snapshots.keep, disk or PosixDisk(), observe)


def loaded(project: Path) -> tuple[Project, Sequence[Source]]:
    """The project and its sources. Projects of the same texts are read once: that takes as long as a refresh."""
    settings = project_settings.load(project)
    files = [project / "pacelayer.toml", project / "sources.lock", *sorted((project / "metrics").iterdir())]
    texts = tuple(file.read_text() for file in files)
    if texts not in _READ:
        _READ[texts] = projects.load(settings)[0]
    return replace(_READ[texts], settings=settings), [open_source(source, project) for source in settings.sources]


_READ: dict[tuple[str, ...], Project] = {}


def refresh(
    project: Path,
    observe: Observer = nobody,
    clock: Clock = now,
    disk: Disk | None = None,
    *,
    full: bool = False,
    copies: bool = False,
) -> Generation:
    """One refresh in this process, as the refresher makes it; a `full` one publishes whatever has changed.

    One that `copies` begins with the last files, as if they were large.
    """
    definition, sources = loaded(project)
    large, block, growth = (0, 0, 1000.0) if copies else (copying.COPIED, BLOCK_BYTES, copying.GROWTH)
    with (
        locked(definition.settings.directory),
        patch.object(copying, "COPIED", large),
        patch.object(copying, "BLOCK_BYTES", block),
        patch.object(copying, "GROWTH", growth),
    ):
        store = store_of(project, disk, observe)
        return build_and_publish(definition, sources, store, observe, clock=clock, full=full)


def moment_of(event: Event) -> str:
    """The name among MOMENTS of what has happened; empty for anything else."""
    if isinstance(event, StepReached):
        return event.step
    return {TableExported: AMID_EXPORT, MetricComputed: AMID_AGGREGATE}.get(type(event), "")


def at(moment: str, do: Callable[[], object]) -> Observer:
    """The observer that does something when a refresh has come to a moment."""

    def observe(event: Event) -> None:
        if moment_of(event) == moment:
            do()

    return observe


def whole(generation: Generation) -> int:
    """The number of entries in a generation that is all there: each column reads back, the checksum is right."""
    verify(generation.path)
    digest, name = generation.path.with_name(f"{generation.path.name}.sha256").read_text().split()
    assert name == generation.path.name
    assert digest == hashlib.sha256(generation.path.read_bytes()).hexdigest()
    return entries_of(generation.path)


def row_groups(generation: Generation) -> int:
    """Of the entries: one where they were written at once, another for those that came into a copy."""
    connection = connect.read(generation.path, threads=1, memory="100MB")
    try:
        sql = "select count(distinct row_group_id) from pragma_storage_info('shop.entries')"
        ((count,),) = connection.execute(sql).fetchall()
        return int(count)
    finally:
        connection.close()


def entries_of(path: Path) -> int:
    """The number of entries that a snapshot file tells of, the same in table, metric and catalogue."""
    connection = connect.read(path, threads=1, memory="100MB")
    try:
        ((exported, counted, recorded),) = connection.execute(
            "select (select count(*) from shop.entries), (select sum(entries) from totals), "
            "(select rows from pacelayer.tables where name = 'entries')"
        ).fetchall()
    finally:
        connection.close()
    assert exported == counted == recorded
    return int(exported)


def is_tidy(store: Store) -> bool:
    """Whether the directory holds its generations and nothing that a crash has left."""
    generations = store.generations()
    files = {g.path.name for g in generations} | {f"{g.path.name}.sha256" for g in generations}
    private = {f"{g.number:06}.duckdb" for g in generations}
    # The status is not the store's: what is left of one is replaced with the next.
    found = {entry.name for entry in store.directory.iterdir()} - {
        "lock",
        "flip.lock",
        "status.json",
        "status.json.new",
    }
    return found == files | {"current.duckdb", "state"} and {entry.name for entry in store.state.iterdir()} == private


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition, within a limit."""
    limit = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < limit, f"waited {LIMIT_SECONDS} s for {what}"
        time.sleep(0.005)
