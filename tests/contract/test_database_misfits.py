"""Values and types of PostgreSQL and MariaDB that a snapshot cannot keep: each is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy

from snapshot.errors import SourceValueError
from snapshot.source import Source
from tests.servers import run

from .sources import exported_from
from .test_database_types import fill, source
from .typed import POSTGRES_TYPES

POSTGRES_MISFITS = {
    ("date", "'infinity'"): "infinity",
    ("date", "'0044-03-15 BC'"): "0044-03-15 (BC)",
    ("date", "'10000-01-01'"): "10000-01-01",
    ("date", "'-infinity'"): "-infinity",
    ("timestamp", "'infinity'"): "infinity",
    ("timestamp", "'-infinity'"): "-infinity",
    ("timestamptz", "'infinity'"): "infinity",
    ("timestamptz", "'-infinity'"): "-infinity",
    ("timestamptz", "'0044-03-15 12:00+00 BC'"): "0044-03-15 (BC) 12:00:00+00",
    ("time", "'24:00'"): "24:00:00",
    ("numeric(10,2)", "'NaN'"): "NaN",
    ("numeric(38,2)", "'NaN'"): "NaN",
    ("integer[]", "'{{1},{2}}'"): '[["1"],["2"]]',
    ("text[]", "array[array['a'], array['b']]"): '[["a"],["b"]]',
    ("date[]", "'{infinity}'"): '["infinity"]',
}


@pytest.mark.parametrize(("declared", "value"), POSTGRES_MISFITS)
def test_a_postgres_value_beyond_its_type_is_an_error_that_names_its_place(
    postgres: sqlalchemy.URL, tmp_path: Path, declared: str, value: str
) -> None:
    """Neither a null nor another value."""
    fill(postgres, declared, [value])
    assert_refused(source(postgres), POSTGRES_MISFITS[declared, value], tmp_path)


@pytest.mark.parametrize("value", ["294276-12-31 23:59:59", "4714-11-24 BC"])
@pytest.mark.parametrize("declared", ["timestamp", "timestamptz"])
def test_a_time_that_arrow_has_no_number_for_is_refused_at_its_place(
    postgres: sqlalchemy.URL, tmp_path: Path, declared: str, value: str
) -> None:
    """The greatest come as others."""
    fill(postgres, declared, [f"'{value}'"])
    with (
        pytest.raises(SourceValueError, match=r"shop.things.value: the value '.*\(BC\).*' at id = 0 does not fit"),
        exported_from(source(postgres), tmp_path),
    ):
        pytest.fail("it was exported")


# A type and a value of it -> how a message names it.
KEYS = {
    ("numeric(10,2)", "1.50"): "1.50",
    ("date", "infinity"): "infinity",
    ("timestamptz", "2026-01-02 03:04:05+00"): "2026-01-02 03:04:05+00",
    ("bytea", "\\x4142"): "\\x4142",
    ("text", "two\nlines"): "two\\nlines",
}


@pytest.mark.parametrize(("declared", "key"), KEYS)
def test_the_row_of_a_misfit_is_named_by_its_key_as_the_source_has_it(
    postgres: sqlalchemy.URL, tmp_path: Path, declared: str, key: str
) -> None:
    """So that it is found there."""
    run(postgres, f"create table things (value date, id {declared} primary key)")
    run(postgres, f"insert into things values ('infinity', '{key}')")
    with pytest.raises(SourceValueError) as raised, exported_from(source(postgres), tmp_path):
        pytest.fail("it was exported")
    assert f"'infinity' at id = {KEYS[declared, key]} does not fit DATE" in str(raised.value)


MYSQL_MISFITS = {
    ("date", "'0000-00-00'"): "0000-00-00",
    ("date", "'2024-00-00'"): "2024-00-00",
    ("datetime", "'0000-00-00'"): "0000-00-00 00:00:00",
    ("time", "'838:59:59'"): "838:59:59",
    ("time", "'-01:00:00'"): "-01:00:00",
    ("tinyint(1)", "2"): "2",
}


@pytest.mark.parametrize(("declared", "value"), MYSQL_MISFITS)
def test_a_mysql_value_beyond_its_type_is_an_error_that_names_its_place(
    mysql: sqlalchemy.URL, tmp_path: Path, declared: str, value: str
) -> None:
    """Neither a null nor another value."""
    run(mysql, "create table made (id int)", "set global sql_mode = @@sql_mode")
    fill_dirty(mysql, declared, value)
    assert_refused(source(mysql), MYSQL_MISFITS[declared, value], tmp_path)


def fill_dirty(url: sqlalchemy.URL, declared: str, value: str) -> None:
    """A value that only a server that is not strict takes."""
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("set session sql_mode = ''")
        connection.exec_driver_sql(f"create table things (id bigint primary key, value {declared})")
        connection.exec_driver_sql(f"insert into things values (0, {value})")


def assert_refused(found: Source, value: str, folder: Path) -> None:
    """The error names table, column, value and key."""
    with pytest.raises(SourceValueError) as raised, exported_from(found, folder):
        pytest.fail("it was exported")
    assert str(raised.value).startswith(f"shop.things.value: the value '{value}' at id = 0 does not fit ")


POSTGRES_UNKNOWN = (
    "numeric",
    "numeric(50,2)",
    "money",
    "inet",
    "tsvector",
    "int4range",
    "timetz",
    "hour",
    "xml",
    "point",
    "bytea[]",
)


@pytest.mark.parametrize("declared", POSTGRES_UNKNOWN)
def test_a_postgres_type_that_cannot_be_kept_is_marked_until_the_project_names_one(
    postgres: sqlalchemy.URL, tmp_path: Path, declared: str
) -> None:
    """It is never silently text; whoever wants it as text says so."""
    run(postgres, *POSTGRES_TYPES, f"create table things (id bigint primary key, value {declared})")
    assert source(postgres).shapes()["things"].columns["value"].type.startswith("? ")
    named = source(postgres, {"value": "VARCHAR"})
    with exported_from(named, tmp_path) as connection:
        assert connection.execute("select count(value) from shop.things").fetchall() == [(0,)]


@pytest.mark.parametrize("declared", ["decimal(65,30)", "point", "inet6"])
def test_a_mysql_type_that_cannot_be_kept_is_marked(mysql: sqlalchemy.URL, declared: str) -> None:
    """It is never silently text."""
    run(mysql, f"create table things (id bigint primary key, value {declared})")
    assert source(mysql).shapes()["things"].columns["value"].type.startswith("? ")


@pytest.mark.parametrize("kind", ["DECIMAL(10,2)", "BIGINT", "DATE"])
def test_a_type_of_the_toml_stands_above_the_declaration(postgres: sqlalchemy.URL, tmp_path: Path, kind: str) -> None:
    """And is as strict as any other."""
    fill(postgres, "text", ["'12.345'"])
    assert_refused(source(postgres, {"value": kind}), "12.345", tmp_path)


def test_a_postgres_text_is_no_bytes(postgres: sqlalchemy.URL, tmp_path: Path) -> None:
    """Whatever escapes there are in it."""
    fill(postgres, "text", [r"'a\x41'"])
    assert_refused(source(postgres, {"value": "BLOB"}), r"a\x41", tmp_path)


@pytest.mark.parametrize("value", ["n/a", "2,5", "9x", "yes", ""])
@pytest.mark.parametrize("kind", ["FLOAT", "BOOLEAN", "UBIGINT", "DOUBLE"])
def test_a_mysql_text_is_no_number_that_it_begins_with(
    mysql: sqlalchemy.URL, tmp_path: Path, kind: str, value: str
) -> None:
    """What the project calls a number has to be one, all of it."""
    run(
        mysql,
        "create table things (id bigint primary key, value varchar(9))",
        f"insert into things values (0, '{value}')",
    )
    assert_refused(source(mysql, {"value": kind}), value, tmp_path)
