"""One open transaction of SQLite: its tables as Arrow batches."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import adbc_driver_manager as adbc
import nanoarrow

from ...catalog import literal, quote
from ...errors import SourceValueError
from ..ahead import ahead
from ..batches import batches
from ..counts import Counts
from ..shape import ColumnShape, TableShape
from ..strict import FIRST_YEAR, NUMBER, base_of, shortest, strict
from .kinds import INTEGERS, storage, wire
from .misfits import misfit_query

# Rows that ADBC gathers whatever their size.
BATCH_ROWS = 256


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

    def at_least(self, table: str, column: str, value: str, kind: str) -> str:
        """As texts, which are in the order of their moments where all have no offset; some without their last parts.

        What comes before all years, as a number does, is read to be refused.
        """
        name = quote(column)
        if base_of(kind) in INTEGERS:
            return f"({name} >= {value} or {name} is null)"
        return f"({name} >= {literal(shortest(value))} or {name} < {literal(FIRST_YEAR)} or {name} is null)"

    def unordered(self, table: str, column: str, kind: str) -> str:
        """A column may have a value of any kind."""
        if base_of(kind) in INTEGERS:
            return f"typeof({quote(column)}) not in ('integer', 'null')"
        # With a step of none, for without any a 30th of February is taken as it is.
        return f"{quote(column)} is not null and date({quote(column)}, '+0 days') is not substr({quote(column)}, 1, 10)"

    def tells_apart(self, table: str, column: str, shape: ColumnShape) -> bool:
        """Numbers and texts are what they are; a day may have been written with its first hour and without."""
        return base_of(shape.type) in (*INTEGERS, "VARCHAR", "BLOB")

    def marked(self, table: str, column: str, shape: ColumnShape) -> str:
        """Rows whose mark of deletion is set; one that is neither true nor false is read, to be refused."""
        return f"{quote(column)} is not null" + (f" and {quote(column)} = 1" if shape.type == "BOOLEAN" else "")

    def estimate(self, table: str) -> int:
        """A file has no statistics that are sure to be there."""
        return 0

    def count(self, table: str, where: str = "true", key: Collection[str] = ()) -> int:
        """The rows that fulfil a condition, or their keys."""
        rows = f"{quote(table)} where {where}"
        if key:
            rows = f"(select distinct {', '.join(map(quote, key))} from {rows})"
        (found,) = self._fetch(f"select count(*) as n from {rows}")
        return int(found["n"])

    def counts(self, table: str, where: str, among: str, column: str = "") -> Counts:
        """A sum in two halves, for SQLite refuses one of more than 64 bits."""
        number = quote(column) if column else "0"
        halves = f"coalesce(sum({number} >> 32), 0) as high, coalesce(sum({number} & 4294967295), 0) as low"
        counted = f"count(*) as n, count(case when {among} then 1 end) as some, {halves}"
        (found,) = self._fetch(f"select {counted} from {quote(table)} where {where}")
        return Counts(int(found["n"]), int(found["some"]), int(found["high"]) * 2**32 + int(found["low"]))

    @contextmanager
    def rows(
        self, table: str, shape: TableShape, where: str = "true", *, most: bool = False
    ) -> Iterator[Iterable[nanoarrow.Array]]:
        """A first row fixes its types, which ADBC would otherwise guess from the data."""
        self._refuse_misfits(table, shape, where)
        kinds = {name: storage(column.type) for name, column in shape.columns.items()}
        witness = ", ".join(f"{value} as {quote(name)}" for name, (_, value) in kinds.items())
        values = ", ".join(wire(name, shape.columns[name].type) for name in kinds)
        sql = f"select 0 as _pacelayer_row, {witness} union all select 1, {values} from {quote(table)} where {where}"
        with adbc.AdbcStatement(self.connection) as statement:
            statement.set_options(**{"adbc.sqlite.query.batch_rows": str(BATCH_ROWS)})
            statement.set_sql_query(sql)
            stream, _ = statement.execute_query()
            with ahead([[batches(stream, f"{self.source}.{table}")]]) as found:
                yield found

    def written(self, table: str, column: str, kind: str) -> str:
        """As it came."""
        return f"{quote(column)}::varchar"

    def fitting(self, table: str, column: str, kind: str) -> str:
        """The strict cast of a wire value."""
        column, base = quote(column), base_of(kind)
        if base in ("BIGINT", "DOUBLE", "BLOB"):
            return column
        cast = f"try_cast({column} as {kind})"
        if base in INTEGERS or base == "FLOAT":
            return cast
        if base == "VARCHAR":
            return f"try(decode({column}))"
        if base == "BOOLEAN":
            return f"case when {column} in (0, 1) then {cast} end"
        if base == "DECIMAL":  # a real is the number that is nearest to what was meant
            same = f"regexp_matches({column}, '{NUMBER}') and {cast}::double = try_cast({column} as double)"
            return f"case when {same} then {cast} end"
        return strict(column, kind)

    def _refuse_misfits(self, table: str, shape: TableShape, where: str) -> None:
        """One scan for a value of a storage class that its column's type does not take: SQLite lets any in."""
        query = misfit_query(table, shape, where, row="''" if table in self.views else "rowid")
        for misfit in self._fetch(query)[1:]:
            place = f" at {', '.join(shape.key) or 'rowid'} = {misfit['key']}" if misfit["key"] else ""
            column = misfit["place"]
            what = f"{self.source}.{table}.{column}: the {misfit['value']}{place}"
            raise SourceValueError(f"{what} does not fit {shape.columns[column].type}")

    def _fetch(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a small answer."""
        with adbc.AdbcStatement(self.connection) as statement:
            statement.set_sql_query(sql)
            stream, _ = statement.execute_query()
            return list(nanoarrow.ArrayStream(stream).read_all().to_pylist())
