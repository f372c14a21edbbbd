"""PostgreSQL as a source: one repeatable-read transaction, Arrow by ADBC, and bounds that keep it from harm."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import adbc_driver_manager as adbc
import adbc_driver_postgresql
import nanoarrow
import sqlalchemy
from sqlalchemy import types
from sqlalchemy.dialects import postgresql

from ..catalog import literal, quote
from ..errors import SourceUnavailable
from ..settings import SourceSettings, TableSettings
from .batches import batches
from .limit import advice, seconds_left
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
# Whatever the server, the database or the role would have instead. It is set for a transaction, never for a session:
# behind a pooler the next to have the session is somebody else.
_TRANSACTION = {
    "transaction_read_only": "on",
    "lock_timeout": "10s",
    "datestyle": "ISO",
    "bytea_output": "hex",
    "extra_float_digits": "3",
}


# Months, days and microseconds, which DuckDB's intervals are made of too, whatever the style of the server.
_INTERVAL = (
    "case when {column} is not null then (12 * extract(year from {column}) + extract(month from {column}))::bigint "
    "|| ' months ' || extract(day from {column})::bigint || ' days ' || (3600000000 * extract(hour from {column}) "
    "+ 60000000 * extract(minute from {column}) + extract(microseconds from {column}))::bigint || ' microseconds' end"
)


# What can be locked of them: tables and views that may be read as a whole, but no materialised or foreign ones.
_LOCKABLE = """
select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
where {named} and c.relkind in ('r', 'p', 'v') and has_table_privilege(c.oid, 'SELECT')"""
# What they read, views followed, that now is not what the snapshot says: another file, or another relation of its name.
_REWRITTEN = """
with recursive reads(oid) as (
    select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace where {named}
    union
    select d.refobjid from reads join pg_rewrite r on r.ev_class = reads.oid
    join pg_depend d on d.objid = r.oid and d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass)
select c.relname::text as name from reads join pg_class c using (oid) join pg_namespace n on n.oid = c.relnamespace
where (c.relfilenode <> 0 and c.relfilenode is distinct from pg_relation_filenode(c.oid))
or c.oid is distinct from to_regclass(format('%I.%I', n.nspname, c.relname))"""


@dataclass(frozen=True)
class PostgresSource:
    """The database at `url`; what the project says of it. Sessions are of the zone, which views may use."""

    settings: SourceSettings
    url: sqlalchemy.URL = field(repr=False)
    time_zone: str = "UTC"

    @property
    def name(self) -> str:
        """The schema of its tables in the snapshot."""
        return self.settings.name

    def shapes(self) -> Mapping[str, TableShape]:
        """The tables and views of its schema, reflected."""
        try:
            engine = self.engine()
            kind_of = partial(_duckdb_type, domains=_domains(engine))
            return reflect(engine, self.settings.schema, self.settings.tables, kind_of)
        except sqlalchemy.exc.SQLAlchemyError as error:
            raise self._unavailable(error) from error

    def engine(self) -> sqlalchemy.Engine:
        """A connection for each question, through psycopg; it cannot write and has the bounds of an export."""
        url = self._url().set(drivername="postgresql+psycopg")
        engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)

        @sqlalchemy.event.listens_for(engine, "begin")
        def begin(connection: sqlalchemy.Connection) -> None:
            connection.exec_driver_sql("; ".join(self._bounds()))

        return engine

    @contextmanager
    def read(self, tables: Collection[str]) -> Iterator[PostgresReading]:
        """One transaction that sees the database as of its begin, and cannot write."""
        # libpq wants blanks as %20, which SQLAlchemy leaves as they are.
        url = self._url().set(drivername="postgresql").render_as_string(hide_password=False).replace(" ", "%20")
        try:
            with (
                adbc.AdbcDatabase(driver=adbc_driver_postgresql._driver_path(), uri=url) as database,
                adbc.AdbcConnection(database) as connection,
            ):
                locked = _fetch(connection, _LOCKABLE.format(named=self._named(tables)))
                connection.set_autocommit(False)
                _execute(connection, "set transaction isolation level repeatable read")
                for setting in self._bounds():
                    _execute(connection, setting)
                if locked:
                    # Before the snapshot is taken: a table that is truncated or rewritten after it would be read empty.
                    names = ", ".join(row["name"] for row in locked)
                    _execute(connection, f"lock table {names} in access share mode")
                (now,) = _fetch(connection, "select transaction_timestamp() as now")
                deadline = time.monotonic() + self.settings.read_limit
                yield PostgresReading(self.settings, now["now"], connection, deadline)
                self._refuse_rewritten(connection, tables)
        except adbc.Error as error:
            raise self._unavailable(error) from error

    def _bounds(self) -> tuple[str, ...]:
        """What each transaction begins with; as it takes no snapshot, tables can be locked before the one of a read."""
        limit = f"{self.settings.read_limit}s"
        timeouts = {"statement_timeout": limit, "idle_in_transaction_session_timeout": limit}
        settings = {**_TRANSACTION, **timeouts, "timezone": self.time_zone}
        return tuple(f"set local {name} = {literal(value)}" for name, value in settings.items())

    def _refuse_rewritten(self, connection: adbc.AdbcConnection, tables: Collection[str]) -> None:
        """What could not be locked may be another one since the snapshot, and was then read as of another moment."""
        for row in _fetch(connection, _REWRITTEN.format(named=self._named(tables))):
            what = f"'{self.name}': {row['name']} was refreshed, truncated or exchanged while the source was read"
            raise SourceUnavailable(what, "it is tried again")

    def _named(self, tables: Collection[str]) -> str:
        """The condition on pg_class and pg_namespace that finds the tables."""
        schema = literal(self.settings.schema) if self.settings.schema else "current_schema()"
        return f"n.nspname = {schema} and c.relname in ({', '.join(map(literal, tables)) or 'null'})"

    def _url(self) -> sqlalchemy.URL:
        """Ours are defaults: what the project's URL says of the connection stands."""
        return self.url.set(query={**_CONNECTION, **self.url.query})

    def _unavailable(self, error: Exception) -> SourceUnavailable:
        lines = str(getattr(error, "orig", None) or error).splitlines()
        reason = next((line for line in lines if "ERROR" in line or "FATAL" in line), lines[0])
        reason = reason.partition("Query was:")[0].rpartition("ERROR:")[2].strip()
        return SourceUnavailable(f"source '{self.name}' cannot be read: {reason}", advice(reason))


@dataclass(frozen=True)
class PostgresReading:
    """An open read transaction, which ends at `deadline` (a moment of time.monotonic())."""

    settings: SourceSettings
    as_of: datetime
    connection: adbc.AdbcConnection
    deadline: float

    @contextmanager
    def rows(self, table: str, shape: TableShape) -> Iterator[Iterable[nanoarrow.Array]]:
        """Copied in PostgreSQL's binary form."""
        left = seconds_left(self.settings.name, self.deadline)
        _execute(self.connection, f"set local statement_timeout = {max(1, int(left * 1000))}")
        wire = ", ".join(f"{self._wire(table, name, c.type)} as {quote(name)}" for name, c in shape.columns.items())
        schema = f"{quote(self.settings.schema)}." if self.settings.schema else ""
        with adbc.AdbcStatement(self.connection) as statement:
            statement.set_sql_query(f"select 1 as _pacelayer_row, {wire} from {schema}{quote(table)}")
            stream, _ = statement.execute_query()
            yield batches(stream, f"{self.settings.name}.{table}")

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


# (schema, empty where a search finds it; name) of a domain -> what it is declared over.
Domains = Mapping[tuple[str, str], str]


def _domains(engine: sqlalchemy.Engine) -> Domains:
    """SQLAlchemy's reflection drops what stands in brackets: digits, and a zone that follows them."""
    schema = "case when pg_type_is_visible(t.oid) then '' else n.nspname end"
    of = "pg_type t join pg_namespace n on n.oid = t.typnamespace where t.typtype = 'd'"
    sql = f"select {schema}, t.typname, format_type(t.typbasetype, t.typtypmod) from {of}"
    with engine.connect() as connection:
        return {(row[0], row[1]): row[2] for row in connection.exec_driver_sql(sql)}


def _duckdb_type(declared: types.TypeEngine[Any], domains: Domains) -> str:
    """The DuckDB type of a declared one; `?` and the declaration where a value could not be kept exactly."""
    match declared:
        case postgresql.DOMAIN():
            over = domains.get((declared.schema or "", str(declared.name)), "")
            if digits := re.fullmatch(r"numeric\((\d+),(\d+)\)(\[\])?", over):
                item = common_kind(types.Numeric(int(digits[1]), int(digits[2])))
                return item if item.startswith("?") else item + (digits[3] or "")
            if over.endswith("with time zone"):
                return "TIMESTAMPTZ" if over.startswith("timestamp") else f"? {over}"
            return _duckdb_type(declared.data_type, domains)
        case postgresql.ARRAY():
            item = _duckdb_type(declared.item_type, domains)
            return unknown(declared) if item.startswith("?") or item in ("BLOB", "INTERVAL") else f"{item}[]"
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
        return list(nanoarrow.ArrayStream(stream).read_all().to_pylist())
