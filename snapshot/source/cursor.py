"""Any database that SQLAlchemy knows, as a source: one transaction, a server-side cursor, Arrow batches of texts."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import nanoarrow
import sqlalchemy
from sqlalchemy import types

from ..catalog import quote
from ..errors import SourceUnavailable
from ..settings import TableSettings
from .ahead import ahead
from .at_url import SourceAtUrl
from .counts import Counts
from .gather import batch_of, gathered
from .limit import seconds_left
from .reflect import common_kind, reflect
from .shape import ColumnShape, TableShape
from .strict import FIRST_YEAR, TRUE, shortest, strict

# Rows that the driver is asked for at a time.
FETCHED = 500
# From the level that promises exactly this on, to one that locks for it.
_CONSISTENT = ("SNAPSHOT", "SERIALIZABLE", "REPEATABLE READ")


@dataclass(frozen=True)
class CursorSource(SourceAtUrl):
    """The database at `url`, through its SQLAlchemy dialect."""

    def shapes(self) -> Mapping[str, TableShape]:
        """The tables and views of its schema, reflected."""
        try:
            return reflect(self.engine(), self.settings.schema, self.settings.tables, self.kind)
        except (sqlalchemy.exc.SQLAlchemyError, TypeError) as error:
            # A driver's TypeError: the URL has an option that it does not know.
            raise self.unavailable(error) from error

    @contextmanager
    def read(self, tables: Collection[str], end: float = math.inf) -> Iterator[CursorReading]:
        """One transaction for all tables."""
        try:
            with self.engine().connect() as connection:
                deadline = min(end, time.monotonic() + self.settings.read_limit)
                as_of = self.begin(connection, [self.qualified(connection, name) for name in tables], deadline)
                yield CursorReading(self, as_of, connection, deadline)
        except sqlalchemy.exc.SQLAlchemyError as error:
            raise self.unavailable(error) from error

    def connect_arguments(self) -> dict[str, Any]:
        """What the driver is told beside the URL."""
        return {}

    def begin(self, connection: sqlalchemy.Connection, tables: Sequence[str], deadline: float) -> datetime:
        """Begin the one consistent read of tables (quoted); the moment that it is of, at the latest.

        Raises SourceUnavailable.
        """
        levels = connection.dialect.get_isolation_level_values(connection.connection.dbapi_connection)  # type: ignore[arg-type]
        level = next((level for level in _CONSISTENT if level in levels), None)
        if level is None:
            raise SourceUnavailable(f"source '{self.name}' is of a kind that has no consistent read")
        connection.execution_options(isolation_level=level)
        return datetime.now(UTC)

    def qualified(self, connection: sqlalchemy.Connection, table: str) -> str:
        """A table in its schema, quoted."""
        schema = f"{_quoted(connection, self.settings.schema)}." if self.settings.schema else ""
        return schema + _quoted(connection, table)

    def bound(self, connection: sqlalchemy.Connection, seconds: float) -> None:
        """Let the next statement take at most so long, where the database can be told."""

    def abandon(self, cursor: Any) -> None:
        """Leave the rows unread that are left, where a driver would read them first."""

    def estimate(self, connection: sqlalchemy.Connection, table: str) -> int:
        """About how many rows a table has; 0 where nobody can be asked."""
        return 0

    def check(self, connection: sqlalchemy.Connection, table: str) -> None:
        """Raises SourceUnavailable for a table that the transaction does not read consistently."""

    def kind(self, declared: types.TypeEngine[Any]) -> str:
        """The DuckDB type of a declared one; `?` and the declaration where a value could not be kept exactly."""
        return common_kind(declared)

    def wire(self, column: str, shape: ColumnShape) -> str:
        """The SQL that reads a column (quoted already) so that its value is a text, or Python's exact value."""
        return column

    def unordered(self, column: str, kind: str, *, named: bool) -> str:
        """The condition that a column (quoted) has a value of no place in order; `named` where the project types it."""
        return "1 = 0"

    def engine(self) -> sqlalchemy.Engine:
        """A connection for each question."""
        return sqlalchemy.create_engine(self.url, poolclass=sqlalchemy.NullPool, connect_args=self.connect_arguments())


@dataclass(frozen=True)
class CursorReading:
    """An open read transaction, which ends at `deadline` (a moment of time.monotonic())."""

    source: CursorSource
    as_of: datetime
    connection: sqlalchemy.Connection
    deadline: float

    def horizon(self, table: str) -> str:
        """None that could be asked of any database."""
        return ""

    def since(self, then: str, now: str) -> str:
        """Nothing tells."""
        return ""

    def at_least(self, table: str, column: str, value: str, kind: str) -> str:
        """The session's zone is UTC where moments have one; a text may be without its last parts."""
        name = _quoted(self.connection, column)
        if "INT" in kind:
            return f"({name} >= {value} or {name} is null)"
        # What comes before all years, as a day that is none, is read to be refused.
        return f"({name} >= '{shortest(value)}' or {name} < '{FIRST_YEAR}' or {name} is null)"

    def unordered(self, table: str, column: str, kind: str) -> str:
        """What the database lets in."""
        named = self._names_type(table, column)
        return self.source.unordered(_quoted(self.connection, column), kind, named=named)

    def tells_apart(self, table: str, column: str, shape: ColumnShape) -> bool:
        """What the project calls a number may be a text, where 01 and 1 are two."""
        return not (self._names_type(table, column) and shape.is_written)

    def marked(self, table: str, column: str, shape: ColumnShape) -> str:
        """Rows whose mark of deletion is set; one that the project calls a boolean may be a word."""
        name = _quoted(self.connection, column)
        if shape.type != "BOOLEAN":
            return f"{name} is not null"
        # Behind its end: databases take a text with blanks there for one without.
        words = ", ".join(f"'{word}.'" for word in TRUE)
        return f"{name} is not null and lower(concat({self.source.wire(name, shape)}, '.')) in ({words})"

    def _names_type(self, table: str, column: str) -> bool:
        """Whether the project names a column's type."""
        return column in self.source.settings.tables.get(table, TableSettings()).types

    def estimate(self, table: str) -> int:
        """Where the kind of database has statistics."""
        return self.source.estimate(self.connection, table)

    def count(self, table: str, where: str = "1 = 1", key: Collection[str] = ()) -> int:
        """The rows that fulfil a condition, or their keys."""
        self._begin(table)
        rows = f"{self.source.qualified(self.connection, table)} where {where}"
        if key:
            names = ", ".join(_quoted(self.connection, name) for name in key)
            rows = f"(select distinct {names} from {rows}) keys_"
        sql = f"select count(*) from {rows}"
        return int(self.connection.exec_driver_sql(sql, execution_options={"no_parameters": True}).scalar_one())

    def counts(self, table: str, where: str, among: str, column: str = "") -> Counts:
        """In as many digits as every database has: its own sum of integers may be too large for it."""
        self._begin(table)
        summed = f"sum(cast({_quoted(self.connection, column)} as decimal(38, 0)))" if column else "0"
        place = self.source.qualified(self.connection, table)
        sql = f"select count(*), count(case when {among} then 1 end), {summed} from {place} where {where}"
        rows, some, total = self.connection.exec_driver_sql(sql, execution_options={"no_parameters": True}).one()
        return Counts(int(rows), int(some), int(total or 0))

    @contextmanager
    def rows(
        self, table: str, shape: TableShape, where: str = "1 = 1", *, most: bool = False
    ) -> Iterator[Iterable[nanoarrow.Array]]:
        """Rows are gathered as they come."""
        self._begin(table)
        wire = ", ".join(self.source.wire(_quoted(self.connection, name), c) for name, c in shape.columns.items())
        place = f"{self.source.name}.{table}"
        options = {"stream_results": True, "max_row_buffer": FETCHED, "no_parameters": True}
        sql = f"select {wire} from {self.source.qualified(self.connection, table)} where {where}"
        result = self.connection.exec_driver_sql(sql, execution_options=options)
        try:
            with ahead([[(batch_of(rows, shape, place) for rows in gathered(result.partitions(FETCHED)))]]) as found:
                yield found
        except BaseException:
            self.source.abandon(result.cursor)
            self.connection.invalidate()
            raise

    def _begin(self, table: str) -> None:
        left = seconds_left(self.source.name, self.deadline)
        self.source.check(self.connection, table)
        self.source.bound(self.connection, left)

    def fitting(self, table: str, column: str, kind: str) -> str:
        """All but bytes is a text."""
        return strict(quote(column), kind)

    def written(self, table: str, column: str, kind: str) -> str:
        """As it came."""
        return f"{quote(column)}::varchar"


def _quoted(connection: sqlalchemy.Connection, name: str) -> str:
    # SQLAlchemy doubles a percent sign for parameters, of which there are none.
    return connection.dialect.identifier_preparer.quote_identifier(name).replace("%%", "%")
