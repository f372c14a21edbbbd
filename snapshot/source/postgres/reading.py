"""One open transaction of PostgreSQL: its tables as Arrow batches, and what of them changed since another one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import adbc_driver_manager as adbc
import nanoarrow

from ...catalog import literal, quote
from ...errors import SourceValueError
from ...settings import SourceSettings, TableSettings
from ..ahead import Part, ahead
from ..batches import MISFIT, batches
from ..counts import Counts
from ..limit import seconds_left
from ..shape import ColumnShape, TableShape
from ..strict import FIRST_YEAR, TRUE, scale_of, strict
from . import parts
from .misfits import TIMES, misfit_query, refusal, within
from .statements import execute, fetch

# What ADBC carries as it is. Other types travel as text, and decimals as the number of their smallest steps.
_NATIVE = frozenset({"SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "BOOLEAN", "BLOB"})
# Months, days and microseconds, which DuckDB's intervals are made of too, whatever the style of the server.
_INTERVAL = (
    "case when {column} is not null then (12 * extract(year from {column}) + extract(month from {column}))::bigint "
    "|| ' months ' || extract(day from {column})::bigint || ' days ' || (3600000000 * extract(hour from {column}) "
    "+ 60000000 * extract(minute from {column}) + extract(microseconds from {column}))::bigint || ' microseconds' end"
)
# The digits of which every number is a BIGINT.
_SHORT = 18
# The cluster, the database, the table's file and its definition, and the first transaction that was not over when the
# snapshot was taken. Only what has its rows itself, and shows all of them, says of each which transaction wrote it. A
# definition can change without a row being written: by its columns, their defaults for older rows, and the names of
# enums, also of those that domains, arrays, ranges and composite types are made of. So can the text of a `regclass`.
_HORIZON = """
with recursive types(oid) as (
    select a.atttypid from pg_attribute a where a.attrelid = {place}::regclass and a.attnum > 0
    union
    select part.oid from types join pg_type t on t.oid = types.oid, lateral (
        select t.typelem union all select t.typbasetype
        union all select r.rngsubtype from pg_range r where r.rngtypid = t.oid
        union all select a.atttypid from pg_attribute a where a.attrelid = t.typrelid and a.attnum > 0
    ) as part(oid) where part.oid <> 0),
definition(line) as (
    select concat('column ', a.attrelid, ' ', a.attnum, a.attname, a.atttypid, a.atttypmod, a.xmin) from pg_attribute a
    where a.attnum > 0 and (a.attrelid = {place}::regclass or a.attrelid in (
        select t.typrelid from types join pg_type t on t.oid = types.oid where t.typrelid <> 0))
    union all select concat('label ', e.oid, e.enumlabel) from types join pg_enum e on e.enumtypid = types.oid)
select case when c.relkind in ('r', 'm') and not c.relhassubclass and has_table_privilege(c.oid, 'SELECT')
    and not row_security_active(c.oid)
    and not exists (
        select 1 from types join pg_type t on t.oid = types.oid where t.typname like 'reg%' and t.oid < 16384)
then (select system_identifier from pg_control_system()) || '-'
    || (select oid from pg_database where datname = current_database()) || '-' || c.oid || '-'
    || pg_relation_filenode(c.oid) || '-'
    || md5((select string_agg(line, ';' order by line) from definition))
    || '.' || txid_snapshot_xmin(txid_current_snapshot()) end as horizon
from pg_class c where c.oid = {place}::regclass"""
# Beyond, PostgreSQL cannot tell any more which of two transactions was first.
_TRANSACTIONS, _COMPARABLE = 2**32, 2**30


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
        (found,) = fetch(self.connection, _HORIZON.format(place=literal(self._place(table))))
        return found["horizon"] or ""

    def since(self, then: str, now: str) -> str:
        """What transactions wrote that were not over at the horizon: exact, however late they were."""
        (file, _, first), (same, _, last) = then.rpartition("."), now.rpartition(".")
        if not (now and then) or file != same or not 0 <= int(last) - int(first) < _COMPARABLE:
            return ""
        return f"age(xmin) <= age('{int(first) % _TRANSACTIONS}'::xid)"

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
        """A sum as a text: it may have more digits than any of its integers."""
        self._bound(self.connection)
        # An OID cannot be added up, and what the project calls a number may be a text.
        number = quote(column) + ("::text::numeric" if self._is_declared(table, column) else "::int8")
        summed = f"coalesce(sum({number}), 0)::text" if column else "'0'"
        counted = f"count(*) as n, count(*) filter (where {among}) as some, {summed} as total"
        (found,) = fetch(self.connection, f"select {counted} from {self._place(table)} where ({where})")
        return Counts(int(found["n"]), int(found["some"]), int(found["total"]))

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
            try:
                yield opened.enter_context(ahead(lanes))
            except Exception as error:
                opened.close()
                if MISFIT in str(error):
                    self._refuse_times(table, shape, where)
                raise

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
            if _is_short(kind):
                step = f"0.{'1'.rjust(scale_of(kind), '0')}" if scale_of(kind) else "1"
                return f"cast(cast({quote(column)} as decimal(18,0)) * {step} as {kind})"
        if kind == "BLOB":  # of which the server writes two digits a byte
            written = f"regexp_matches({quote(column)}, '^\\\\x([0-9a-f]{{2}})*$')"
            return f"case when {written} then unhex(substr({quote(column)}, 3)) end"
        return strict(quote(column), kind)

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
            if _is_short(kind):
                steps = f"({column} * {10 ** scale_of(kind)})::bigint"
                refused = refusal(f"{self.settings.name}.{table}", shape, name)
                return f"case when {column} = 'NaN' then {refused}::bigint else {steps} end"
        if kind == "INTERVAL":
            return _INTERVAL.format(column=column)
        if kind.endswith("[]"):
            return f"to_json({column}::text[])::text"
        return f"{column}::text"

    def _refuse_times(self, table: str, shape: TableShape, where: str) -> None:
        """A time that did not fit came as another one: the server knows it. Raises SourceValueError, if it says so."""
        times = [
            name
            for name, column in shape.columns.items()
            if column.type in TIMES and not self._is_declared(table, name)
        ]
        place = f"{self.settings.name}.{table}"
        with suppress(adbc.Error):
            for found in fetch(
                self.connection, misfit_query(place, shape, times, f"{self._place(table)} where ({where})")
            ):
                raise SourceValueError(found["misfit"].removeprefix(MISFIT))

    def _is_declared(self, table: str, column: str) -> bool:
        """Whether the project names its type."""
        return column in self.settings.tables.get(table, TableSettings()).types


def _is_short(kind: str) -> bool:
    """Whether the steps of a decimal are as many as a BIGINT holds."""
    return kind.startswith("DECIMAL(") and kind.endswith(")") and int(kind[8:].partition(",")[0]) <= _SHORT
