"""What of a SQLite file is exported: the tables and columns that are used, and where private ones go."""

from __future__ import annotations

import stat
import weakref
from pathlib import Path

import nanoarrow
import pytest

from snapshot.errors import SourceValueError
from snapshot.export import rows as exported_rows
from snapshot.source import batches

from .sources import VAULT, VAULT_METRICS, columns, exported, make_project, publish, rows


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two tables of which 2,000 is the sum, and a metric of each."""
    return make_project(tmp_path / "project", VAULT, VAULT_METRICS)


def test_only_the_columns_that_are_used_are_exported_and_the_key(project: Path) -> None:
    """What no metric reads stays where it is."""
    path = publish(project).path
    assert columns(path, "shop.accounts") == {"id": "BIGINT", "owner": "VARCHAR", "amount": "BIGINT"}
    assert columns(path, "shop.vault") == {"id": "BIGINT", "amount": "BIGINT"}
    assert b"swordfish" not in path.read_bytes()
    assert b"Ada" in path.read_bytes()


def test_only_the_tables_that_are_used_are_exported(tmp_path: Path) -> None:
    """The other is not even mentioned."""
    project = make_project(tmp_path / "project", VAULT, {"stored": VAULT_METRICS["stored"]})
    sql = "select table_name from duckdb_tables() where schema_name = 'shop'"
    assert rows(publish(project).path, sql) == [("vault",)]


def test_a_table_of_which_only_the_rows_are_counted_is_exported(tmp_path: Path) -> None:
    """`count(*)` reads no column, and needs the table."""
    project = make_project(tmp_path / "project", VAULT, {"counted": "select count(*) as accounts from shop.accounts"})
    assert rows(publish(project).path, "from counted") == [(2,)]


def test_columns_that_the_toml_names_are_exported_and_those_it_excludes_are_not(tmp_path: Path) -> None:
    """For analysts, who may ask for more than the metrics do, and for less."""
    settings = '[sources.shop.tables.vault]\ncolumns = ["note"]\nexclude = ["id"]\n'
    project = make_project(tmp_path / "project", VAULT, VAULT_METRICS, settings)
    assert columns(publish(project).path, "shop.vault") == {"amount": "BIGINT", "note": "VARCHAR"}


def test_a_private_table_is_in_a_file_of_its_own_that_only_its_owner_may_read(tmp_path: Path) -> None:
    """Metrics may use it; in the snapshot there is neither the table nor a byte of its values."""
    settings = '[sources.shop.tables.accounts]\nprivate = true\ncolumns = ["secret"]\n'
    metrics = {"accounts": "select count(distinct secret) as secrets, sum(amount) as amount from shop.accounts"}
    project = make_project(tmp_path / "project", VAULT, metrics | {"stored": VAULT_METRICS["stored"]}, settings)
    generation = publish(project)
    private = generation.path.parent / "state" / "000001.duckdb"
    assert rows(generation.path, "from accounts") == [(2, 1000)]
    assert rows(generation.path, "select table_name from duckdb_tables() where schema_name = 'shop'") == [("vault",)]
    assert rows(generation.path, "select view_name from duckdb_views() where schema_name = 'shop'") == []
    assert rows(private, "select id, secret from shop.accounts") == [(1, "swordfish"), (2, "open sesame")]
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE(private.parent.stat().st_mode) == 0o700
    for secret in (b"swordfish", b"open sesame"):
        assert secret in private.read_bytes()
        assert secret not in generation.path.read_bytes()


def test_a_view_is_a_source_like_a_table(tmp_path: Path) -> None:
    """It has no key and no row number, and all its columns may be null."""
    script = f"{VAULT}; create view rich as select owner, amount from accounts where amount > 500"
    metric = "select owner, sum(amount) as amount from shop.rich group by all"
    project = make_project(tmp_path / "project", script, {"rich_owners": metric})
    assert rows(publish(project).path, "from rich_owners") == [("Ada", 600)]


def test_a_value_of_a_view_that_does_not_fit_is_an_error_that_names_its_column(tmp_path: Path) -> None:
    """There is no key that could be named."""
    script = f"{VAULT}; create view rich as select owner, amount from accounts; update accounts set amount = 'much'"
    metric = "select owner, sum(amount) as amount from shop.rich group by all"
    project = make_project(tmp_path / "project", script, {"rich_owners": metric})
    with pytest.raises(SourceValueError, match=r"^shop\.rich\.amount: the text 'much' .*does not fit BIGINT"):
        publish(project)


def test_odd_names_are_names(tmp_path: Path) -> None:
    """Words of SQL, spaces, quotes, letters that are not English."""
    table = '"order ""by"""'
    script = f"""
        create table {table} ("group" integer primary key, "na me" text, "größe" integer);
        insert into {table} values (1, 'x', 3)"""
    metric = f'select "na me" as name, sum("größe") as total, max("group") as last from shop.{table} group by all'
    project = make_project(tmp_path / "project", script, {"odd": metric})
    assert rows(publish(project).path, "from odd") == [("x", 3, 1)]


def test_a_view_that_cannot_be_read_stands_in_nobody_s_way(tmp_path: Path) -> None:
    """It is not among the tables, and the others are."""
    script = f"{VAULT}; create view broken as select * from nowhere; create table odd (price decimal(5, 10))"
    project = make_project(tmp_path / "project", script, VAULT_METRICS)
    assert rows(publish(project).path, "from stored") == [(1000,)]


def test_a_batch_is_let_go_once_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory of an export does not grow with the table, though all of it is one transaction."""
    monkeypatch.setattr(batches, "BYTES", 1)
    seen: list[weakref.ref[object]] = []
    left: list[int] = []

    def weigh(batch: nanoarrow.Array) -> int:
        seen.append(weakref.ref(batch))
        left.append(sum(known() is not None for known in seen))
        return batches.bytes_of(batch)

    monkeypatch.setattr(exported_rows, "bytes_of", weigh)
    with exported(tmp_path, "create table things (value integer)", range(5_000)) as connection:
        assert connection.execute("select count(*) from shop.things").fetchall() == [(5_000,)]
    assert len(seen) > 10
    # The one at work, seen twice, and the one before it, to which the loop still has a name.
    assert max(left) <= 4
