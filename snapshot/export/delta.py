"""What changed of one table since the last generation, in memory: certain, or not told at all.

Every row that the source may have written since is read again and compared with what is there, by its key. Then the
number of rows has to add up, and the sum of their keys: where they do not, rows went without a trace, and the keys are
compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC

from ..catalog import TableState, quote
from ..source import FIRST_YEAR, Changing, Counts, TableShape
from ..staging import Staging, added, columns_of, removed
from .rows import JOINING, insert, refuse_doubles
from .wanted import Wanted

# Where more of a large table than this part was written, all of it is read as quickly as what was.
MOST_WRITTEN, LARGE = 0.2, 100_000
_DAY = 86_400
_UTC = " at time zone 'UTC'"
# What DuckDB takes for equal although it is not the same: a month and thirty days, 0.0 and -0.0.
_LOOSE = ("INTERVAL", "FLOAT", "DOUBLE")
# The least values of these types; of an unsigned one it is 0.
_LEAST = {"TINYINT": -(2**7), "SMALLINT": -(2**15), "INTEGER": -(2**31), "BIGINT": -(2**63)}
# What DuckDB adds up without a loss, however many there are.
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_KEYS = "memory.main.keys"
_GONE = "memory.main.gone"
_SAME = "memory.main.same"
_CHANGED = "memory.main.changed"


@dataclass(frozen=True)
class Found:
    """How many rows came, changed and went; how many were read for that, in how many bytes; what names them."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    read: int = 0
    bytes: int = 0
    content: str = ""

    @property
    def changed(self) -> bool:
        """Whether any did."""
        return bool(self.inserted or self.updated or self.deleted)


class Delta:
    """The comparison of one table with what the last generation has of it."""

    def __init__(
        self, staging: Staging, reading: Changing, wanted: Wanted, state: TableState, need: Callable[[int], None]
    ) -> None:
        self.staging, self.reading, self.state, self.need = staging, reading, state, need
        self.table, self.shape, self.settings = wanted.table, wanted.shape, wanted.settings
        self.before, self.added, self.removed = staging.before(self.table), added(self.table), removed(self.table)
        self.key = ", ".join(map(quote, self.shape.key))
        self.keys = TableShape({name: self.shape.columns[name] for name in self.shape.key}, self.shape.key)
        self.number = self._number()
        self.read, self.bytes, self.content = 0, 0, ""

    def find(self, alive: str, horizon: str) -> Found | None:
        """Fill the tables `added` and `removed`; None where it cannot be told what to fill them with."""
        written = self._written(horizon)
        if not written:
            return None
        there = self.reading.counts(self.table[1], alive, f"({written} or {self._unordered()})", self.number)
        if self.state.horizon and there == Counts(self.state.rows, 0, 0):
            return Found()  # no row was written, and none is gone
        if there.among > max(MOST_WRITTEN * self.state.rows, LARGE):
            return None
        self._fetch(self.added, self.shape, f"{alive} and {written} and {there.within}" if there.among else "1 = 0")
        if self._count(self.added) != there.among:
            return None
        if self.settings.key:
            refuse_doubles(self.staging.connection, self.table, self.shape, self.added)
        elif not self._names_each_row():
            return None
        marked, sure = f"not ({alive}) and {written}", self._tells_apart()
        self._fetch(_GONE, self.keys, marked if self.settings.soft and sure else "1 = 0")
        self.need(JOINING)  # what they were may be much longer than what came
        self._note_removed(f"select {self.key} from {self.added} union all select {self.key} from {_GONE}")
        self._drop_equal()
        expected = there.rows, there.total
        if not sure or self._here() != expected:
            self._fetch(_KEYS, self.keys, alive)
            kept = f"select {self.key} from {_KEYS}"
            if not sure and self._count(f"(select distinct * from {_KEYS})") != self._count(_KEYS):
                return None
            gone = f"select {self.key} from {self.before} where ({self.key}) not in ({kept})"
            self._note_removed(f"select {self.key} from {self.added} union all {gone}")
        # What is no primary key at the source may stop to name one row, while as many others go.
        if self._here() != expected or (
            self.settings.key and self.reading.count(self.table[1], alive, self.shape.key) != expected[0]
        ):
            return None
        updated = self._count(f"{self.added} where ({self.key}) in (select ({self.key}) from {self.removed})")
        came, went = self._count(self.added), self._count(self.removed)
        return Found(came - updated, updated, went - updated, self.read, self.bytes, self.content)

    def forget(self) -> None:
        """Let go of the rows that were to be compared."""
        for table in (self.added, self.removed, _KEYS, _GONE, _SAME, _CHANGED):
            self.staging.connection.execute(f"drop table if exists {table}")

    def _number(self) -> str:
        """The key, where it is one whole number and a sum of it tells more: a horizon has every row that came."""
        (name, *others) = self.shape.key
        whole = self.shape.columns[name].type in _WHOLE
        return name if whole and not others and not self.state.horizon else ""

    def _written(self, horizon: str) -> str:
        """The condition on the rows that may have been written since; empty where none can be sure."""
        if self.state.horizon:
            return self.reading.since(self.state.horizon, horizon)
        if horizon:
            return ""
        column = self.settings.changed or self.shape.key[0]
        least = self._least(column, self.shape.columns[column].type)
        return self.reading.at_least(self.table[1], column, least, self.shape.columns[column].type) if least else ""

    def _unordered(self) -> str:
        """The condition on rows of which it cannot be told whether they were written since."""
        if self.state.horizon:
            return "1 = 0"
        column = self.settings.changed or self.shape.key[0]
        return self.reading.unordered(self.table[1], column, self.shape.columns[column].type)

    def _tells_apart(self) -> bool:
        """Whether no two rows of the source have one key here: a deleted one and a living one, or `01` and `1`."""
        exact = (self.reading.tells_apart(self.table[1], name, c) for name, c in self.keys.columns.items())
        return all(exact) and not (self.settings.soft and self.settings.key)

    def _least(self, column: str, kind: str) -> str:
        """The greatest value that was seen, less the overlap; empty where there is none.

        A value of the future was not seen as it will be: others may come before it.
        """
        name, overlap, zoned = quote(column), self.settings.overlap, kind in ("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")
        first = f"'{FIRST_YEAR}'"
        if kind == "DATE":
            sql = f"max({name}) filter ({name} <= ?::timestamp::date + 1) - {-(-overlap // _DAY)}"
        elif kind.startswith("TIMESTAMP"):
            # A time without a zone may be of any: of the one that is furthest ahead at most.
            now = "?::timestamptz" if zoned else "?::timestamp + interval 14 hour"
            greatest = f"max({name}) filter ({name} <= {now}) - interval {overlap} second"
            # Whole seconds: a text with a fraction may come after one that has more digits.
            sql = f"date_trunc('second', ({greatest}){_UTC if zoned else ''})::timestamp"
        else:
            sql, first = f"max({name})::hugeint - {overlap}", str(_LEAST.get(kind, 0))
        as_of = self.state.as_of.astimezone(UTC)
        given = [as_of if zoned else as_of.replace(tzinfo=None)] if "?" in sql else []
        # The source may have no word for what is less than all values of the type.
        least = f"case when least < {first} then {first} else least end"
        found = f"select {least} from (select {sql} as least from {self.before})"
        ((value,),) = self.staging.connection.execute(found, given).fetchall()
        return "" if value is None else str(value)

    def _fetch(self, into: str, shape: TableShape, where: str) -> None:
        self.staging.connection.execute(f"create or replace table {into} ({columns_of(shape)})")
        rows = self.reading.rows(self.table[1], shape, where)
        received = insert(self.staging.connection, self.reading, self.table, shape, rows, into, self.need)
        self.bytes, self.content = self.bytes + received.bytes, f"{self.content} {received.content}"
        self.read += self._count(into)

    def _drop_equal(self) -> None:
        """Rows that were read again and are as they were did not change."""
        pairs = f"{self.added} as new join {self.removed} as old using ({self.key})"
        same = " and ".join(
            f"new.{name} is not distinct from old.{name}" for name in map(self._exact, self.shape.columns)
        )
        execute = self.staging.connection.execute
        execute(f"create or replace table {_SAME} as select {self.key} from {pairs} where {same}")
        for rows in (self.added, self.removed) if self._count(_SAME) else ():
            # Made anew: a delete would hold all of their keys in memory.
            execute(f"create or replace table {_CHANGED} as from {rows} anti join {_SAME} using ({self.key})")
            execute(f"create or replace table {rows} as from {_CHANGED}")
            execute(f"drop table {_CHANGED}")
        execute(f"drop table {_SAME}")

    def _exact(self, name: str) -> str:
        loose = any(kind in self.shape.columns[name].type for kind in _LOOSE)
        return quote(name) + ("::varchar" if loose else "")

    def _note_removed(self, keys: str) -> None:
        sql = f"from {self.before} where ({self.key}) in (select ({self.key}) from ({keys}))"
        self.staging.connection.execute(f"create or replace table {self.removed} as {sql}")

    def _names_each_row(self) -> bool:
        """SQLite lets a key be null, several times; what was read then cannot be found in what was there."""
        named = " and ".join(f"{quote(name)} is not null" for name in self.shape.key)
        return self._count(f"(select distinct {self.key} from {self.added} where {named})") == self._count(self.added)

    def _here(self) -> tuple[int, int]:
        """The number of rows and the sum of their keys: of what was there, less what went, and with what came."""
        (rows, keys), (gone, gone_keys), (came, new_keys) = map(self._total, (self.before, self.removed, self.added))
        return rows - gone + came, keys - gone_keys + new_keys

    def _total(self, rows: str) -> tuple[int, int]:
        summed = f"coalesce(sum({quote(self.number)}), 0)" if self.number else "0"
        ((count, keys),) = self.staging.connection.execute(f"select count(*), {summed} from {rows}").fetchall()
        return int(count), int(keys)

    def _count(self, rows: str) -> int:
        ((count,),) = self.staging.connection.execute(f"select count(*) from {rows}").fetchall()
        return int(count)
