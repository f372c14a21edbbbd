"""Values from SQLite, where any column holds any value: exactly what was stored, or an error that names its place."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from snapshot.errors import SourceValueError

from .sources import exported

# What a column is declared as, and a value that does not fit it, as SQL.
LOOSE = {
    "text in an integer": ("integer not null", "'twelve'"),
    "a real in an integer": ("integer", "1.5"),
    "bytes in an integer": ("integer", "x'01'"),
    "bytes in a text": ("text", "x'41'"),
    "text that is not UTF-8": ("text", "cast(x'41ff' as text)"),
    "text in bytes": ("blob", "'text'"),
    "text in a real": ("real", "'much'"),
    "a day that does not exist": ("date", "'2026-02-30'"),
    "words in a date": ("date", "'yesterday'"),
    "a number in a date": ("date", "20260203"),
    "a time in a date": ("date", "'2026-02-03 10:00:00'"),
    "an empty text in a date": ("date", "''"),
    "an hour that does not exist": ("datetime", "'2026-02-03 25:00:00'"),
    "an offset in a timestamp": ("datetime", "'2026-02-03 10:00:00+02:00'"),
    "Greenwich in a timestamp": ("datetime", "'2026-02-03T10:00:00Z'"),
    "a nanosecond in a timestamp": ("datetime", "'2026-02-03 10:00:00.123456789'"),
    "seconds since 1970 in a timestamp": ("datetime", "1770112800"),
    "a nanosecond in a time": ("time", "'10:00:00.123456789'"),
    "a third decimal": ("decimal(10, 2)", "1.234"),
    "more digits than declared": ("decimal(10, 2)", "123456789.5"),
    "words in a decimal": ("decimal(10, 2)", "'a lot'"),
    "bytes in a decimal": ("decimal(10, 2)", "x'01'"),
    "a real that has lost its cents": ("decimal(18, 2)", "1234567890123456.78"),
    "neither true nor false": ("boolean", "2"),
    "the word for true": ("boolean", "'true'"),
    "half of a document": ("json", "'{\"half\":'"),
}


VALUES = "select value from shop.things order by id"


@pytest.mark.parametrize("what", LOOSE)
def test_a_value_that_does_not_fit_is_an_error_that_names_table_column_and_key(tmp_path: Path, what: str) -> None:
    """Never a null, never another value."""
    declared, value = LOOSE[what]
    script = f"create table things (id integer primary key, value {declared}); insert into things values (7, {value})"
    with (
        pytest.raises(SourceValueError, match=r"^shop\.things\.value: .* at id = 7 does not fit"),
        exported(tmp_path, script) as connection,
    ):
        pytest.fail(f"it became {connection.execute(VALUES).fetchall()}")


KEYS = {
    "(code text primary key, lane integer, value integer)": "code = A7",
    "(code text, lane integer, value integer)": "rowid = 1",
    "(code text, lane integer, value integer, primary key (code, lane))": "code, lane = A7, 3",
    "(code text, lane integer, value integer, primary key (code, lane)) without rowid": "code, lane = A7, 3",
}


@pytest.mark.parametrize("definition", KEYS)
def test_the_key_in_an_error_is_that_of_the_table(tmp_path: Path, definition: str) -> None:
    """Its primary key, whole, or SQLite's own number of the row."""
    script = f"create table things {definition}; insert into things values ('A7', 3, 'twelve')"
    with (
        pytest.raises(SourceValueError, match=f"'twelve' at {KEYS[definition]} does not fit BIGINT"),
        exported(tmp_path, script),
    ):
        pytest.fail("it was exported")


@pytest.mark.parametrize("declared", ["integer", "date"])
def test_a_long_value_is_cut_short_in_the_error(tmp_path: Path, declared: str) -> None:
    """A megabyte of text in a number or a date is not said whole."""
    script = f"create table things (id integer primary key, value {declared})"
    with pytest.raises(SourceValueError) as raised, exported(tmp_path, script, ["x" * 1_000_000]):
        pytest.fail("it was exported")
    assert len(str(raised.value)) < 300


# What a column is declared as, and values that it keeps.
EXACT: dict[str, list[Any]] = {
    "integer": [2**63 - 1, -(2**63), 0, 2**53 + 1],
    "bigint": [2**63 - 1, -(2**63)],
    "real": [0.1, 1e308, 5e-324, -2.5, 3.0],
    "text": ["", "Zürich", "日本語", "👩‍🚀", "a'b\"c\\d", "line\nbreak", " space ", "NULL", "x\x00y"],
    "varchar(10)": ["longer than ten letters", "007"],
    "blob": [b"", b"\x00\xff", b"text"],
    "boolean": [True, False],
}


@pytest.mark.parametrize("declared", EXACT)
def test_values_are_kept_exactly(tmp_path: Path, declared: str) -> None:
    """The extremes of each type, and nulls between them."""
    values = [value for wanted in EXACT[declared] for value in (wanted, None)]
    with exported(tmp_path, f"create table things (id integer primary key, value {declared})", values) as connection:
        kept = [value for (value,) in connection.execute(VALUES).fetchall()]
    assert kept == values
    assert [type(value) for value in kept] == [type(value) for value in values]


# The same for what SQLite has no type for, and stores as text or numbers.
WRITTEN: dict[str, dict[str, Any]] = {
    "decimal(10, 2)": {
        "99999999.99": Decimal("99999999.99"),
        "-99999999.99": Decimal("-99999999.99"),
        "0.1": Decimal("0.10"),
        "0.07": Decimal("0.07"),
        "1e3": Decimal("1000.00"),
        "12": Decimal("12.00"),
    },
    "decimal(15, 2)": {"9999999999999.99": Decimal("9999999999999.99")},
    "date": {"0001-01-01": date.min, "9999-12-31": date.max, "2024-02-29": date(2024, 2, 29)},
    "datetime": {
        "1969-12-31 23:59:59": datetime(1969, 12, 31, 23, 59, 59),  # noqa: DTZ001  as the source: without a zone
        "2026-11-24T15:00:00.123456": datetime(2026, 11, 24, 15, 0, 0, 123456),  # noqa: DTZ001
        "2026-11-24": datetime(2026, 11, 24),  # noqa: DTZ001
    },
    "time": {"00:00:00": time.min, "23:59:59.999999": time.max},
    "json": {'{"a": [1, null]}': '{"a": [1, null]}', "null": "null"},
}


@pytest.mark.parametrize("declared", WRITTEN)
def test_decimals_dates_and_times_are_kept_exactly(tmp_path: Path, declared: str) -> None:
    """They are what was written."""
    script = f"create table things (id integer primary key, value {declared})"
    with exported(tmp_path, script, list(WRITTEN[declared])) as connection:
        kept = [value for (value,) in connection.execute(VALUES).fetchall()]
    assert kept == list(WRITTEN[declared].values())
    assert [str(value) for value in kept] == [str(value) for value in WRITTEN[declared].values()]


def test_a_column_that_is_null_for_long_has_its_declared_type_all_the_same(tmp_path: Path) -> None:
    """Types come from the declaration, not from the first rows that are seen."""
    kinds = ("integer", "real", "text", "date", "decimal(10, 2)", "blob")
    script = f"""
        create table things (id integer primary key, {", ".join(f"c{n} {kind}" for n, kind in enumerate(kinds))});
        with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000)
        insert into things (id) select i from n;
        insert into things values (2001, 5, 0.5, 'late', '2026-01-02', 3.25, x'00')"""
    with exported(tmp_path, script) as connection:
        last = connection.execute("select * exclude (id) from shop.things where id = 2001").fetchall()
        ((before,),) = connection.execute("select count(*) from shop.things where c5 is null").fetchall()
    assert last == [(5, 0.5, "late", date(2026, 1, 2), Decimal("3.25"), b"\x00")]
    assert before == 2000


@pytest.mark.parametrize("count", [0, 1, 2048, 2049, 70_000])
def test_every_row_arrives_once(tmp_path: Path, count: int) -> None:
    """No row, one, and as many as do not fit in one batch."""
    script = f"""
        create table things (id integer primary key, value text);
        with recursive n(i) as (select 1 union all select i + 1 from n where i < {count})
        insert into things select i, 'v' || i from n where i <= {count}"""
    sql = "select count(*), count(distinct id), count(*) filter (value = 'v' || id) from shop.things"
    with exported(tmp_path, script) as connection:
        assert connection.execute(sql).fetchall() == [(count, count, count)]


MANY_DIGITS = "1234567890123456789012345678.0123456789"
TYPED: dict[str, tuple[str, str, Any]] = {
    "UUID": ("text", "6f1c5e0a-9f39-4d6e-8c3a-0b6a4a1f2e3d", UUID("6f1c5e0a-9f39-4d6e-8c3a-0b6a4a1f2e3d")),
    "DECIMAL(18,4)": ("numeric", "12.5", Decimal("12.5000")),
    "DECIMAL(38,10)": ("text", MANY_DIGITS, Decimal(MANY_DIGITS)),
    "DATE": ("text", "2026-11-24", date(2026, 11, 24)),
    "BOOLEAN": ("integer", "1", True),
}


@pytest.mark.parametrize("kind", TYPED)
def test_a_type_of_the_toml_stands_above_the_declaration(tmp_path: Path, kind: str) -> None:
    """Text that is a UUID or a date or has forty digits, a number that is money or a truth."""
    declared, written, value = TYPED[kind]
    script = f"create table things (id integer primary key, value {declared})"
    with exported(tmp_path, script, [written, None], {"value": kind}) as connection:
        assert connection.execute(VALUES).fetchall() == [(value,), (None,)]
        assert connection.execute("select typeof(value) from shop.things limit 1").fetchall() == [(kind,)]


@pytest.mark.parametrize(
    ("kind", "written"),
    [("UUID", "no uuid"), ("DATE", "2026-11-31"), ("BOOLEAN", "yes"), ("DECIMAL(38,2)", "1234567890123456789.126")],
)
def test_a_value_that_does_not_fit_a_type_of_the_toml_is_an_error_as_well(
    tmp_path: Path, kind: str, written: str
) -> None:
    """The toml promises more than the source keeps."""
    script = "create table things (id integer primary key, value text)"
    message = rf"^shop\.things\.value: the .*'{written}' at id = 1 does not fit {re.escape(kind)}"
    with pytest.raises(SourceValueError, match=message), exported(tmp_path, script, [written], {"value": kind}):
        pytest.fail("it was exported")


@pytest.mark.parametrize("kind", ["HUGEINT", "UHUGEINT"])
def test_a_whole_number_may_be_called_a_wider_one(tmp_path: Path, kind: str) -> None:
    """Than SQLite has any."""
    script = "create table things (id integer primary key, value integer)"
    with exported(tmp_path, script, [2**63 - 1, None], types={"value": kind}) as connection:
        assert connection.execute(VALUES).fetchall() == [(2**63 - 1,), (None,)]
