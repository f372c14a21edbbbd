"""A SQLite file as a source: read-only by URI, one transaction, Arrow by ADBC, loose types made strict."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import Error as SqliteError
from sqlite3 import connect
from urllib.parse import quote as percent

import adbc_driver_manager as adbc
import adbc_driver_sqlite
import sqlalchemy

from ...errors import SourceUnavailable
from ...settings import TableSettings
from ..reflect import reflect
from ..shape import TableShape
from .kinds import duckdb_type, with_row_id
from .reading import SqliteReading

__all__ = ["SqliteReading", "SqliteSource"]

# How long the file may be locked by a writer in rollback-journal mode before the read gives up.
BUSY_MILLISECONDS = 5_000


@dataclass(frozen=True)
class SqliteSource:
    """The file at `path`; `tables` are the project's settings for some of its tables."""

    name: str
    path: Path
    tables: Mapping[str, TableSettings]

    @property
    def place(self) -> str:
        """The file."""
        return str(self.path.resolve())

    def shapes(self) -> Mapping[str, TableShape]:
        """The tables and views of the file, reflected."""
        try:
            shapes = reflect(self.engine(), "", self.tables, duckdb_type)
        except sqlalchemy.exc.SQLAlchemyError as error:
            raise self._unavailable(error) from error
        return {name: with_row_id(shape) for name, shape in shapes.items()}

    def engine(self) -> sqlalchemy.Engine:
        """A connection for each question, which cannot write."""
        return sqlalchemy.create_engine(
            "sqlite://", creator=lambda: connect(self._uri(), uri=True), poolclass=sqlalchemy.NullPool
        )

    @contextmanager
    def read(self, tables: Collection[str], end: float = math.inf) -> Iterator[SqliteReading]:
        """One read transaction; what is committed meanwhile is not seen. ADBC cannot end a statement of SQLite's."""
        try:
            # Before the transaction: Python's SQLite is another library than ADBC's, and a file that one of them closes
            # loses the locks that the other holds in this process.
            views = self._views()
            with (
                adbc.AdbcDatabase(driver=adbc_driver_sqlite._driver_path(), uri=self._uri()) as database,
                adbc.AdbcConnection(database) as connection,
            ):
                _execute(connection, f"pragma busy_timeout = {BUSY_MILLISECONDS}")
                connection.set_autocommit(False)
                # The transaction sees the file as of its first read: nothing committed before as_of is missing.
                as_of = datetime.now(UTC)
                _execute(connection, "select count(*) from sqlite_master")
                yield SqliteReading(self.name, as_of, views, connection)
        except (adbc.Error, SqliteError) as error:
            raise self._unavailable(error) from error

    def _views(self) -> frozenset[str]:
        with closing(connect(self._uri(), uri=True)) as plain:
            ((pages,),), ((page,),) = (
                plain.execute(f"pragma {word}").fetchall() for word in ("page_count", "page_size")
            )
            wal = self.path.with_name(self.path.name + "-wal")
            if self.path.stat().st_size < pages * page and not (wal.exists() and wal.stat().st_size):
                # SQLite would read what is missing as zeros.
                raise SourceUnavailable(
                    f"source '{self.name}': {self.path.name} is shorter than it says", "is it being copied?"
                )
            return frozenset(name for (name,) in plain.execute("select name from sqlite_master where type = 'view'"))

    def _uri(self) -> str:
        """A URI that opens the file for reading and never makes one."""
        return f"file:{percent(str(self.path))}?mode=ro"

    def _unavailable(self, error: Exception) -> SourceUnavailable:
        if not self.path.exists():
            return SourceUnavailable(
                f"source '{self.name}': there is no file {self.path.name}", "check the source's url"
            )
        return SourceUnavailable(f"source '{self.name}' cannot be read: {str(error).splitlines()[0]}")


def _execute(connection: adbc.AdbcConnection, sql: str) -> None:
    with adbc.AdbcStatement(connection) as statement:
        statement.set_sql_query(sql)
        statement.execute_update()
