"""What a refresh goes on from: the last generation, and what of each table is known."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from importlib.metadata import version

import duckdb

from . import connect
from .aggregate import is_same
from .catalog import TableState
from .catalog import read as read_catalog
from .definition import Project, digest
from .errors import PacelayerError
from .export import Wanted
from .settings import TableSettings
from .staging import Previous, Table
from .store import Store, untouched


def previous_of(store: Store) -> Previous | None:
    """The current generation; None where there is none that can be read, or somebody wrote to it."""
    try:
        current = store.current()
        if not untouched(current):
            return None
        connection = connect.read(current.path, threads=1, memory="256MB")
    except (PacelayerError, duckdb.Error):
        return None
    try:
        catalog = read_catalog(connection)
    except PacelayerError:
        return None
    finally:
        connection.close()
    private = store.private(current.number)
    return Previous(catalog, current.path, private if private.exists() else None)


def reusable(previous: Previous | None, project: Project, whole: Collection[Table] = ()) -> Previous | None:
    """The generation to go on from: of the same program and the same zone, which all values depend on.

    What it knows of tables that are to be read as a `whole` is left out.
    """
    if previous is None:
        return None
    info = previous.catalog.snapshot
    if (info.tool, info.time_zone) != (tool(), project.settings.time_zone):
        return None
    wanted = {(definition.metric.name, definition.metric.definition_hash) for definition in project.definitions}
    had = {metric.name: metric for metric in previous.catalog.metrics}
    copyable = {(metric.name, metric.definition_hash) for metric in had.values()} <= wanted
    anew = (d.metric.name for d in project.definitions if not is_same(had.get(d.metric.name), d))
    states = tuple(state for state in previous.catalog.tables if state.table not in whole)
    catalog = replace(previous.catalog, tables=states)
    return replace(previous, catalog=catalog, copyable=copyable, anew=frozenset(anew))


def tool() -> str:
    """What builds, by its version."""
    return f"pacelayer {version('pacelayer')}, duckdb {duckdb.__version__}"


def private_tables(project: Project) -> frozenset[Table]:
    """The private tables that are exported."""
    return frozenset(
        (source.name, name)
        for source in project.settings.sources
        for name, table in source.tables.items()
        if table.private and name in project.exports.get(source.name, {})
    )


def due_metrics(project: Project, previous: Previous | None, due: Collection[str] | None) -> frozenset[str]:
    """The metrics to bring up to date: those that are due, and those that the last generation does not have."""
    known = {metric.name for metric in previous.catalog.metrics} if previous else set[str]()
    names = {definition.metric.name for definition in project.definitions}
    return frozenset(names if due is None else (names & set(due)) | (names - known))


def tables_of(
    project: Project, places: Mapping[str, str], previous: Previous | None, due: Collection[str]
) -> list[Wanted]:
    """The tables of the project. Due are those that a metric reads which is due, and those that none reads.

    `places` says where each source is: what was read of another place is nothing to go on from.
    """
    private = private_tables(project)
    states = {(state.source, state.name): state for state in previous.catalog.tables} if previous else {}
    settings = {(s.name, name): table for s in project.settings.sources for name, table in s.tables.items()}
    found = []
    for source, tables in project.exports.items():
        for name, shape in tables.items():
            table, said = (source, name), settings.get((source, name), TableSettings())
            definition = digest(repr((places.get(source), shape, said.soft, said.types, table in private)))
            state = _usable(states.get(table), definition, previous, table in private)
            read_by = [definition for definition in project.definitions if table in definition.tables]
            feeds = frozenset(due).intersection(d.metric.name for d in read_by)
            is_due = state is None or not read_by or bool(feeds)
            found.append(Wanted(table, shape, said, definition, state, is_due, feeds))
    return found


def _usable(state: TableState | None, definition: str, previous: Previous | None, private: bool) -> TableState | None:
    """How a table was left, where that is what it would be now."""
    there = previous is not None and (previous.private is not None or not private)
    return state if state and there and state.definition == definition else None
