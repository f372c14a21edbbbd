"""A SQLite file as a source: read-only by URI, one transaction, Arrow by ADBC, loose types made strict."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import Error as SqliteError
from sqlite3 import connect
from typing import Any
from urllib.parse import quote as percent

import adbc_driver_manager as adbc
import adbc_driver_sqlite
import nanoarrow
import sqlalchemy
from sqlalchemy import types

from ..catalog import literal, quote
from ..errors import SourceUnavailable, SourceValueError
from ..settings import TableSettings
from .ahead import ahead
from .batches import batches
from .reflect import common_kind, reflect
from .shape import TableShape
from .strict import base_of, scale_of, strict

# How long the file may be locked by a writer in rollback-journal mode before the read gives up.
BUSY_MILLISECONDS = 5_000
# Rows that ADBC gathers whatever their size.
BATCH_ROWS = 256
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
# The storage classes that a DuckDB type takes, and a value by which the wire's type is fixed before the first row.
_STORAGE: dict[str, tuple[tuple[str, ...], str]] = {
    **dict.fromkeys(_INTEGERS, (("integer",), "0")),
    "BOOLEAN": (("integer",), "0"),
    "FLOAT": (("real", "integer"), "0.5"),
    "DOUBLE": (("real", "integer"), "0.5"),
    "DECIMAL": (("integer", "real", "text"), "''"),
    "BLOB": (("blob",), "x''"),
    "VARCHAR": (("text",), "x''"),
}
_TEXT: tuple[tuple[str, ...], str] = (("text",), "''")


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
            shapes = reflect(self.engine(), "", self.tables, _duckdb_type)
        except sqlalchemy.exc.SQLAlchemyError as error:
            raise self._unavailable(error) from error
        return {name: _with_row_id(shape) for name, shape in shapes.items()}

    def engine(self) -> sqlalchemy.Engine:
        """A connection for each question, which cannot write."""
        return sqlalchemy.create_engine(
            "sqlite://", creator=lambda: connect(self._uri(), uri=True), poolclass=sqlalchemy.NullPool
        )

    @contextmanager
    def read(self, tables: Collection[str]) -> Iterator[SqliteReading]:
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


@dataclass(frozen=True)
class SqliteReading:
    """An open read transaction."""

    source: str
    as_of: datetime
    views: frozenset[str]
    connection: adbc.AdbcConnection

    def horizon(self, table: str) -> str:
        """A file has none."""
        return ""

    def since(self, then: str, now: str) -> str:
        """Nothing tells."""
        return ""

    def at_least(self, column: str, value: str, kind: str) -> str:
        """As texts, which are in the order of their moments where all have no offset."""
        written = value if base_of(kind) in _INTEGERS else literal(value)
        return f"({quote(column)} >= {written} or {quote(column)} is null)"

    def marked(self, column: str, kind: str) -> str:
        """Rows whose mark of deletion is set."""
        return f"{quote(column)} is not null" + (f" and {quote(column)} <> 0" if kind == "BOOLEAN" else "")

    def estimate(self, table: str) -> int:
        """A file has no statistics that are sure to be there."""
        return 0

    def count(self, table: str, where: str = "true", key: Collection[str] = ()) -> int:
        """The rows that fulfil a condition, or their keys."""
        rows = f"{quote(table)} where {where}"
        if key:
            rows = f"(select distinct {', '.join(map(quote, key))} from {rows})"
        with adbc.AdbcStatement(self.connection) as statement:
            statement.set_sql_query(f"select count(*) as n from {rows}")
            stream, _ = statement.execute_query()
            return int(nanoarrow.ArrayStream(stream).read_all().to_pylist()[0]["n"])

    @contextmanager
    def rows(
        self, table: str, shape: TableShape, where: str = "true", *, most: bool = False
    ) -> Iterator[Iterable[nanoarrow.Array]]:
        """A first row fixes its types, which ADBC would otherwise guess from the data."""
        self._refuse_misfits(table, shape, where)
        kinds = {name: _storage(column.type) for name, column in shape.columns.items()}
        witness = ", ".join(f"{value} as {quote(name)}" for name, (_, value) in kinds.items())
        wire = ", ".join(_wire(name, shape.columns[name].type) for name in kinds)
        sql = f"select 0 as _pacelayer_row, {witness} union all select 1, {wire} from {quote(table)} where {where}"
        with adbc.AdbcStatement(self.connection) as statement:
            statement.set_options(**{"adbc.sqlite.query.batch_rows": str(BATCH_ROWS)})
            statement.set_sql_query(sql)
            stream, _ = statement.execute_query()
            with ahead([[batches(stream, f"{self.source}.{table}")]]) as found:
                yield found

    def fitting(self, table: str, column: str, kind: str) -> str:
        """The strict cast of a wire value."""
        column, base = quote(column), base_of(kind)
        if base in ("BIGINT", "DOUBLE", "BLOB"):
            return column
        cast = f"try_cast({column} as {kind})"
        if base in _INTEGERS or base == "FLOAT":
            return cast
        if base == "VARCHAR":
            return f"try(decode({column}))"
        if base == "BOOLEAN":
            return f"case when {column} in (0, 1) then {cast} end"
        if base == "DECIMAL":  # a real is the number that is nearest to what was meant
            return f"case when {cast}::double = try_cast({column} as double) then {cast} end"
        return strict(column, kind)

    def _refuse_misfits(self, table: str, shape: TableShape, where: str) -> None:
        """One scan for a value of a storage class that its column's type does not take: SQLite lets any in."""
        query = _misfit_query(table, shape, where, row="''" if table in self.views else "rowid")
        with adbc.AdbcStatement(self.connection) as statement:
            statement.set_sql_query(query)
            stream, _ = statement.execute_query()
            found = nanoarrow.ArrayStream(stream).read_all().to_pylist()[1:]
        for misfit in found:
            place = f" at {', '.join(shape.key) or 'rowid'} = {misfit['key']}" if misfit["key"] else ""
            column = misfit["place"]
            what = f"{self.source}.{table}.{column}: the {misfit['value']}{place}"
            raise SourceValueError(f"{what} does not fit {shape.columns[column].type}")


def _misfit_query(table: str, shape: TableShape, where: str, row: str) -> str:
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
        f"from {quote(table)} where ({' or '.join(checks.values())}) and {where} limit 1)"
    )


def _misfit(column: str, kind: str) -> str:
    """The condition that a value is of a storage class that its type does not take, or has too many digits."""
    classes = ", ".join(literal(storage) for storage in ("null", *_storage(kind)[0]))
    wrong = f"typeof({column}) not in ({classes})"
    if base_of(kind) != "DECIMAL":
        return wrong
    scale = scale_of(kind)
    # From there on two neighbours among the reals are further apart than one step of the decimal.
    real = f"typeof({column}) = 'real' and abs({column}) >= {2**53 / 10**scale!r}"
    decimals = f"substr({column}, instr({column}, '.') + {1 + scale})"
    text = f"typeof({column}) = 'text' and instr({column}, '.') and rtrim({decimals}, '0 ') <> ''"
    return f"({wrong} or ({real}) or ({text}))"


def _wire(column: str, kind: str) -> str:
    """How a value travels: integers and reals as they are, text as bytes (it may be invalid), all else as text."""
    base = base_of(kind)
    if base in ("BIGINT", "BOOLEAN", "DOUBLE", "BLOB"):
        return quote(column)
    if base == "DECIMAL":  # all digits of a real, where SQLite's own cast gives fifteen
        return (
            f"iif(typeof({quote(column)}) = 'real', printf('%!.17g', {quote(column)}), cast({quote(column)} as text))"
        )
    return f"cast({quote(column)} as {'blob' if base == 'VARCHAR' else 'text'})"


def _storage(kind: str) -> tuple[tuple[str, ...], str]:
    return _STORAGE.get(base_of(kind), _TEXT)


def _duckdb_type(declared: types.TypeEngine[Any]) -> str:
    """SQLite's integers have 64 bits and its reals are doubles, whatever they are called."""
    if isinstance(declared, types.Integer):
        return "BIGINT"
    return "DOUBLE" if isinstance(declared, types.Float) else common_kind(declared)


def _with_row_id(shape: TableShape) -> TableShape:
    """Only the row id's own column is never null without saying so: other primary keys of SQLite may be."""
    columns = dict(shape.columns)
    if len(shape.key) == 1 and columns[shape.key[0]].type == "BIGINT":
        columns[shape.key[0]] = replace(columns[shape.key[0]], nullable=False)
    return replace(shape, columns=columns)


def _execute(connection: adbc.AdbcConnection, sql: str) -> None:
    with adbc.AdbcStatement(connection) as statement:
        statement.set_sql_query(sql)
        statement.execute_update()
