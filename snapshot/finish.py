"""The last of a build's work on its files: their catalogue and a checkpoint; anew where copies are too large."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from .aggregate import aggregate, create_dashboard_view
from .catalog import Catalog, write
from .definition import Project
from .events import Observer, StepReached, nobody
from .export import Change, Wanted, in_disorder
from .export import write as write_tables
from .staging import Previous, Staging, Table


class InDisorder(Exception):
    """These tables make a file too large: they have to be read as their source has them."""

    def __init__(self, tables: frozenset[Table]) -> None:
        super().__init__()
        self.tables = tables


def finish(files: Staging, catalog: Catalog, observe: Observer) -> None:
    """Write the catalogue, and everything down."""
    write(files.connection, catalog)
    create_dashboard_view(files.connection, catalog.metrics)
    observe(StepReached("checked"))
    files.checkpoint()
    observe(StepReached("checkpointed"))


def write_anew(
    folder: Path,
    project: Project,
    tables: Sequence[Wanted],
    catalog: Catalog,
    staging: Callable[[Path, Previous], AbstractContextManager[Staging]],
) -> frozenset[Table]:
    """Write the new files in `folder` once more, from nothing: as copies they have outgrown what is in them.

    The tables that are `in_disorder` then.
    """
    outgrown = folder / "outgrown"
    outgrown.mkdir()
    for file in folder.glob("*.duckdb"):
        file.rename(outgrown / file.name)
    private = outgrown / "private.duckdb"
    go_on = Previous(catalog, outgrown / "snapshot.duckdb", private if private.exists() else None)
    with staging(folder, go_on) as files:
        files.open()
        changes = {(state.source, state.name): Change("unchanged", state) for state in catalog.tables}
        write_tables(files, tables, changes)
        info = catalog.snapshot
        aggregate(files, project.definitions, (), changes, info.as_of, info.number, nobody, 0)
        files.hide_private()
        finish(files, catalog, nobody)
        return in_disorder(files, catalog)
