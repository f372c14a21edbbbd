"""Values of MySQL under other types than the server's: what it says of them, whatever a client would make of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy

from snapshot.errors import SourceValueError
from tests.servers import run

from .changing import again, server_shop
from .sources import rows

T = "[sources.shop.tables.t]\n"


@pytest.mark.parametrize(
    ("kind", "values"),
    {
        "DOUBLE": [1234567.0, 16777215.0],
        "DECIMAL(18,3)": ["1234567.000", "16777215.000"],
        "BIGINT": [1234567, 16777215],
        "VARCHAR": ["1234567", "16777215"],
    }.items(),
)
def test_a_float_of_mysql_has_all_of_its_digits(
    mysql: sqlalchemy.URL, tmp_path: Path, kind: str, values: list[object]
) -> None:
    """Whatever the project calls it."""
    run(mysql, "create table t (k int primary key, v float)", "insert into t values (1, 1234567), (2, 16777215)")
    project = server_shop(tmp_path, mysql, "select k, v from shop.t", f'{T}types = {{ v = "{kind}" }}\n')
    found = rows(again(project)[0].path, "select v from one order by k")
    assert [value if isinstance(values[0], float | int) else str(value) for (value,) in found] == values


def test_a_float_of_mysql_is_the_decimal_that_was_meant(mysql: sqlalchemy.URL, tmp_path: Path) -> None:
    """Where it has one of so many digits; 0.1 as a text, too."""
    run(mysql, "create table t (k int primary key, v float, w float, x float)")
    run(mysql, "insert into t values (1, 0.1, 16777.217, 0.1)")
    types = '{ v = "DECIMAL(10,2)", w = "DECIMAL(10,3)", x = "VARCHAR" }'
    project = server_shop(
        tmp_path, mysql, "select v::varchar as v, w::varchar as w, x from shop.t", f"{T}types = {types}\n"
    )
    assert rows(again(project)[0].path, "from one") == [("0.10", "16777.217", "0.1")]


@pytest.mark.parametrize(
    ("declared", "value", "kind", "found"),
    [
        ("blob", "'abc'", "VARCHAR", "abc"),
        ("varchar(9)", "'abc'", "BLOB", b"abc"),
        ("bit(8)", "b'101'", "BLOB", b"\x05"),
        ("varbinary(9)", "'true'", "BOOLEAN", True),
        ("time(3)", "'-01:30:00.5'", "VARCHAR", "-01:30:00.500"),
        ("datetime(6)", "'2026-01-01'", "VARCHAR", "2026-01-01 00:00:00.000000"),
        ("bit(8)", "b'101'", "VARCHAR", "5"),
        ("bit(8)", "b'101'", "INTEGER", 5),
        ("enum('0', '1')", "'0'", "BOOLEAN", False),
    ],
)
def test_a_value_of_mysql_is_what_it_says_of_it(
    mysql: sqlalchemy.URL, tmp_path: Path, declared: str, value: str, kind: str, found: object
) -> None:
    """As a text, not as what a client makes of it."""
    run(mysql, f"create table t (k int primary key, v {declared})", f"insert into t values (1, {value})")
    project = server_shop(tmp_path, mysql, "select k, v from shop.t", f'{T}types = {{ v = "{kind}" }}\n')
    assert rows(again(project)[0].path, "select v from one") == [(found,)]


@pytest.mark.parametrize(
    ("declared", "value", "kind"),
    [
        ("varbinary(9)", "'abc'", "UBIGINT"),
        ("varbinary(9)", "'12x'", "FLOAT"),
        ("blob", "'1e3x'", "FLOAT"),
        ("blob", "x'41ff'", "VARCHAR"),
        ("datetime(6)", "'2026-01-01 00:00:00'", "FLOAT"),
        ("time(3)", "'-01:30:00.5'", "FLOAT"),
    ],
)
def test_what_is_no_number_of_mysql_is_refused(
    mysql: sqlalchemy.URL, tmp_path: Path, declared: str, value: str, kind: str
) -> None:
    """The server would make one of whatever it begins with."""
    run(mysql, f"create table t (k int primary key, v {declared})", f"insert into t values (1, {value})")
    with pytest.raises(SourceValueError, match=f"does not fit {kind}"):
        server_shop(tmp_path, mysql, "select k, v from shop.t", f'{T}types = {{ v = "{kind}" }}\n')


MOMENTS = {
    "2026-02-01 10:00:00-05": "2026-02-01 15:00:00",
    "2026-02-01T10:00:00Z": "2026-02-01 10:00:00",
    "2026-02-01 10:00:00.5+05:30": "2026-02-01 04:30:00.5",
    "2026-02-01 10:00": "2026-02-01 10:00:00",
}


def test_a_moment_of_mysql_that_is_a_text_has_the_offset_that_it_is_written_with(
    mysql: sqlalchemy.URL, tmp_path: Path
) -> None:
    """One that has none is of UTC, as a TIMESTAMP is."""
    values = ", ".join(f"({number}, '{text}')" for number, text in enumerate(MOMENTS))
    run(mysql, "create table t (k int primary key, v varchar(40))", f"insert into t values {values}")
    sql = "select k, (v at time zone 'UTC')::varchar as v from shop.t"
    project = server_shop(tmp_path, mysql, sql, f'{T}types = {{ v = "TIMESTAMPTZ" }}\n')
    assert [value for (value,) in rows(again(project)[0].path, "select v from one order by k")] == [*MOMENTS.values()]


def test_a_change_of_mysql_that_is_written_with_an_offset_is_found(mysql: sqlalchemy.URL, tmp_path: Path) -> None:
    """A text that is less may be later."""
    run(mysql, "create table t (k int primary key, v int, ch varchar(40))")
    run(mysql, "insert into t values (1, 1, '2026-02-01 10:00:00Z'), (2, 2, '2026-01-01 10:00:00Z')")
    project = server_shop(
        tmp_path, mysql, "select k, v from shop.t", f'{T}changed = "ch"\ntypes = {{ ch = "TIMESTAMPTZ" }}\n'
    )
    run(mysql, "update t set v = 9, ch = '2026-02-01 06:00:00-09' where k = 2")
    assert rows(again(project)[0].path, "from one order by k") == [(1, 1), (2, 9)]
