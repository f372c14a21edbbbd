"""Whether two answers are equal, for rows of any driver's types; and what is said where they are not."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from prove.compare import Comparison, compare
from prove.endpoint import compare_json
from snapshot.catalog import Column


def column(name: str, kind: str, *, grouped: bool = False) -> Column:
    """A column of a grouped metric."""
    return Column(name, name, kind, True, "dimension" if grouped else "measure")


PLAN, SOLD = column("plan", "VARCHAR", grouped=True), column("sold", "BIGINT")
RATE = column("rate", "DOUBLE")

# One value as two drivers have it, by its type.
ALIKE: dict[str, tuple[Any, Any]] = {
    "BIGINT": (Decimal(7), 7),
    "DECIMAL(10,2)": (0.1 + 0.2, Decimal("0.30")),
    "DOUBLE": (0.1 + 0.2, 0.3),
    "DATE": ("2026-11-24", date(2026, 11, 24)),
    "TIMESTAMP": ("2026-11-24 10:00:00", datetime(2026, 11, 24, 10)),  # noqa: DTZ001
    "TIMESTAMPTZ": (datetime(2026, 11, 24, 10, tzinfo=UTC), datetime.fromisoformat("2026-11-24T11:00:00+01:00")),
    "BOOLEAN": (1, True),
    "VARCHAR": (None, None),
}


@pytest.mark.parametrize("kind", ALIKE)
def test_a_value_is_the_same_whatever_a_driver_makes_of_it(kind: str) -> None:
    """SQLite hands out a text for a date, MariaDB a decimal for a sum."""
    theirs, ours = ALIKE[kind]
    found = compare([PLAN, column("value", kind)], [("pro", theirs)], [("pro", theirs)], [("pro", ours)])
    assert (found.equal, found.verdict) == (True, "all 1 rows equal")


def told(theirs: list[tuple[Any, ...]], ours: list[tuple[Any, ...]], *columns: Column) -> Comparison:
    """Two answers of sources that stand still."""
    return compare(columns or (PLAN, SOLD), theirs, theirs, ours)


def test_rows_are_found_by_what_they_are_grouped_by() -> None:
    """In whatever order they come, nulls among them."""
    assert told([("pro", 1), (None, 2)], [(None, 2), ("pro", 1)]).equal


def test_a_division_by_zero_is_named_as_the_cause() -> None:
    """MariaDB makes a null of it, DuckDB an infinity."""
    found = told([("pro", None)], [("pro", float("inf"))], PLAN, RATE)
    assert [cause.split(" is")[0] for cause in found.causes] == ["a division by zero"]


def test_a_row_that_differs_is_said() -> None:
    """With both of its values."""
    found = told([("pro", 1), ("free", 2)], [("pro", 1), ("free", 3)])
    assert (found.verdict, found.differing) == ("1 of 2 rows differ", ("free: live 2, snapshot 3",))


def test_a_row_that_one_of_them_lacks_is_said() -> None:
    """From either side."""
    assert told([("pro", 1)], []).differing == ("pro: live 1, snapshot nothing",)
    assert told([], [("pro", 1)]).differing == ("pro: live nothing, snapshot 1",)


def test_rows_that_moved_meanwhile_are_no_difference() -> None:
    """The source was written to while it was asked."""
    found = compare([PLAN, SOLD], [("pro", 1), ("free", 5)], [("pro", 3), ("free", 5)], [("pro", 2), ("free", 5)])
    assert found.equal
    assert found.verdict == "equal where the source stood still; 1 of 2 rows moved and were not compared"


def test_a_collation_that_takes_texts_for_equal_is_named() -> None:
    """MariaDB groups 'Pro' with 'pro'."""
    (cause,) = told([("Pro", 3)], [("Pro", 1), ("pro", 2)]).causes
    assert "collation" in cause


def test_floats_that_were_added_in_another_order_are_named() -> None:
    """Beyond what is taken for equal."""
    (cause,) = told([("pro", 1.0)], [("pro", 1.000001)], PLAN, RATE).causes
    assert "order" in cause


def test_a_difference_without_a_known_cause_has_none() -> None:
    """Nothing is guessed."""
    assert told([("pro", 1)], [("pro", 2)]).causes == ()


THEIRS = {"rows": [{"day": "2026-01-01", "total": Decimal("12.3")}, {"day": "2026-01-02", "total": 4}]}
OURS = {"revenue": {"nodes": [{"day": "2026-01-01", "revenue": "12.30"}, {"day": "2026-01-02", "revenue": "5.00"}]}}


def test_two_json_answers_are_compared_by_their_paths() -> None:
    """Each item of a list with its fellow; a decimal is a number, however it is written."""
    found = compare_json(THEIRS, OURS, {"rows[].day": "revenue.nodes[].day", "rows[].total": "revenue.nodes[].revenue"})
    assert found.rows == 4
    assert found.differing == ("rows[].total (1): 4, revenue.nodes[].revenue: 5.00",)


def test_a_path_that_leads_nowhere_differs() -> None:
    """Else a mistyped mapping would prove everything."""
    assert not compare_json(THEIRS, OURS, {"rows[].total": "revenue.nodes[].revenu"}).equal
    assert not compare_json({}, {}, {"rows": "revenue"}).equal
