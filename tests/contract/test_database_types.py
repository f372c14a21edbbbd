"""Every column type of PostgreSQL and MariaDB: kept exactly, or refused with its column's name."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from gql.local import ask_locally
from snapshot import settings as project_settings
from snapshot.events import nobody
from snapshot.settings import SourceSettings, TableSettings
from snapshot.source import ColumnShape, Source, open_source
from snapshot.source.cursor import CursorSource
from tests.servers import run, written

from .sources import check, exported_from, publish
from .typed import MYSQL_KEPT, POSTGRES_KEPT, POSTGRES_TYPES, Kept


def source(url: sqlalchemy.URL, types: dict[str, str] | None = None) -> Source:
    """The database as a project names it."""
    tables = {"things": TableSettings(types=types or {})}
    return open_source(SourceSettings("shop", written(url), tables=tables), Path())


def fill(url: sqlalchemy.URL, declared: str, values: Sequence[str]) -> None:
    """A table `things` whose column `value` holds these, each written in SQL, with a NULL after each."""
    run(url, f"create table things (id bigint primary key, value {declared})")
    rows = [value for written_value in values for value in (written_value, "null")]
    run(url, *(f"insert into things values ({n}, {value})" for n, value in enumerate(rows)))


def assert_kept(found: Source, kept: Kept, folder: Path) -> None:
    """The column has its type, and each value is what was written."""
    assert found.shapes()["things"].columns["value"] == ColumnShape(kept.kind, nullable=True)
    with exported_from(found, folder) as connection:
        values = [value for (value,) in connection.execute("select value from shop.things order by id").fetchall()]
    assert values == [value for wanted in kept.values.values() for value in (wanted, None)]
    assert list(map(str, values[::2])) == list(map(str, kept.values.values()))


@pytest.mark.parametrize("declared", POSTGRES_KEPT)
def test_postgres_values_are_kept_exactly(postgres: sqlalchemy.URL, tmp_path: Path, declared: str) -> None:
    """The extremes of each type, and nulls between them."""
    run(postgres, *POSTGRES_TYPES)
    fill(postgres, declared, list(POSTGRES_KEPT[declared].values))
    assert_kept(source(postgres), POSTGRES_KEPT[declared], tmp_path)


@pytest.mark.parametrize("declared", MYSQL_KEPT)
def test_mysql_values_are_kept_exactly(mysql: sqlalchemy.URL, tmp_path: Path, declared: str) -> None:
    """The extremes of each type, and nulls between them."""
    fill(mysql, declared, list(MYSQL_KEPT[declared].values))
    assert_kept(source(mysql), MYSQL_KEPT[declared], tmp_path)


# How some kinds of value are in JSON, where it is not the value itself.
JSON: dict[str, Callable[[Any], Any]] = {
    "DECIMAL": lambda value: f"{value:f}",
    "DATE": lambda value: value.isoformat(),
    "TIMESTAMP": lambda value: value.isoformat(),
    "TIMESTAMPTZ": lambda value: value.isoformat(),
    "TIME": lambda value: value.isoformat(),
    "UUID": str,
    "BLOB": lambda value: base64.b64encode(value).decode(),
    "FLOAT": lambda value: value if math.isfinite(value) else None,
    "DOUBLE": lambda value: value if math.isfinite(value) else None,
    "JSON": json.loads,
}
# No scalar stands for these; the advice is to cast them.
NOT_SERVED = ("INTERVAL", "BIT")


def as_json(kind: str, value: Any) -> Any:
    """A value as the API promises it."""
    if kind.endswith("[]"):
        return [None if item is None else as_json(kind.removesuffix("[]"), item) for item in value]
    return JSON.get(kind.partition("(")[0], lambda same: same)(value)


def assert_served(url: sqlalchemy.URL, types: dict[str, Kept], folder: Path) -> None:
    """One table with a column of each type, one metric of it, through to the API's JSON.

    BIGINT values that no JSON number holds are refused before publication, so those are left out here.
    """
    served = {name: kept for name, kept in types.items() if kept.kind not in NOT_SERVED}
    names = {f"c{n}": declared for n, declared in enumerate(served)}
    run(url, f"create table things (id bigint primary key, {', '.join(f'{n} {d}' for n, d in names.items())})")
    wanted: dict[int, dict[str, Any]] = {}
    for name, declared in names.items():
        for row, (text, value) in enumerate(served[declared].values.items()):
            if isinstance(value, int) and abs(value) > 2**53:
                continue
            if row not in wanted:
                wanted[row] = {"id": row, **dict.fromkeys(names)}
                run(url, f"insert into things (id) values ({row})")
            run(url, f"update things set {name} = {text} where id = {row}")
            wanted[row][name] = as_json(served[declared].kind, value)
    (folder / "metrics").mkdir()
    (folder / "pacelayer.toml").write_text(f'[sources.shop]\nurl = "{written(url)}"\n')
    (folder / "metrics" / "things.sql").write_text("from shop.things order by id")
    check(folder)
    publish(folder)
    settings = project_settings.load(folder)
    answer = ask_locally(settings, f"{{ things {{ nodes {{ id {' '.join(names)} }} }} }}", nobody)
    assert answer.document == {"data": {"things": {"nodes": list(wanted.values())}}}


def test_postgres_types_come_through_to_json(postgres: sqlalchemy.URL, tmp_path: Path) -> None:
    """Every one that a scalar stands for, in one row each."""
    run(postgres, *POSTGRES_TYPES)
    assert_served(postgres, POSTGRES_KEPT, tmp_path)


def test_mysql_types_come_through_to_json(mysql: sqlalchemy.URL, tmp_path: Path) -> None:
    """Every one that a scalar stands for, in one row each."""
    assert_served(mysql, MYSQL_KEPT, tmp_path)


# Types that the way of any other dialect, which asks no type of the server's own, keeps as well.
COMMON = (
    "bigint",
    "numeric(38,2)",
    "double precision",
    "text",
    "boolean",
    "bytea",
    "date",
    "timestamp",
    "time",
    "uuid",
)


@pytest.mark.parametrize("declared", COMMON)
def test_the_way_of_any_other_dialect_keeps_values_exactly(
    postgres: sqlalchemy.URL, tmp_path: Path, declared: str
) -> None:
    """PostgreSQL, read as if nothing were known of it."""
    fill(postgres, declared, list(POSTGRES_KEPT[declared].values))
    assert_kept(CursorSource(SourceSettings("shop", ""), postgres), POSTGRES_KEPT[declared], tmp_path)


def test_postgres_texts_that_the_project_calls_intervals_are_kept(postgres: sqlalchemy.URL, tmp_path: Path) -> None:
    """In any form that the server reads."""
    fill(postgres, "text", ["'1 mon 2 days 03:04:05'", "'P1M2DT3H4M5S'"])
    with exported_from(source(postgres, {"value": "INTERVAL"}), tmp_path) as connection:
        found = connection.execute("select distinct value::varchar from shop.things where value is not null").fetchall()
    assert found == [("1 month 2 days 03:04:05",)]


def test_postgres_bytes_that_the_project_calls_so_are_kept(postgres: sqlalchemy.URL, tmp_path: Path) -> None:
    """As they are without it; a text that the server would not write of bytes is refused."""
    fill(postgres, "bytea", [r"'\xdeadbeef'", "''"])
    kept = Kept("BLOB", {"": b"\xde\xad\xbe\xef", "'": b""})
    assert_kept(source(postgres, {"value": "BLOB"}), kept, tmp_path)
