"""One open transaction of PostgreSQL: its tables as Arrow batches, and what of them changed since another one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import adbc_driver_manager as adbc
import adbc_driver_postgresql
import nanoarrow

from ...catalog import literal, quote
from ...settings import SourceSettings, TableSettings
from ..ahead import Part, ahead
from ..batches import BYTES, batches
from ..counts import Counts
from ..limit import seconds_left
from ..shape import ColumnShape, TableShape
from ..strict import FIRST_YEAR, TRUE, strict, within
from . import parts
from .horizon import horizon_of, written_since
from .misfits import TIMES, written
from .statements import execute, fetch

# What ADBC carries as it is. Other types travel as text, decimals too: the server writes them as fast as it sends them.
_NATIVE = frozenset({"SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "BOOLEAN", "BLOB"})
# Months, days and microseconds, which DuckDB's intervals are made of too, whatever the style of the server.
_INTERVAL = (
    "case when {column} is not null then (12 * extract(year from {column}) + extract(month from {column}))::bigint "
    "|| ' months ' || extract(day from {column})::bigint || ' days ' || (3600000000 * extract(hour from {column}) "
    "+ 60000000 * extract(minute from {column}) + extract(microseconds from {column}))::bigint || ' microseconds' end"
)


@dataclass(frozen=True)
class PostgresReading:
    """An open read transaction, which ends at `deadline` (a moment of time.monotonic())."""

    settings: SourceSettings
    as_of: datetime
    connection: adbc.AdbcConnection
    deadline: float
    # Opens another connection that sees the same, to read a table (quoted).
    another: Callable[[str], AbstractContextManager[adbc.AdbcConnection]]

    def horizon(self, table: str) -> str:
        """The table's file, and the oldest transaction that this read may not have seen the end of."""
        return horizon_of(self.connection, self._place(table))

    def since(self, then: str, now: str) -> str:
        """What transactions wrote that were not over at the horizon: exact, however late they were."""
        return written_since(then, now)

    def at_least(self, table: str, column: str, value: str, kind: str) -> str:
        """A moment is written with its offset, for the session has a zone of its own.

        What the project calls a number or a time may be a text, in whose order 9 comes after 10. What is none, and what
        comes before all years, is read to be refused.
        """
        name, is_number = quote(column), "INT" in kind
        least = literal(value + ("+00" if kind == "TIMESTAMPTZ" else ""))
        if self._is_declared(table, column):
            text = f"{name}::text"
            cast = f"{text}::numeric" if is_number else f"{name}::{kind}"
            form = "^[+-]?[0-9]+$" if is_number else "^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([ T]|$)"
            return f"(case when {text} ~ '{form}' then {cast} >= {least} else true end)"
        early = "" if is_number else f" or {name} < '{FIRST_YEAR}'"
        return f"({name} >= {least}{early} or {name} is null)"

    def unordered(self, table: str, column: str, kind: str) -> str:
        """`at_least` has them."""
        return "false"

    def tells_apart(self, table: str, column: str, shape: ColumnShape) -> bool:
        """What the project calls a number may be a text, where 01 and 1 are two."""
        return not (self._is_declared(table, column) and shape.is_written)

    def marked(self, table: str, column: str, shape: ColumnShape) -> str:
        """Rows whose mark of deletion is set; one that the project calls a boolean may be of another type."""
        if shape.type != "BOOLEAN":
            return f"{quote(column)} is not null"
        if self._is_declared(table, column):
            return f"(lower({quote(column)}::text) in ({', '.join(map(literal, TRUE))})) is true"
        return f"{quote(column)} is true"

    def estimate(self, table: str) -> int:
        """As the server plans with."""
        place = literal(self._place(table))
        (found,) = fetch(self.connection, f"select reltuples::bigint as n from pg_class where oid = {place}::regclass")
        return max(0, int(found["n"]))

    def count(self, table: str, where: str = "true", key: Collection[str] = ()) -> int:
        """The rows that fulfil a condition, or their keys."""
        self._bound(self.connection)
        rows = f"{self._place(table)} where ({where})"
        if key:
            rows = f"(select distinct {', '.join(map(quote, key))} from {rows}) as keys"
        (found,) = fetch(self.connection, f"select count(*) as n from {rows}")
        return int(found["n"])

    def counts(self, table: str, where: str, among: str, column: str = "") -> Counts:
        """A sum as a text: it may have more digits than any of its integers. Of a large table, also where they lie."""
        self._bound(self.connection)
        place, at, ends, apart = self._place(table), "1", "", ""
        if parts.blocks_of(self.connection, place):
            # Apart, lest the condition is looked at once more for each end.
            at, ends, apart = "ctid", ", min(at)::text as first, max(at)::text as last", " offset 0"
        number, total = "", "'0'"  # to add up as many noughts takes a tenth of the look
        if column:  # an OID cannot be added up, and what the project calls a number may be a text
            number = quote(column) + ("::text::numeric" if self._is_declared(table, column) else "::int8")
            number, total = f", {number} as number", "coalesce(sum(number), 0)::text"
        looked = f"select case when {among} then {at} end as at{number} from {place}"
        counted = f"count(*) as n, count(at) as some, {total} as total{ends}"
        (found,) = fetch(self.connection, f"select {counted} from ({looked} where ({where}){apart}) as looked")
        within = parts.between(found["first"], found["last"]) if ends and found["some"] else "1 = 1"
        return Counts(int(found["n"]), int(found["some"]), int(found["total"]), within)

    @contextmanager
    def rows(
        self, table: str, shape: TableShape, where: str = "true", *, most: bool = False
    ) -> Iterator[Iterable[nanoarrow.Array]]:
        """Copied in PostgreSQL's binary form; most of a large table over several connections, in its own order."""
        self._bound(self.connection)
        wire = ", ".join(f"{self._wire(table, shape, name)} as {quote(name)}" for name in shape.columns)
        sql = f"select {wire} from {self._place(table)} where ({where})"
        with ExitStack() as opened:
            blocks = parts.blocks_of(self.connection, self._place(table)) if most and parts.wanted() > 1 else 0
            others = self._others(opened, self._place(table)) if blocks else []
            conditions = parts.conditions(blocks) if others else ("true",)
            queries = [f"{sql} and {condition}" for condition in conditions]
            lanes = [
                map(partial(self._read, table, connection), queries[lane :: 1 + len(others)])
                for lane, connection in enumerate((self.connection, *others))
            ]
            yield opened.enter_context(ahead(lanes))

    def _others(self, opened: ExitStack, place: str) -> list[adbc.AdbcConnection]:
        """As many further connections as are wanted and can be had: without them it only takes longer."""
        found: list[adbc.AdbcConnection] = []
        with suppress(adbc.Error):
            while len(found) + 1 < parts.wanted():
                found.append(opened.enter_context(self.another(place)))
        return found

    def _read(self, table: str, connection: adbc.AdbcConnection, sql: str) -> Part:
        self._bound(connection)
        with adbc.AdbcStatement(connection) as statement:
            statement.set_options(**{adbc_driver_postgresql.StatementOptions.BATCH_SIZE_HINT_BYTES.value: str(BYTES)})
            statement.set_sql_query(sql)
            stream, _ = statement.execute_query()
            yield from batches(stream, f"{self.settings.name}.{table}")

    def fitting(self, table: str, column: str, kind: str) -> str:
        """A value that PostgreSQL keeps strictly itself, or a text."""
        if not self._is_declared(table, column):
            if kind in _NATIVE:
                return quote(column)
            if kind in TIMES:
                return f"case when {within(quote(column), kind)} then {quote(column)} end"
            if kind.startswith("DECIMAL(") and kind.endswith(")"):  # of a declared scale, to which the server rounds
                return f"try_cast({quote(column)} as {kind})"
        if kind == "BLOB":  # of which the server writes two digits a byte
            written = f"regexp_matches({quote(column)}, '^\\\\x([0-9a-f]{{2}})*$')"
            return f"case when {written} then unhex(substr({quote(column)}, 3)) end"
        return strict(quote(column), kind)

    def written(self, table: str, column: str, kind: str) -> str:
        """Its own words for what is infinite, which came as another time, and for bytes."""
        if not self._is_declared(table, column):
            if kind in TIMES:
                return written(quote(column), kind)
            if kind == "BLOB":
                return f"'\\x' || lower(hex({quote(column)}))"
        return f"{quote(column)}::varchar"

    def _place(self, table: str) -> str:
        return (f"{quote(self.settings.schema)}." if self.settings.schema else "") + quote(table)

    def _bound(self, connection: adbc.AdbcConnection) -> None:
        left = seconds_left(self.settings.name, self.deadline)
        execute(connection, f"set local statement_timeout = {max(1, int(left * 1000))}")

    def _wire(self, table: str, shape: TableShape, name: str) -> str:
        column, kind = quote(name), shape.columns[name].type
        if not self._is_declared(table, name):
            if kind in _NATIVE:
                return column
            if kind in TIMES:
                return f"{column}::{kind}"
        if kind == "INTERVAL":
            return _INTERVAL.format(column=f"{column}::interval")
        if kind.endswith("[]"):
            return f"to_json({column}::text[])::text"
        return f"{column}::text"

    def _is_declared(self, table: str, column: str) -> bool:
        """Whether the project names its type."""
        return column in self.settings.tables.get(table, TableSettings()).types
