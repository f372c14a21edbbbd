"""Whether the source's own answer and the snapshot's are equal; if not, which rows differ, and known causes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from snapshot.catalog import Column

# Floats of two databases are added in different orders.
TOLERANCE = 1e-9
SHOWN = 10

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Comparison:
    """`rows` were compared; `differing` holds up to ten differences in words; `moved` groups changed while we asked."""

    rows: int
    moved: int
    differences: int
    differing: tuple[str, ...]
    causes: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """No row that stood still differs; of those that moved nothing can be said."""
        return not self.differences

    @property
    def verdict(self) -> str:
        """In words."""
        if not self.equal:
            return f"{self.differences} of {self.rows} rows differ"
        if self.moved:
            return f"equal where the source stood still; {self.moved} of {self.rows} rows moved and were not compared"
        return f"all {self.rows} rows equal"


def compare(columns: Sequence[Column], first: Sequence[Row], last: Sequence[Row], ours: Sequence[Row]) -> Comparison:
    """Compare what the source said before and after the snapshot was made with what the snapshot says.

    Rows are found by what they are grouped by (or by their key): the columns that are no floats, but for measures.
    """
    keyed = [_by_key(columns, rows) for rows in (first, last, ours)]
    before, after, snapshot = keyed
    moved, differing = 0, []
    keys = before.keys() | after.keys() | snapshot.keys()
    for key in keys:
        theirs, later, found = before.get(key), after.get(key), snapshot.get(key)
        if not _same(theirs, later):
            moved += 1
        elif not _same(theirs, found):
            differing.append((key, theirs, found))
    shown = tuple(_words(*difference) for difference in sorted(differing, key=repr)[:SHOWN])
    return Comparison(max(map(len, (first, last, ours))), moved, len(differing), shown, _causes(differing))


def _by_key(columns: Sequence[Column], rows: Sequence[Row]) -> Mapping[Row, list[Row]]:
    """The rows by what identifies them; several of one key are kept in an order."""
    keys = [i for i, column in enumerate(columns) if column.role in ("dimension", "grain")]
    keys = keys or [i for i, column in enumerate(columns) if column.type not in ("FLOAT", "DOUBLE")]
    rest = [i for i in range(len(columns)) if i not in keys]
    found: dict[Row, list[Row]] = {}
    for row in rows:
        values = [_as(column.type, value) for column, value in zip(columns, row, strict=True)]
        found.setdefault(tuple(values[i] for i in keys), []).append(tuple(values[i] for i in rest))
    return {key: sorted(values, key=repr) for key, values in found.items()}


def _as(kind: str, value: Any) -> Any:
    """A value of any driver's as the type has it, for databases hand out texts, decimals and floats for one thing."""
    if value is None:
        return None
    try:
        return _converted(kind, value)
    except (ValueError, ArithmeticError, TypeError):
        return value  # of another kind, and so not equal


def _converted(kind: str, value: Any) -> Any:
    """The same value in the type's own form; never another one."""
    if kind.startswith("DECIMAL") and isinstance(value, float):  # SQLite adds decimals as floats
        return Decimal(str(value)).quantize(Decimal(1).scaleb(-int(kind.rstrip(")").rpartition(",")[2])))
    if kind.startswith("DECIMAL"):
        return Decimal(value)
    if kind in ("FLOAT", "DOUBLE"):
        return float(value)
    if kind.endswith(("INT", "INTEGER")):
        return int(value) if int(value) == value else value
    if kind == "BOOLEAN":
        return bool(value) if value in (0, 1) else value
    if kind == "DATE" and isinstance(value, str):
        return date.fromisoformat(value)
    if kind.startswith("TIMESTAMP"):
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if kind in ("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"):  # sessions of ours are UTC where a driver says no zone
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment
    if kind == "TIME" and isinstance(value, str):
        return time.fromisoformat(value)
    return str(value) if kind in ("VARCHAR", "UUID", "JSON") else value


def _same(one: list[Row] | None, other: list[Row] | None) -> bool:
    if one is None or other is None:
        return one is other
    return len(one) == len(other) and all(
        len(a) == len(b) and all(map(_close, a, b)) for a, b in zip(one, other, strict=True)
    )


def _close(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=TOLERANCE) or (math.isnan(one) and math.isnan(other))
    return bool(one == other)


def _words(key: Row, theirs: list[Row] | None, ours: list[Row] | None) -> str:
    def said(rows: list[Row] | None) -> str:
        return "nothing" if rows is None else "; ".join(", ".join(map(str, row)) or "the row" for row in rows)

    return f"{', '.join(map(str, key))}: live {said(theirs)}, snapshot {said(ours)}"


def _causes(differing: Sequence[tuple[Row, list[Row] | None, list[Row] | None]]) -> tuple[str, ...]:
    """What is known to make such differences."""
    causes = []
    names: dict[Row, set[Row]] = {}
    for key, _, _ in differing:
        folded = tuple(value.casefold().rstrip() if isinstance(value, str) else value for value in key)
        names.setdefault(folded, set()).add(key)
    if any(len(keys) > 1 for keys in names.values()):
        causes.append("the source's collation takes texts for equal that differ in case, accents or trailing blanks")
    pairs = [(a, b) for _, theirs, ours in differing for a, b in zip(theirs or (), ours or (), strict=False)]
    values = [(x, y) for a, b in pairs for x, y in zip(a, b, strict=True) if not _close(x, y)]
    if values and all(
        isinstance(x, float) and isinstance(y, float) and math.isclose(x, y, rel_tol=1e-5) for x, y in values
    ):
        causes.append("floats were added in another order")
    if any(x is None and isinstance(y, float) and not math.isfinite(y) for x, y in values):
        causes.append("a division by zero is null there, and infinite or no number in DuckDB")
    return tuple(causes)
