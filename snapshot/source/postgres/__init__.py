"""PostgreSQL as a source: one repeatable-read transaction, Arrow by ADBC, and bounds that keep it from harm."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import adbc_driver_manager as adbc
import adbc_driver_postgresql
import sqlalchemy

from ...catalog import literal
from ...errors import SourceUnavailable
from ..at_url import SourceAtUrl
from ..reflect import reflect
from ..shape import TableShape
from .kinds import domains_of, duckdb_type
from .reading import PostgresReading
from .statements import execute, fetch

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
LOCK_SECONDS = 10
# Whatever the server, the database or the role would have instead. It is set for a transaction, never for a session:
# behind a pooler the next to have the session is somebody else.
_TRANSACTION = {
    "transaction_read_only": "on",
    "lock_timeout": f"{LOCK_SECONDS}s",
    "datestyle": "ISO",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "3",
}

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
class PostgresSource(SourceAtUrl):
    """The database at `url`, through ADBC. Sessions are of the zone, which views may use."""

    time_zone: str = "UTC"

    def shapes(self) -> Mapping[str, TableShape]:
        """The tables and views of its schema, reflected over one connection."""
        engine = self.engine(sqlalchemy.StaticPool)
        try:
            kind_of = partial(duckdb_type, domains=domains_of(engine))
            shapes = reflect(engine, self.settings.schema, self.settings.tables, kind_of)
            return shapes | {name: replace(shapes[name], key=()) for name in self._parents(engine) if name in shapes}
        except sqlalchemy.exc.SQLAlchemyError as error:
            raise self.unavailable(error) from error
        finally:
            engine.dispose()

    def engine(self, pool: type[sqlalchemy.Pool] = sqlalchemy.NullPool) -> sqlalchemy.Engine:
        """A connection for each question, through psycopg; it cannot write and has the bounds of an export."""
        url = self._url().set(drivername="postgresql+psycopg")
        engine = sqlalchemy.create_engine(url, poolclass=pool)

        @sqlalchemy.event.listens_for(engine, "begin")
        def begin(connection: sqlalchemy.Connection) -> None:
            connection.exec_driver_sql("; ".join(self._bounds()))

        return engine

    def _parents(self, engine: sqlalchemy.Engine) -> list[str]:
        """Tables that others inherit from: their keys name one row among their own only."""
        of = "pg_class c join pg_namespace n on n.oid = c.relnamespace"
        sql = f"select c.relname from {of} where {self._in_schema()} and c.relkind = 'r' and c.relhassubclass"
        with engine.connect() as connection:
            return [str(row[0]) for row in connection.exec_driver_sql(sql)]

    @contextmanager
    def read(self, tables: Collection[str], end: float = math.inf) -> Iterator[PostgresReading]:
        """One transaction that sees the database as of its begin, and cannot write."""
        # libpq wants blanks as %20, which SQLAlchemy leaves as they are.
        url = self._url().set(drivername="postgresql").render_as_string(hide_password=False).replace(" ", "%20")
        try:
            with (
                adbc.AdbcDatabase(driver=adbc_driver_postgresql._driver_path(), uri=url) as database,
                adbc.AdbcConnection(database) as connection,
            ):
                locked = fetch(connection, _LOCKABLE.format(named=self._named(tables)))
                self._begin(connection)
                wait = max(0.001, min(LOCK_SECONDS, end - time.monotonic()))
                execute(connection, f"set local lock_timeout = '{wait * 1000:.0f}ms'")
                if locked:
                    # Before the snapshot is taken: a table that is truncated or rewritten after it would be read empty.
                    names = ", ".join(row["name"] for row in locked)
                    execute(connection, f"lock table {names} in access share mode")
                (now,) = fetch(connection, "select transaction_timestamp() as now")
                deadline = min(end, time.monotonic() + self.settings.read_limit)
                another = partial(self._another, database, connection)
                yield PostgresReading(self.settings, now["now"], connection, deadline, another)
                self._refuse_rewritten(connection, tables)
        except adbc.Error as error:
            raise self.unavailable(error) from error

    @contextmanager
    def _another(
        self, database: adbc.AdbcDatabase, first: adbc.AdbcConnection, table: str
    ) -> Iterator[adbc.AdbcConnection]:
        """A further connection that sees what the first one sees, which has locked the table (quoted).

        It has the lock, too, or is not to be had: it would wait for whoever waits for the first one.
        """
        (snapshot,) = fetch(first, "select pg_export_snapshot() as id")
        with adbc.AdbcConnection(database) as connection:
            self._begin(connection)
            execute(connection, f"set transaction snapshot {literal(snapshot['id'])}")
            execute(connection, f"lock table {table} in access share mode nowait")
            yield connection

    def _begin(self, connection: adbc.AdbcConnection) -> None:
        """Begin a transaction, which has no snapshot yet."""
        connection.set_autocommit(False)
        execute(connection, "set transaction isolation level repeatable read")
        for setting in self._bounds():
            execute(connection, setting)

    def _bounds(self) -> tuple[str, ...]:
        """What each transaction begins with; as it takes no snapshot, tables can be locked before the one of a read."""
        limit = f"{self.settings.read_limit}s"
        timeouts = {"statement_timeout": limit, "idle_in_transaction_session_timeout": limit}
        settings = {**_TRANSACTION, **timeouts, "timezone": self.time_zone}
        return tuple(f"set local {name} = {literal(value)}" for name, value in settings.items())

    def _refuse_rewritten(self, connection: adbc.AdbcConnection, tables: Collection[str]) -> None:
        """What could not be locked may be another one since the snapshot, and was then read as of another moment."""
        for row in fetch(connection, _REWRITTEN.format(named=self._named(tables))):
            what = f"'{self.name}': {row['name']} was refreshed, truncated or exchanged while the source was read"
            raise SourceUnavailable(what, "it is tried again")

    def _named(self, tables: Collection[str]) -> str:
        """The condition on pg_class and pg_namespace that finds the tables."""
        return f"{self._in_schema()} and c.relname in ({', '.join(map(literal, tables)) or 'null'})"

    def _in_schema(self) -> str:
        """The condition on pg_namespace that finds the schema."""
        return f"n.nspname = {literal(self.settings.schema) if self.settings.schema else 'current_schema()'}"

    def _url(self) -> sqlalchemy.URL:
        """Ours are defaults: what the project's URL says of the connection stands."""
        return self.url.set(query={**_CONNECTION, **self.url.query})

    def reason(self, lines: Sequence[str]) -> str:
        """The server's own error, without what libpq and ADBC put around it."""
        said = next((line for line in lines if "ERROR" in line or "FATAL" in line), lines[0])
        return said.partition("Query was:")[0].rpartition("ERROR:")[2].strip()
