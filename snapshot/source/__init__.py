"""Source databases: what their tables look like, and one consistent read of all of them as Arrow batches."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

import nanoarrow
import sqlalchemy

from ..errors import ProjectError
from ..settings import SourceSettings, problem
from .batches import bytes_of
from .counts import Counts
from .cursor import CursorSource
from .mysql import MysqlSource
from .postgres import PostgresSource
from .shape import FILE_NAME as LOCK_NAME
from .shape import ColumnShape, Shapes, TableShape, read_lock, write_lock
from .sqlite import SqliteSource
from .strict import FIRST_YEAR

__all__ = [
    "FIRST_YEAR",
    "LOCK_NAME",
    "URL_HINT",
    "Changing",
    "ColumnShape",
    "Counts",
    "Database",
    "Reading",
    "Shapes",
    "Source",
    "TableShape",
    "bytes_of",
    "open_source",
    "read_lock",
    "url_of",
    "write_lock",
]


class Reading(Protocol):
    """One consistent read: every table of it is of the same moment, `as_of` at the latest."""

    @property
    def as_of(self) -> datetime:
        """The source's clock when the read began."""

    def rows(self, table: str, shape: TableShape) -> AbstractContextManager[Iterable[nanoarrow.Array]]:
        """The rows of a table as batches of the shape's columns, on the wire, read ahead; no batch is empty.

        Where the first column is `_pacelayer_row`, it is 0 for rows that only fix the types and are left out, and 1 for
        the others.
        Raises SourceValueError for a value that its column's type does not take.
        """

    def fitting(self, table: str, column: str, kind: str) -> str:
        """The DuckDB expression that makes a wire value its declared type, and is null where it does not fit."""

    def written(self, table: str, column: str, kind: str) -> str:
        """The DuckDB expression for a wire value that does not fit, as the source writes it."""


@runtime_checkable
class Changing(Reading, Protocol):
    """A read that can tell what of a table changed since another one."""

    def horizon(self, table: str) -> str:
        """The database's own mark of what this read sees of a table; empty where it has none."""

    def since(self, then: str, now: str) -> str:
        """The condition on all rows that a read of the horizon `then` did not see, and this one of `now` does.

        Empty where none can tell.
        """

    def at_least(self, table: str, column: str, value: str, kind: str) -> str:
        """The condition that a column is at least a value of that DuckDB type (a moment: in UTC), or is null."""

    def unordered(self, table: str, column: str, kind: str) -> str:
        """The condition that a column has a value which is none of that DuckDB type, and so comes before no other.

        `at_least` may leave such rows out.
        """

    def tells_apart(self, table: str, column: str, shape: ColumnShape) -> bool:
        """Whether different values of a column are different values of its DuckDB type."""

    def marked(self, table: str, column: str, shape: ColumnShape) -> str:
        """The condition that a column marks a row as deleted: it is set, or exactly true."""

    def estimate(self, table: str) -> int:
        """About how many rows a table has, by the source's statistics; 0 where it has none."""

    def count(self, table: str, where: str = ..., key: Collection[str] = ()) -> int:
        """The rows of a table that fulfil a condition, or the different keys that they have."""

    def counts(self, table: str, where: str, among: str, column: str = "") -> Counts:
        """Of the rows that fulfil a condition, those that fulfil `among`, too; the sum of a column of whole numbers."""

    def rows(
        self, table: str, shape: TableShape, where: str = ..., *, most: bool = ...
    ) -> AbstractContextManager[Iterable[nanoarrow.Array]]:
        """Those that fulfil a condition, which may be `most` of them."""


class Source(Protocol):
    """A source database, not yet connected."""

    @property
    def name(self) -> str:
        """The schema of its tables in the snapshot."""

    @property
    def place(self) -> str:
        """Where it is, without any password: another place has other rows."""

    def shapes(self) -> Mapping[str, TableShape]:
        """What its tables look like now. Raises SourceUnavailable."""

    def read(self, tables: Collection[str], end: float = ...) -> AbstractContextManager[Reading]:
        """Begin one consistent read of these tables. Raises SourceUnavailable.

        Its statements end at `end`, a moment of time.monotonic(), where the source can be told.
        """


class Database(Source, Protocol):
    """A source that can be asked questions of its own, too."""

    def engine(self) -> sqlalchemy.Engine:
        """What opens a connection to it for each question, which cannot write."""


def open_source(settings: SourceSettings, root: Path, time_zone: str = "UTC") -> Database:
    """The source of that URL; relative paths are relative to the project. Sessions are of the zone, where they can be.

    Raises ProjectError for what cannot be one.
    """
    where = ("sources", settings.name, "url")
    missing = [name for name in re.findall(r"\$\{(\w+)\}", settings.url) if name not in os.environ]
    if missing:
        what = f"source '{settings.name}' needs the environment variable {' and '.join(missing)}, which is not set"
        raise ProjectError((problem(root, where, what, f"export {missing[0]}=..."),))
    written = re.sub(r"\$\{(\w+)\}", lambda match: os.environ[match[1]], settings.url)
    try:
        url = url_of(written)
    except ValueError as error:
        what = f"source '{settings.name}' has a url that cannot be read: {error}"
        raise ProjectError((problem(root, where, what, URL_HINT),)) from None
    backend = url.get_backend_name()
    if backend == "sqlite" and url.database not in (None, "", ":memory:"):
        return SqliteSource(settings.name, root / url.database, settings.tables)
    if backend == "postgresql":
        return PostgresSource(settings, url, time_zone)
    if backend in ("mysql", "mariadb"):
        return MysqlSource(settings, url.set(drivername=f"{backend}+pymysql"))
    try:
        if backend == "sqlite":
            raise ImportError("a database in memory is nobody else's")
        url.get_dialect().import_dbapi()
    except (sqlalchemy.exc.NoSuchModuleError, ImportError):
        what = f"source '{settings.name}' is of a kind that cannot be read"
        hint = "write sqlite:///shop.sqlite, postgresql://... or mysql://...; others need their SQLAlchemy dialect"
        raise ProjectError((problem(root, where, what, hint),)) from None
    return CursorSource(settings, url)


URL_HINT = "write it like postgresql://user@host/shop or sqlite:///shop.sqlite; in a password @ is %40 and / is %2F"


def url_of(text: str) -> sqlalchemy.URL:
    """A database's URL. Raises ValueError, which does not show the URL: it may hold a password."""
    try:
        url = sqlalchemy.make_url(text)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        raise ValueError("it is not the URL of a database") from None
    if "@" in (url.host or "") or (url.host and "@" in (url.database or "")):
        raise ValueError("a part of it has an @")
    if url.get_backend_name() in ("postgresql", "mysql", "mariadb") and not url.database:
        raise ValueError("it names no database")
    return url
