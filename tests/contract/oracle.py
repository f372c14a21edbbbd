"""What DuckDB computes of a question from the base tables, and how an answer is compared with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from .conditions import Dimension
from .metric_family import Family, Measure

# How far a float may be off, of the sum of magnitudes that it was added up from.
TOLERANCE = 1e-12
# By group, each measure and the magnitude of its error.
Groups = Mapping[tuple[object, ...], Sequence[tuple[object, object]]]


def oracle(
    rows: Callable[[str], Sequence[tuple[Any, ...]]],
    family: Family,
    by: Sequence[Dimension],
    measures: Sequence[Measure],
    condition: str,
    having: str = "true",
) -> Groups:
    """The answer by the metric's own clauses with this grouping and conditions; `rows` runs a query."""
    groups = [dimension.sql for dimension in by]
    values = [sql for measure in measures for sql in (measure.computed, measure.magnitude)]
    # The count makes one row of a question that groups by nothing and measures nothing.
    selected = ", ".join([*groups, *values, "count(*)"])
    own = f"({family.where})" if family.where else "true"
    grouped = f"group by {', '.join(str(n) for n in range(1, len(by) + 1))}" if by else ""
    sql = (
        f"{family.with_} select {selected} from {family.tables} where {own} and ({condition}) {grouped} having {having}"
    )
    return {
        tuple(map(shown, row[: len(by)])): [(row[n], row[n + 1]) for n in range(len(by), len(row) - 1, 2)]
        for row in rows(sql)
    }


def assert_same(found: Mapping[tuple[object, ...], Sequence[object]], expected: Groups) -> None:
    """The same groups, and in each the same measures."""
    assert found.keys() == expected.keys()
    for group, values in expected.items():
        wrong = [(f, e) for f, (e, magnitude) in zip(found[group], values, strict=True) if not _same(f, e, magnitude)]
        assert not wrong, (group, wrong)


def shown(value: Any) -> Any:
    """A value as JSON has it; decimals stay what they are."""
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shown(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.isoformat() if isinstance(value, date | datetime) else value


def _same(found: Any, expected: Any, magnitude: Any) -> bool:
    """Whether an answer is right: exactly, or for floats as nearly as adding them up in another order allows."""
    expected = shown(expected)
    if found is None or expected is None:
        return found is expected
    if isinstance(expected, list):
        return len(found) == len(expected) and all(_same(f, e, magnitude) for f, e in zip(found, expected, strict=True))
    if isinstance(expected, Decimal):
        return Decimal(found) == expected
    if isinstance(expected, float):
        return bool(abs(found - expected) <= TOLERANCE * max(abs(expected), magnitude or 0.0))
    return bool(found == expected)
