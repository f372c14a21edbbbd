"""Views of PostgreSQL and MariaDB: read as whoever asks them would, or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy

from snapshot.errors import SourceUnavailable
from snapshot.settings import SourceSettings
from snapshot.source import open_source
from tests.servers import run, written

from .sources import SERVER_VAULT, exported_from, publish, rows


def test_a_view_is_of_the_project_s_zone(postgres: sqlalchemy.URL, project_over: Callable[..., Path]) -> None:
    """As it is for whoever asks it with that zone set."""
    run(postgres, "create table seen (id bigint primary key, at timestamptz)")
    run(
        postgres,
        "insert into seen values (1, '2026-01-01 23:30+00')",
        "create view days as select at::date d from seen",
    )
    project = project_over(postgres, days="select d from shop.days")
    toml = project / "pacelayer.toml"
    toml.write_text('time_zone = "Europe/Vienna"\n' + toml.read_text())
    assert rows(publish(project).path, "select d::varchar from days") == [("2026-01-02",)]


VIEWS = {
    "with its own name": "with sums as (select amount from vault) select amount from sums",
    "of another schema": "select amount from {other}.vault",
    "of a function": "select amount from vault, json_table('[1]', '$[*]' columns (n int path '$')) j",
}


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_of_mysql_is_read_whatever_it_reads(
    mysql: sqlalchemy.URL, project_over: Callable[..., Path], view: str
) -> None:
    """The tables below it are looked at where they are; a name of its own WITH is none."""
    other = f"{mysql.database}_other"
    run(mysql, *SERVER_VAULT, f"create database {other}", f"create table {other}.vault as select * from vault")
    try:
        run(mysql, f"create view sums as {VIEWS[view].format(other=other)}")
        project = project_over(mysql, held="select sum(amount)::bigint as amount from shop.sums")
        assert rows(publish(project).path, "from held") == [(1000,)]
    finally:
        run(mysql, f"drop database {other}")


def test_a_view_of_a_table_without_transactions_is_refused(mysql: sqlalchemy.URL, tmp_path: Path) -> None:
    """Through another view as well."""
    run(mysql, "create table old (id bigint primary key) engine = MyISAM", "create view middle as select id from old")
    run(mysql, "create view things as select id from middle")
    found = open_source(SourceSettings("shop", written(mysql)), Path())
    shapes = {"shop": {"things": found.shapes()["things"]}}
    with (
        pytest.raises(SourceUnavailable, match=r"'shop\.old' is of the engine MyISAM"),
        exported_from(found, tmp_path, shapes),
    ):
        pytest.fail("it was exported")
