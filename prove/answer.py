"""An answer as a source: the rows that a SELECT of somebody's own gave, as the one table `live.answer`."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import nanoarrow

from snapshot.catalog import quote
from snapshot.source import ColumnShape, TableShape
from snapshot.source.gather import batch_of
from snapshot.source.reflect import MAX_PRECISION
from snapshot.source.strict import strict

# Python's type of a value -> DuckDB's. The first that fits: a bool is an int, a datetime is a date.
_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "BOOLEAN"), (int, "BIGINT"), (float, "DOUBLE"), (datetime, "TIMESTAMP"), (date, "DATE"), (time, "TIME"),
    (UUID, "UUID"), (bytes, "BLOB"),
)  # fmt: skip


# Beyond, the digits before the point would have no room.
MAX_SCALE = 20


@dataclass(frozen=True)
class AnswerSource:
    """Columns are of the types that their values have: nothing else is known of an answer."""

    columns: Sequence[str]
    answer: Sequence[tuple[Any, ...]]
    name: str = "live"
    place: str = "live"

    def shapes(self) -> Mapping[str, TableShape]:
        """One table."""
        values = zip(*self.answer, strict=True) if self.answer else [()] * len(self.columns)
        columns = {name: ColumnShape(_kind(column), True) for name, column in zip(self.columns, values, strict=True)}
        return {"answer": TableShape(columns, ())}

    @contextmanager
    def read(self, tables: Collection[str], end: float = math.inf) -> Iterator[AnswerSource]:
        """It does not change any more."""
        yield self

    @property
    def as_of(self) -> datetime:
        """Now: it was just asked."""
        return datetime.now(UTC)

    @contextmanager
    def rows(self, table: str, shape: TableShape) -> Iterator[Iterable[nanoarrow.Array]]:
        """One batch, where there is a row."""
        picked = [list(self.columns).index(name) for name in shape.columns]
        yield [batch_of([[row[i] for i in picked] for row in self.answer], shape, table)] if self.answer else []

    def written(self, table: str, column: str, kind: str) -> str:
        """As it came."""
        return f"{quote(column)}::varchar"

    def fitting(self, table: str, column: str, kind: str) -> str:
        """All but bytes is a text on the wire."""
        return strict(quote(column), kind)


def _kind(values: Iterable[Any]) -> str:
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, Decimal) for value in known):
        scale = max((-int(value.as_tuple().exponent) for value in known if value.is_finite()), default=0)
        whole = max((value.adjusted() + 1 for value in known if value.is_finite()), default=0)
        exact = all(value.is_finite() for value in known) and scale <= MAX_SCALE and whole + scale <= MAX_PRECISION
        return f"DECIMAL(38,{max(0, scale)})" if exact else "DOUBLE"
    if any(isinstance(value, time) and value.tzinfo for value in known):
        return "VARCHAR"
    kinds = {next((kind for base, kind in _KINDS if isinstance(value, base)), "VARCHAR") for value in known}
    if kinds == {"TIMESTAMP"} and known[0].tzinfo:
        return "TIMESTAMPTZ"
    return kinds.pop() if len(kinds) == 1 else "DOUBLE" if kinds == {"BIGINT", "DOUBLE"} else "VARCHAR"
