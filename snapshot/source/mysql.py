"""MySQL and MariaDB as a source: a consistent snapshot of InnoDB tables, every value as the server's own text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy
import sqlglot
from sqlalchemy import types
from sqlalchemy.dialects import mysql
from sqlglot import exp

from ..errors import SourceUnavailable
from .cursor import CursorSource
from .limit import seconds_left
from .reflect import common_kind
from .shape import ColumnShape
from .strict import base_of, scale_of

_INTEGERS = {"TINYINT": "TINYINT", "SMALLINT": "SMALLINT", "MEDIUMINT": "INTEGER", "INTEGER": "INTEGER"}
# What is a text or bytes, or of a type that SQLAlchemy does not know.
_AS_IT_IS = re.compile(r"^\w*(CHAR|TEXT|ENUM|SET|JSON|BINARY|BLOB|NullType)")
# What a moment ends with that is written with an offset.
_OFFSET = "[T ][0-9:.]+ ?([Zz]|[+-][0-9:]+)$"
_SESSION = (
    "set session transaction isolation level repeatable read, read only",
    "set session time_zone = '+00:00', lock_wait_timeout = 10, net_write_timeout = 60, wait_timeout = 600",
)


@dataclass(frozen=True)
class MysqlSource(CursorSource):
    """The database at `url`, through PyMySQL."""

    def connect_arguments(self) -> dict[str, Any]:
        """A server that says nothing is given up."""
        return {
            "charset": "utf8mb4",
            "connect_timeout": 10,
            "read_timeout": self.settings.read_limit,
            "write_timeout": 60,
            "program_name": "pacelayer",
        }

    def engine(self) -> sqlalchemy.Engine:
        """A connection for each question, which cannot write and has the bounds of an export; moments are UTC."""
        engine = super().engine()

        @sqlalchemy.event.listens_for(engine, "connect")
        def begin(connection: Any, _: object) -> None:
            with connection.cursor() as cursor:
                cursor.execute("select version()")
                ((version,),) = cursor.fetchall()
                for statement in (*_SESSION, _limit("mariadb" in version.lower(), self.settings.read_limit)):
                    cursor.execute(statement)

        return engine

    def begin(self, connection: sqlalchemy.Connection, tables: Sequence[str], deadline: float) -> datetime:
        """All tables as of one moment, by the server's clock.

        The snapshot is taken once all tables are open, for what is renamed or dropped after it would not be that of the
        snapshot: so not WITH CONSISTENT SNAPSHOT, but by the first row that is read.
        """
        connection.execution_options(isolation_level="AUTOCOMMIT")
        ((now,),) = connection.exec_driver_sql("select utc_timestamp(6)").all()
        connection.exec_driver_sql("start transaction read only")
        for rows, places in ((0, tables), (1, tables[:1])):
            for place in places:
                self.bound(connection, seconds_left(self.name, deadline))
                sql = f"select 1 from {place} limit {rows}"
                connection.exec_driver_sql(sql, execution_options={"no_parameters": True}).all()
        return datetime.fromisoformat(str(now)).replace(tzinfo=UTC)

    def bound(self, connection: sqlalchemy.Connection, seconds: float) -> None:
        """The two servers have a setting of their own each."""
        mariadb = getattr(connection.dialect, "is_mariadb", False)
        connection.exec_driver_sql(_limit(mariadb, seconds))

    def abandon(self, cursor: Any) -> None:
        """PyMySQL would read all of them, and would complain where the connection is gone."""
        if cursor is not None:
            cursor._result.unbuffered_active = False

    def estimate(self, connection: sqlalchemy.Connection, table: str) -> int:
        """As the server plans with."""
        return int(_told(connection, "table_rows", "tables", self.settings.schema or None, table) or 0)

    def check(self, connection: sqlalchemy.Connection, table: str) -> None:
        """Other engines than InnoDB read what is there at the moment, whatever the transaction."""
        self._check(connection, self.settings.schema or None, table)

    def _check(self, connection: sqlalchemy.Connection, schema: str | None, table: str) -> None:
        found = _told(connection, "engine", "tables", schema, table)
        if found is None:
            for place in self._below(connection, schema, table):
                self._check(connection, *place)
        elif found != "InnoDB":
            what = f"table '{self.name}.{table}' is of the engine {found}, which has no consistent read"
            raise SourceUnavailable(what, f"alter table {table} engine = InnoDB")

    def _below(self, connection: sqlalchemy.Connection, schema: str | None, view: str) -> list[tuple[str, str]]:
        """The schemas and tables that a view reads. Raises SourceUnavailable where that cannot be seen."""
        text = _told(connection, "view_definition", "views", schema, view)
        if not text:
            raise SourceUnavailable(f"it cannot be seen what the view '{self.name}.{view}' reads", "grant SHOW VIEW")
        # The server writes each table with its schema; what has none is of the view's own WITH.
        return [(t.db, t.name) for t in sqlglot.parse_one(text, read="mysql").find_all(exp.Table) if t.db]

    def kind(self, declared: types.TypeEngine[Any]) -> str:
        """Booleans are `tinyint(1)` and `bit(1)`; a TIMESTAMP is a moment, a DATETIME is not."""
        match declared:
            case mysql.TINYINT() if declared.display_width == 1:
                return "BOOLEAN"
            case mysql.BIT():
                return "BOOLEAN" if declared.length in (None, 1) else "UBIGINT"
            case mysql.BIGINT() | mysql.INTEGER() | mysql.MEDIUMINT() | mysql.SMALLINT() | mysql.TINYINT():
                name = str(type(declared).__name__)
                return ("U" if declared.unsigned else "") + _INTEGERS.get(name, "BIGINT")
            case mysql.YEAR():
                return "SMALLINT"
            case mysql.FLOAT():
                return "FLOAT"
            case mysql.TIMESTAMP():
                return "TIMESTAMPTZ"
        return common_kind(declared)

    def wire(self, column: str, shape: ColumnShape) -> str:
        """The server's text has all digits, but for a FLOAT's."""
        if shape.type == "BLOB" or (shape.type in ("VARCHAR", "JSON") and _AS_IT_IS.search(shape.declared)):
            return column  # a cast to char would make null of a text longer than a packet
        if shape.declared.startswith("FLOAT"):
            return _of_float(column, shape.type)
        if shape.declared.startswith("BIT"):  # a byte to a client until it is a number
            return f"cast({column} + 0 as char)"
        if shape.type != "TIMESTAMPTZ":
            return f"cast({column} as char)"
        moment = f"concat({column}, '+00')"
        return f"case when {column} regexp '{_OFFSET}' then {column} else {moment} end" if shape.is_written else moment

    def unordered(self, column: str, kind: str, *, named: bool) -> str:
        """Days that are none, as a server may let in; texts that are no number, or have no year, or have an offset."""
        text = f"cast({column} as char(40))"
        if "INT" in kind:
            return f"{text} not regexp '^[+-]?[0-9]+$'" if named else "1 = 0"
        words = f" or {text} not like '____-%' or {text} regexp '{_OFFSET}'" if named else ""
        return f"({column} is not null and (last_day({text}) is null{words}))"


def _of_float(column: str, kind: str) -> str:
    """All digits of a float, or, where it is no float here, the shortest text or decimal that is the same float."""
    digits = f"cast({column} + 0e0 as char)"
    if kind in ("FLOAT", "DOUBLE"):
        return digits
    decimal = f"cast({column} + 0e0 as decimal(65, {scale_of(kind)}))"
    short = f"cast({decimal if base_of(kind) == 'DECIMAL' else column} as char)"
    return f"case when cast({short} as float) = {column} then {short} else {digits} end"


def _limit(mariadb: bool, seconds: float) -> str:
    """Let a statement take at most so long."""
    if mariadb:
        return f"set session max_statement_time = {seconds:.3f}"
    return f"set session max_execution_time = {max(1, int(seconds * 1000))}"


def _told(connection: sqlalchemy.Connection, what: str, of: str, schema: str | None, name: str) -> Any:
    place = "table_name = %s and table_schema = coalesce(%s, database())"
    return connection.exec_driver_sql(
        f"select {what} from information_schema.{of} where {place}", (name, schema)
    ).scalar()
