"""PostgreSQL as a source: one repeatable-read transaction, Arrow by ADBC, and bounds that keep it from harm."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import adbc_driver_manager as adbc
import adbc_driver_postgresql
import sqlalchemy
from nanoarrow import ArrayStream
from sqlalchemy import types
from sqlalchemy.dialects import postgresql

from ..catalog import literal, quote
from ..errors import SourceUnavailable
from ..settings import SourceSettings, TableSettings
from .limit import seconds_left
from .reflect import common_kind, reflect, unknown
from .shape import TableShape
from .strict import strict

# What ADBC carries as it is; all else travels as text, whose infinities, eras and NaNs Arrow's types do not have.
_NATIVE = frozenset({"SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "BOOLEAN", "BLOB"})
# A connection that is dead is noticed, and a table that somebody alters is not waited for.
_CONNECTION = {
    "application_name": "pacelayer",
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
    "client_encoding": "UTF8",
}
# Whatever the server, the database or the role would have instead.
_SESSION = {
    "lock_timeout": "10s",
    "datestyle": "ISO",
    "bytea_output": "hex",
    "extra_float_digits": "3",
    "default_transaction_read_only": "on",
}


# Months, days and microseconds, which DuckDB's intervals are made of too, whatever the style of the server.
_INTERVAL = (
    "case when {column} is not null then (12 * extract(year from {column}) + extract(month from {column}))::bigint "
    "|| ' months ' || extract(day from {column})::bigint || ' days ' || (3600000000 * extract(hour from {column}) "
    "+ 60000000 * extract(minute from {column}) + extract(microseconds from {column}))::bigint || ' microseconds' end"
)


@dataclass(frozen=True)
class PostgresSource:
    """The database at `url`; what the project says of it."""

    settings: SourceSettings
    url: sqlalchemy.URL = field(repr=False)

    @property
    def name(self) -> str:
        """The schema of its tables in the snapshot."""
        return self.settings.name

    def shapes(self) -> Mapping[str, TableShape]:
        """The tables and views of its schema, reflected."""
        try:
            return reflect(self.engine(), self.settings.schema, self.settings.tables, _duckdb_type)
        except sqlalchemy.exc.SQLAlchemyError as error:
            raise self._unavailable(error) from error

    def engine(self, time_zone: str = "UTC") -> sqlalchemy.Engine:
        """A connection for each question, through psycopg; it cannot write and has the bounds of an export."""
        url = self._url().set(drivername="postgresql+psycopg")
        engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)

        @sqlalchemy.event.listens_for(engine, "connect")
        def begin(connection: Any, _: object) -> None:
            with connection.cursor() as cursor:
                for name, value in self._bounds(time_zone).items():
                    cursor.execute(f"set {name} = '{value}'")
            connection.commit()

        return engine

    @contextmanager
    def read(self, tables: Collection[str]) -> Iterator[PostgresReading]:
        """One transaction that sees the database as of its begin, and cannot write."""
        uri = self._url().set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            with (
                adbc.AdbcDatabase(driver=adbc_driver_postgresql._driver_path(), uri=uri) as database,
                adbc.AdbcConnection(database) as connection,
            ):
                for name, value in self._bounds("UTC").items():
                    _execute(connection, f"set {name} = '{value}'")
                locked = self._lockable(connection, tables)
                connection.set_autocommit(False)
                _execute(connection, "set transaction isolation level repeatable read, read only")
                if locked:
                    # Before the snapshot is taken: a table that is truncated or rewritten after it would be read empty.
                    _execute(connection, f"lock table {', '.join(locked)} in access share mode")
                (now,) = _fetch(connection, "select transaction_timestamp() as now")
                deadline = time.monotonic() + self.settings.read_limit
                yield PostgresReading(self.settings, now["now"], connection, deadline)
        except adbc.Error as error:
            raise self._unavailable(error) from error

    def _bounds(self, time_zone: str) -> Mapping[str, str]:
        limit = f"{self.settings.read_limit}s"
        timeouts = {"statement_timeout": limit, "idle_in_transaction_session_timeout": limit}
        return {**_SESSION, **timeouts, "timezone": time_zone}

    def _lockable(self, connection: adbc.AdbcConnection, tables: Collection[str]) -> list[str]:
        """Those of the tables that PostgreSQL can lock: tables and views, but no materialised or foreign ones."""
        schema = literal(self.settings.schema) if self.settings.schema else "current_schema()"
        names = ", ".join(map(literal, tables)) or "null"
        kinds = f"n.nspname = {schema} and c.relname in ({names}) and c.relkind in ('r', 'p', 'v')"
        classes = "pg_class c join pg_namespace n on n.oid = c.relnamespace"
        sql = f"select c.oid::regclass::text as name from {classes} where {kinds}"
        return [str(row["name"]) for row in _fetch(connection, sql)]

    def _url(self) -> sqlalchemy.URL:
        """Ours are defaults: what the project's URL says of the connection stands."""
        return self.url.set(query={**_CONNECTION, **self.url.query})

    def _unavailable(self, error: Exception) -> SourceUnavailable:
        reason = next((line for line in str(error).splitlines() if "ERROR" in line or "FATAL" in line), "")
        reason = (reason or str(error).splitlines()[0]).partition("Query was:")[0].strip()
        return SourceUnavailable(f"source '{self.name}' cannot be read: {reason}")


@dataclass(frozen=True)
class PostgresReading:
    """An open read transaction, which ends at `deadline` (a moment of time.monotonic())."""

    settings: SourceSettings
    as_of: datetime
    connection: adbc.AdbcConnection
    deadline: float

    @contextmanager
    def rows(self, table: str, shape: TableShape) -> Iterator[Iterable[object]]:
        """One stream, copied in PostgreSQL's binary form."""
        left = seconds_left(self.settings.name, self.deadline)
        _execute(self.connection, f"set local statement_timeout = {max(1, int(left * 1000))}")
        wire = ", ".join(f"{self._wire(table, name, c.type)} as {quote(name)}" for name, c in shape.columns.items())
        schema = f"{quote(self.settings.schema)}." if self.settings.schema else ""
        with adbc.AdbcStatement(self.connection) as statement:
            statement.set_sql_query(f"select 1 as _pacelayer_row, {wire} from {schema}{quote(table)}")
            stream, _ = statement.execute_query()
            yield (stream,)

    def fitting(self, table: str, column: str, kind: str) -> str:
        """A value that PostgreSQL keeps strictly itself, or a text."""
        return quote(column) if self._is_native(table, column, kind) else strict(quote(column), kind)

    def _wire(self, table: str, column: str, kind: str) -> str:
        if self._is_native(table, column, kind):
            return quote(column)
        if kind == "INTERVAL":
            return _INTERVAL.format(column=quote(column))
        if kind.endswith("[]"):
            return f"to_json({quote(column)}::text[])::text"
        return f"{quote(column)}::text"

    def _is_native(self, table: str, column: str, kind: str) -> bool:
        return kind in _NATIVE and column not in self.settings.tables.get(table, TableSettings()).types


def _duckdb_type(declared: types.TypeEngine[Any]) -> str:
    """The DuckDB type of a declared one; `?` and the declaration where a value could not be kept exactly."""
    match declared:
        case postgresql.DOMAIN():
            return _duckdb_type(declared.data_type)
        case postgresql.ARRAY():
            item = _duckdb_type(declared.item_type)
            return unknown(declared) if item.startswith("?") or item == "BLOB" else f"{item}[]"
        case postgresql.TIMESTAMP() if declared.timezone:
            return "TIMESTAMPTZ"
        case postgresql.TIME() if declared.timezone:
            return f"? {declared} WITH TIME ZONE"
        case postgresql.BIT():
            return "BIT"
        case postgresql.INTERVAL():
            return "INTERVAL"
        case postgresql.OID():
            return "UINTEGER"
    return common_kind(declared)


def _execute(connection: adbc.AdbcConnection, sql: str) -> None:
    with adbc.AdbcStatement(connection) as statement:
        statement.set_sql_query(sql)
        statement.execute_update()


def _fetch(connection: adbc.AdbcConnection, sql: str) -> list[dict[str, Any]]:
    with adbc.AdbcStatement(connection) as statement:
        statement.set_sql_query(sql)
        stream, _ = statement.execute_query()
        return list(ArrayStream(stream).read_all().to_pylist())
