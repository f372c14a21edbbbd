"""A SQLite file as a source: read-only by URI, one transaction, Arrow by ADBC, loose types made strict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import Error as SqliteError
from sqlite3 import connect
from typing import Any
from urllib.parse import quote as percent

import adbc_driver_manager as adbc
import adbc_driver_sqlite
import sqlalchemy
from sqlalchemy import types

from ..catalog import literal, quote
from ..errors import SourceUnavailable
from ..settings import TableSettings
from .shape import ColumnShape, TableShape

# How long the file may be locked by a writer in rollback-journal mode before the read gives up.
BUSY_MILLISECONDS = 5_000
# The digits of DuckDB's widest decimal.
MAX_PRECISION = 38

# SQLAlchemy's type -> DuckDB's, the first that fits. SQLite's integers have 64 bits whatever they are called.
_TYPES: tuple[tuple[type[types.TypeEngine[Any]], str], ...] = (
    (types.Boolean, "BOOLEAN"),
    (types.Integer, "BIGINT"),
    (types.Float, "DOUBLE"),
    (types.DateTime, "TIMESTAMP"),
    (types.Date, "DATE"),
    (types.Time, "TIME"),
    (types.JSON, "JSON"),
    (types.Uuid, "UUID"),
    (types.String, "VARCHAR"),
    (types.LargeBinary, "BLOB"),
)
# The storage classes that a DuckDB type takes, and a value by which the wire's type is fixed before the first row.
_STORAGE: dict[str, tuple[tuple[str, ...], str]] = {
    "BIGINT": (("integer",), "0"),
    "BOOLEAN": (("integer",), "0"),
    "DOUBLE": (("real", "integer"), "0.5"),
    "DECIMAL": (("integer", "real", "text"), "''"),
    "BLOB": (("blob",), "x''"),
    "VARCHAR": (("text",), "x''"),
}
_TEXT: tuple[tuple[str, ...], str] = (("text",), "''")
# DuckDB would cut these off.
_NANOSECONDS = r"\.\d{6}\d*[1-9]"
_OFFSET = r"\d\d:\d\d.*(Z|[+-]\d\d(:?\d\d)?)$"


@dataclass(frozen=True)
class SqliteSource:
    """The file at `path`; `tables` are the project's settings for some of its tables."""

    name: str
    path: Path
    tables: Mapping[str, TableSettings]

    def shapes(self) -> Mapping[str, TableShape]:
        """The tables and views of the file, reflected."""
        engine = sqlalchemy.create_engine(
            "sqlite://", creator=lambda: connect(self._uri(), uri=True), poolclass=sqlalchemy.NullPool
        )
        try:
            inspector = sqlalchemy.inspect(engine)
            names = [*inspector.get_table_names(), *inspector.get_view_names()]
            return {name: self._shape(inspector, name) for name in names}
        except sqlalchemy.exc.SQLAlchemyError as error:
            raise self._unavailable(error) from error

    @contextmanager
    def read(self) -> Iterator[SqliteReading]:
        """One read transaction; what is committed meanwhile is not seen."""
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

    def _shape(self, inspector: sqlalchemy.Inspector, table: str) -> TableShape:
        key = tuple(inspector.get_pk_constraint(table)["constrained_columns"])
        declared = self.tables.get(table, TableSettings()).types
        columns = {}
        for column in inspector.get_columns(table):
            kind = declared.get(column["name"]) or _duckdb_type(column["type"])
            # Only the row id's own column is never null without saying so: other primary keys of SQLite may be.
            row_id = key == (column["name"],) and kind == "BIGINT"
            columns[column["name"]] = ColumnShape(kind, column["nullable"] and not row_id)
        return TableShape(columns, key)


@dataclass(frozen=True)
class SqliteReading:
    """An open read transaction."""

    source: str
    as_of: datetime
    views: frozenset[str]
    connection: adbc.AdbcConnection

    def rows(self, table: str, shape: TableShape) -> AbstractContextManager[object]:
        """The table as an Arrow stream; a first row fixes the types, which ADBC would otherwise guess from the data."""
        kinds = {name: _storage(column.type) for name, column in shape.columns.items()}
        witness = ", ".join(f"{value} as {quote(name)}" for name, (_, value) in kinds.items())
        wire = ", ".join(_wire(name, shape.columns[name].type) for name in kinds)
        return _query(
            self.connection, f"select 0 as _pacelayer_row, {witness} union all select 1, {wire} from {quote(table)}"
        )

    def misfits(self, table: str, shape: TableShape) -> AbstractContextManager[object]:
        """One scan for a value of a storage class that its column's type does not take: SQLite lets any in."""
        return _query(self.connection, _misfit_query(table, shape, row="''" if table in self.views else "rowid"))

    def fitting(self, column: str, kind: str) -> str:
        """The strict cast of a wire value."""
        base = _base(kind)
        if base in ("BIGINT", "DOUBLE", "BLOB"):
            return column
        if base == "VARCHAR":
            return f"try(decode({column}))"
        cast = f"try_cast({column} as {kind})"
        year = f"regexp_matches({column}, '^[0-9]{{4}}-')"
        whole = f"not regexp_matches({column}, '{_NANOSECONDS}')"
        same = {
            "BOOLEAN": f"{column} in (0, 1)",
            "DECIMAL": f"{cast}::double = try_cast({column} as double)",
            "DATE": f"{year} and {cast}::timestamp = try_cast({column} as timestamp)",
            "TIMESTAMP": f"{year} and not regexp_matches({column}, '{_OFFSET}') and {whole}",
            "TIME": whole,
            "TIMESTAMPTZ": whole,
        }.get(base)
        return f"case when {same} then {cast} end" if same else cast


def _misfit_query(table: str, shape: TableShape, row: str) -> str:
    """`row` names a row of a table without a key; a view has nothing that does."""
    key = " || ', ' || ".join(quote(name) for name in shape.key) or row
    checks = {name: _misfit(quote(name), column.type) for name, column in shape.columns.items()}
    names = " ".join(f"when {check} then {literal(name)}" for name, check in checks.items())
    values = " ".join(
        f"when {check} then typeof({quote(name)}) || ' ' || quote({quote(name)})" for name, check in checks.items()
    )
    # The first row fixes the types of an answer that is empty where all is well.
    return (
        "select '' as place, '' as key, '' as value union all "
        f"select * from (select case {names} end, cast({key} as text), substr(case {values} end, 1, 80) "
        f"from {quote(table)} where {' or '.join(checks.values())} limit 1)"
    )


def _misfit(column: str, kind: str) -> str:
    """The condition that a value is of a storage class that its type does not take, or has too many digits."""
    classes = ", ".join(literal(storage) for storage in ("null", *_storage(kind)[0]))
    wrong = f"typeof({column}) not in ({classes})"
    if _base(kind) != "DECIMAL":
        return wrong
    scale = int(kind.rstrip(") ").rpartition(",")[2]) if "," in kind else 0
    # From there on two neighbours among the reals are further apart than one step of the decimal.
    real = f"typeof({column}) = 'real' and abs({column}) >= {2**53 / 10**scale!r}"
    decimals = f"substr({column}, instr({column}, '.') + {1 + scale})"
    text = f"typeof({column}) = 'text' and instr({column}, '.') and rtrim({decimals}, '0 ') <> ''"
    return f"({wrong} or ({real}) or ({text}))"


def _wire(column: str, kind: str) -> str:
    """How a value travels: integers and reals as they are, text as bytes (it may be invalid), all else as text."""
    base = _base(kind)
    if base in ("BIGINT", "BOOLEAN", "DOUBLE", "BLOB"):
        return quote(column)
    if base == "DECIMAL":  # all digits of a real, where SQLite's own cast gives fifteen
        return (
            f"iif(typeof({quote(column)}) = 'real', printf('%!.17g', {quote(column)}), cast({quote(column)} as text))"
        )
    return f"cast({quote(column)} as {'blob' if base == 'VARCHAR' else 'text'})"


def _base(kind: str) -> str:
    """`DECIMAL(10,2)` -> `DECIMAL`."""
    return kind.partition("(")[0].strip().upper()


def _storage(kind: str) -> tuple[tuple[str, ...], str]:
    return _STORAGE.get(_base(kind), _TEXT)


def _duckdb_type(declared: types.TypeEngine[Any]) -> str:
    """The DuckDB type of a declared one; `?` and the declaration where a value could not be kept exactly."""
    if isinstance(declared, types.Numeric) and not isinstance(declared, types.Float):
        exact = declared.precision is not None and declared.scale is not None and declared.precision <= MAX_PRECISION
        return f"DECIMAL({declared.precision},{declared.scale})" if exact else f"? {declared}"
    return next((kind for base, kind in _TYPES if isinstance(declared, base)), f"? {declared}")


@contextmanager
def _query(connection: adbc.AdbcConnection, sql: str) -> Iterator[object]:
    """The answer of a query as an Arrow stream, to be read while the statement is open."""
    with adbc.AdbcStatement(connection) as statement:
        statement.set_sql_query(sql)
        stream, _ = statement.execute_query()
        yield stream


def _execute(connection: adbc.AdbcConnection, sql: str) -> None:
    with adbc.AdbcStatement(connection) as statement:
        statement.set_sql_query(sql)
        statement.execute_update()
