"""Source databases: what their tables look like, and one consistent read of all of them as Arrow batches."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol

import sqlalchemy

from ..errors import ProjectError
from ..settings import SourceSettings, problem
from .shape import ColumnShape, Shapes, TableShape, read_lock, write_lock
from .sqlite import SqliteSource

__all__ = ["ColumnShape", "Reading", "Shapes", "Source", "TableShape", "open_source", "read_lock", "write_lock"]


class Reading(Protocol):
    """One consistent read: every table of it is of the same moment, `as_of` at the latest."""

    @property
    def as_of(self) -> datetime:
        """The source's clock when the read began."""

    def misfits(self, table: str, shape: TableShape) -> AbstractContextManager[object]:
        """An Arrow stream of (place, key, value): an empty row, then at most one value of a wrong kind."""

    def rows(self, table: str, shape: TableShape) -> AbstractContextManager[object]:
        """The rows of a table as an Arrow stream (the PyCapsule interface) of the shape's columns, on the wire.

        A leading column `_pacelayer_row` is 0 for rows that only fix the types and are left out, and 1 for the others.
        """

    def fitting(self, column: str, kind: str) -> str:
        """The DuckDB expression that makes a wire value its declared type, and is null where it does not fit."""


class Source(Protocol):
    """A source database, not yet connected."""

    @property
    def name(self) -> str:
        """The schema of its tables in the snapshot."""

    def shapes(self) -> Mapping[str, TableShape]:
        """What its tables look like now. Raises SourceUnavailable."""

    def read(self) -> AbstractContextManager[Reading]:
        """Begin one consistent read. Raises SourceUnavailable."""


def open_source(settings: SourceSettings, root: Path) -> Source:
    """The source of that URL; relative paths are relative to the project.

    Raises ProjectError for what cannot be one.
    """
    where = ("sources", settings.name, "url")
    missing = [name for name in re.findall(r"\$\{(\w+)\}", settings.url) if name not in os.environ]
    if missing:
        what = f"source '{settings.name}' needs the environment variable {' and '.join(missing)}, which is not set"
        raise ProjectError((problem(root, where, what, f"export {missing[0]}=..."),))
    written = re.sub(r"\$\{(\w+)\}", lambda match: os.environ[match[1]], settings.url)
    try:
        url = sqlalchemy.make_url(written)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        # The URL itself is not shown: it may hold a password.
        what = f"source '{settings.name}' has a url that cannot be read"
        raise ProjectError((problem(root, where, what, "write it like sqlite:///shop.sqlite"),)) from None
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        what = f"source '{settings.name}' is of a kind that cannot be read"
        raise ProjectError((problem(root, where, what, "this version reads SQLite files: sqlite:///shop.sqlite"),))
    return SqliteSource(settings.name, root / url.database, settings.tables)
