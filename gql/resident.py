"""Rows that are asked for again and again, held in memory: what a question reads, without what it fixes.

A question that names the one value of a column has the same groups as one that is grouped by that column, too, and
then picks that value's. So the rows for all values are read once, in the order that is asked for, and each question
takes the part of its own values: no query is run. Where that would not be exact, a question is held as a whole.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from sys import getsizeof
from typing import Any, NamedTuple

from graphql import GraphQLError

from snapshot.catalog import Column
from snapshot.errors import QueryError

from .bounded import Bounded
from .extras import Extras
from .fixed import can_fix, filled, is_key, plain
from .page import plan_count, plan_rows
from .plan import Plan
from .question import Question
from .table import Table, table

# Of so many bytes of questions it is known how often they are asked: of some thousands. Each takes so many by itself.
KINDS_BYTES, KIND = 4_000_000, 500
# One of them may take so much of the room.
SHARE = 4
# Where a part is takes as much memory as so many values: about 200 bytes.
PART = 4
# The types of which a value does not depend on the order in which rows are added up, or merged.
_ORDERLESS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "BOOLEAN",
              "DECIMAL", "DATE", "TIMESTAMP")  # fmt: skip
# What a measure may call that is the same however DuckDB goes about it.
_COUNTING = {"count", "distinct", "filter", "min", "max", "row"}

# A question's SQL, its values, and the columns whose values it fixes.
Key = tuple[str, str, tuple[str, ...]]
Rows = Sequence[tuple[Any, ...]]
# By its fixed values, where the rows of a question begin and end.
Parts = Mapping[Hashable, tuple[int, int]]
# The rows of a plan. Raises GraphQLError and QueryError.
Query = Callable[[Plan], Rows]


class NotResident(Exception):
    """The rows are not held, and nobody is to be asked for them."""


@dataclass(frozen=True)
class Shape:
    """What a question reads without what it fixes: all rows, their number where it is not known, and the fixed values.

    The values of its holes are those of a request.
    """

    plan: Plan
    count: Plan | None
    columns: tuple[Column, ...] = ()
    fixed: tuple[Any, ...] = ()

    def key(self, values: Mapping[str, Any]) -> Key:
        """What reads the same rows, and parts them alike, has the same key."""
        return self._key_of(self.plan.filled(values)) if self.plan.has_holes else self._key

    @cached_property
    def _key(self) -> Key:
        return self._key_of(self.plan)

    def _key_of(self, plan: Plan) -> Key:
        return plan.sql, repr(plan.parameters), tuple(column.name for column in self.columns)


class Part(NamedTuple):
    """The rows of a question, from one place of a table to another; `way` is how the table was had."""

    table: Table
    start: int
    stop: int
    way: str


class _Held:
    """How often a shape was asked, and its rows once they are held."""

    def __init__(self) -> None:
        self.asked, self.needed = 0, 2.0
        self.rows: tuple[Table, Parts] | None = None

    @property
    def cells(self) -> int:
        """How much room they take."""
        return _cells(*self.rows) if self.rows else 0

    def let_go(self) -> None:
        """Make room. To be held again, it has to be asked for twice as often, lest rows come and go all the time."""
        self.rows, self.asked, self.needed = None, 0, self.needed * 2


class Residents:
    """The rows of one generation that are held."""

    def __init__(self) -> None:
        self._kinds = Bounded[Key, _Held](KINDS_BYTES, lambda key, _: KIND + getsizeof(key[0]) + getsizeof(key[1]))
        self._loading = threading.Lock()

    def find(self, shape: Shape, values: Mapping[str, Any]) -> Part | None:
        """The rows of a question, where they are held."""
        held = self._kinds.get(shape.key(values))
        if held is None or (rows_and_parts := held.rows) is None:
            return None
        rows, parts = rows_and_parts
        if not shape.columns:
            return Part(rows, 0, len(rows.rows), shape.plan.way)
        start, stop = parts.get(tuple([filled(value, values) for value in shape.fixed]), (0, 0))
        return Part(rows, start, stop, shape.plan.way)

    def load(self, shape: Shape, values: Mapping[str, Any], query: Query, cells: int) -> bool:
        """Count a question that was not found; where it is asked again, hold its rows, of so many cells together.

        Whether they are held now. One is loaded at a time, and whoever asks meanwhile is not kept waiting.
        """
        key = shape.key(values)
        held = self._kinds.get(key)
        if held is None:
            self._kinds.put(key, held := _Held())
        held.asked += 1
        if held.asked < held.needed or not self._loading.acquire(blocking=False):
            return False
        try:
            if held.rows is None and not self._load(held, shape, values, query, cells):
                held.needed = float("inf")
            return held.rows is not None
        finally:
            self._loading.release()

    def _load(self, held: _Held, shape: Shape, values: Mapping[str, Any], query: Query, cells: int) -> bool:
        """Whether the rows are held now: not where they are too many, or some of them cannot be given out."""
        width = max(len(shape.plan.columns) + len(shape.plan.extras), 1)
        try:
            if any(column.type == "VARCHAR" for column in shape.columns) and query(_collated(shape.plan))[0][0]:
                return False
            rows = query(shape.count.filled(values))[0][0] if shape.count else 1
            if rows * width > cells // SHARE:
                return False
            found = query(shape.plan.filled(values))
            parts, found = _parted(shape, found)
            loaded = table(shape.plan, found)
        except (GraphQLError, QueryError):
            return False
        needed = _cells(loaded, parts)
        if needed > cells // SHARE:
            return False
        self._make_room(cells - needed)
        held.rows = loaded, parts
        return True

    def _make_room(self, cells: int) -> None:
        """Let go what was not asked for the longest, until no more than so many cells are held."""
        held = [found for key in self._kinds if (found := self._kinds.get(key)) and found.rows]
        taken = sum(found.cells for found in held)
        for found in held:
            if taken <= cells:
                return
            taken -= found.cells
            found.let_go()


def _cells(held: Table, parts: Parts) -> int:
    return len(held.rows) * max(len(held.fields), 1) + len(parts) * PART


def _collated(plan: Plan) -> Plan:
    """Whether a table that is read has texts with a collation, by which some are equal that are not in Python."""
    sql = "select count(*) from duckdb_tables() where contains(sql, ' COLLATE ') and contains(?, table_name)"
    return Plan(sql, (plan.sql,), (), "")


def shape_of(question: Question, extras: Extras, own: Plan) -> Shape:
    """What a question reads without what it fixes; `own` is how the question itself is answered."""
    fixed = {} if extras.are_asked or question.fill else _fixed(question)
    if fixed and (question.by or not question.metric.grouped):
        columns = tuple(question.metric.by_field[field] for field in fixed)
        whole = _without(question, columns)
        try:
            plan, count = plan_rows(whole, limit=None), plan_count(whole)
        except GraphQLError:
            pass  # it cannot be said for all values
        else:
            if _alike(own, plan, question.measures):
                return Shape(plan, count, columns, tuple(fixed.values()))
    return Shape(plan_rows(question, limit=None, extras=extras), plan_count(question))


def _fixed(question: Question) -> dict[str, Any]:
    """The values that a question fixes, by field."""
    columns = question.metric.by_field
    return {
        field: plain(value["eq"])
        for field, value in (question.where or {}).items()
        if field in columns and value and list(value) == ["eq"] and can_fix(columns[field]) and is_key(value["eq"])
    }


def _without(question: Question, fixed: tuple[Column, ...]) -> Question:
    """A question of all values of what it fixes."""
    fields = {column.field for column in fixed}
    where = {field: value for field, value in (question.where or {}).items() if field not in fields} or None
    if question.metric.grouped:
        return replace(question, where=where, by=tuple(dict.fromkeys((*question.by, *fixed))))
    return replace(question, where=where, measures=tuple(dict.fromkeys((*question.measures, *fixed))))


def _alike(own: Plan, whole: Plan, measures: Sequence[Column]) -> bool:
    """Whether the same is had by two ways, to the last digit, and for no more work than reading stored rows.

    It is where each row is a stored one, of the table that is read either way, or where exact numbers are counted and
    merged. What is made of an average is not: DuckDB divides in two ways, whose DOUBLEs may differ in their last digit.
    """
    if whole.way == "stored" and whole.table == own.table:
        return True
    return whole.way != "base tables" and all(map(_is_exact, measures))


def _is_exact(column: Column) -> bool:
    called = {name.lower() for name in re.findall(r"(\w+)\s*\(", column.sql)}
    counted = "/" not in column.sql and called <= _COUNTING
    return column.type.partition("(")[0] in _ORDERLESS and (column.rollup in ("", "additive") or counted)


def _parted(shape: Shape, rows: Rows) -> tuple[Parts, Rows]:
    """Where the rows of each of the fixed values are, and the rows with those together, else in their order."""
    if not shape.columns:
        return {}, rows
    places = [shape.plan.columns.index(column) for column in shape.columns]
    grouped: dict[Hashable, list[tuple[Any, ...]]] = {}
    for row in rows:
        grouped.setdefault(tuple([row[place] for place in places]), []).append(row)
    parts, together = {}, list[tuple[Any, ...]]()
    for key, found in grouped.items():
        parts[key] = (len(together), len(together) + len(found))
        together += found
    return parts, together
