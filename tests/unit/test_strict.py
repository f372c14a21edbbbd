"""A text is a value of a type, all of it, or none."""

from __future__ import annotations

import duckdb
import pytest

from snapshot.settings.kinds import canonical
from snapshot.source.strict import strict

NONE = (
    ("BOOLEAN", "yes"),
    ("BIGINT", "1.6"),
    ("BIGINT", "1_000"),
    ("DOUBLE", "1_000"),
    ("DOUBLE", "1e400"),
    ("DOUBLE", " 12 "),
    ("DOUBLE", "n/a"),
    ("FLOAT", "1e39"),
    ("DECIMAL(10,2)", "1.239"),
    ("DECIMAL(10,2)", "1_000.5"),
    ("DATE", "infinity"),
    ("DATE", "2026-01-01 00:00:00+05"),
    ("DATE", "2026-01-01 10:00:00"),
    ("TIME", "10:00:00+02"),
    ("TIME", "24:00:00"),
    ("TIMESTAMP", "2026-01-01 10:00:00 America/New_York"),
    ("TIMESTAMP", "2026-01-01 10:00:00 UTC"),
    ("TIMESTAMP", "2026-01-01 10:00:00+02:00:30"),
    ("TIMESTAMP", "2026-01-01 10:00:00Z"),
    ("TIMESTAMP", " 2026-01-01"),
    ("TIMESTAMP", "2026-01-01 10:00:00.1234567"),
    ("TIMESTAMPTZ", "0000-12-31 23:59:59+00"),
    ("TIMESTAMPTZ", "0001-01-01 00:30:00+01"),
    ("TIMESTAMPTZ", "9999-12-31 19:00:00-05"),
    ("TIMESTAMPTZ", "10000-01-01 00:00:00+00"),
    ("TIMESTAMPTZ", "02026-01-01 00:00:00+00"),
    ("TIMESTAMPTZ", "infinity"),
    ("INTEGER[]", '["1", "1.6"]'),
)
WHOLE = (
    ("BOOLEAN", "T", "true"),
    ("BIGINT", "+12", "12"),
    ("DOUBLE", "-1.5e3", "-1500.0"),
    ("DOUBLE", ".5", "0.5"),
    ("DOUBLE", "Infinity", "inf"),
    ("FLOAT", "nan", "nan"),
    ("DECIMAL(10,2)", "1.2300", "1.23"),
    ("DATE", "2026-1-2", "2026-01-02"),
    ("DATE", "2026-01-02 00:00:00", "2026-01-02"),
    ("TIME", "1:02", "01:02:00"),
    ("TIMESTAMP", "2026-01-02", "2026-01-02 00:00:00"),
    ("TIMESTAMP", "2026-01-02T03:04:05.120", "2026-01-02 03:04:05.12"),
    ("TIMESTAMPTZ", "0001-01-01 00:00+00", "0001-01-01 00:00:00+00"),
    ("TIMESTAMPTZ", "9999-12-31 18:59:59.999999-05", "9999-12-31 23:59:59.999999+00"),
    ("TIMESTAMPTZ", "10000-01-01 08:59:59+09", "9999-12-31 23:59:59+00"),
    ("INTEGER[]", '["1", null]', "[1, NULL]"),
)


def read(kind: str, text: str) -> str | None:
    """What the text is as a value of the type, in DuckDB's words."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        sql = f"select ({strict('text', kind)})::varchar from (select ?::varchar as text)"
        ((found,),) = connection.execute(sql, [text]).fetchall()
        return None if found is None else str(found)


@pytest.mark.parametrize(("kind", "text"), NONE)
def test_a_text_that_is_not_wholly_of_a_type_is_none_of_it(kind: str, text: str) -> None:
    """Where DuckDB's own cast would round, or drop what it has no place for."""
    assert read(kind, text) is None


@pytest.mark.parametrize(("kind", "text", "value"), WHOLE)
def test_a_text_that_is_of_a_type_is_its_value(kind: str, text: str, value: str) -> None:
    """In any of the ways in which it may be written."""
    assert read(kind, text) == value


@pytest.mark.parametrize(
    ("written", "kind"),
    {
        "INT8": "BIGINT",
        "bool": "BOOLEAN",
        "numeric(10,2)": "DECIMAL(10,2)",
        "timestamp with time zone": "TIMESTAMPTZ",
        "text[]": "VARCHAR[]",
        "no type": "no type",
    }.items(),
)
def test_a_type_goes_by_one_of_its_names(written: str, kind: str) -> None:
    """What is said of a type is said of all its names."""
    assert canonical(written) == kind


@pytest.mark.parametrize(
    "kind", ["TIMESTAMP_S", "STRUCT(a INTEGER)", "BIGNUM", "ENUM('a', 'b')", "MAP(INTEGER, INTEGER)"]
)
def test_a_type_of_which_no_value_is_exact_is_refused(kind: str) -> None:
    """Rather than cast to as DuckDB likes."""
    with pytest.raises(ValueError, match="no value can be told to be exactly of the type"):
        canonical(kind)
