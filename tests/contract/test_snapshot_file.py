"""The file as DESIGN promises it to everybody: self-describing, immutable, whole."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from snapshot.catalog import FORMAT
from snapshot.errors import Damaged, FormatUnknown
from snapshot.reader import read_catalog
from snapshot.store import Generation, Store, verify

from ..projects import ROOT
from .sources import columns, rows

METRICS = sorted(path.stem for path in (ROOT / "metrics").glob("*.sql"))


@pytest.fixture(scope="module")
def current(published: Path) -> Generation:
    """The published generation of the bundled project."""
    return Store(published / "snapshots", keep=5).current()


def test_it_has_a_schema_for_metrics_for_roll_ups_for_the_catalogue_and_for_each_source(current: Generation) -> None:
    """And no other."""
    sql = "select distinct schema_name from duckdb_tables() order by 1"
    assert rows(current.path, sql) == [("main",), ("pacelayer",), ("rollup",), ("shop",)]


def test_main_has_one_table_for_each_metric_and_one_view_of_all_of_them(current: Generation) -> None:
    """An analyst who opens it sees what the dashboards show."""
    tables = rows(current.path, "select table_name from duckdb_tables() where schema_name = 'main' order by 1")
    assert [name for (name,) in tables] == METRICS
    views = rows(current.path, "select schema_name, view_name from duckdb_views() where not internal")
    assert views == [("main", "dashboard_metrics")]


def test_tables_and_columns_have_the_comments_of_the_sql(current: Generation) -> None:
    """Descriptions, and units in brackets."""
    table = "select comment from duckdb_tables() where schema_name = 'main' and table_name = 'revenue'"
    assert rows(current.path, table) == [("Orders and revenue by day, plan and region.",)]
    column = """select column_name, comment from duckdb_columns()
        where schema_name = 'main' and table_name = 'revenue' and column_name in ('day', 'revenue') order by 1"""
    described = [("day", "Day the order was placed"), ("revenue", "Gross revenue, EUR [EUR]")]
    assert rows(current.path, column) == described


def test_every_table_of_the_catalogue_says_what_it_holds(current: Generation) -> None:
    """And every metric, and the view of all."""
    silent = """select schema_name, table_name from duckdb_tables()
        where schema_name in ('main', 'pacelayer') and coalesce(comment, '') = ''
        union all select schema_name, view_name from duckdb_views() where not internal and coalesce(comment, '') = ''"""
    assert rows(current.path, silent) == []


def test_dashboard_metrics_has_every_metric_in_one_long_table(current: Generation) -> None:
    """Metric, period, dimensions, measure, value as exact text and as a number, and when it was computed."""
    assert columns(current.path, "dashboard_metrics") == {
        "metric": "VARCHAR",
        "period": "TIMESTAMP",
        "dimensions": "JSON",
        "measure": "VARCHAR",
        "value": "VARCHAR",
        "number": "DOUBLE",
        "computed_at": "TIMESTAMP WITH TIME ZONE",
    }
    assert [
        name for (name,) in rows(current.path, "select distinct metric from dashboard_metrics order by 1")
    ] == METRICS


def test_dashboard_metrics_has_a_row_for_each_measure_of_each_row(current: Generation) -> None:
    """As many as there are measures of that name in the metric's own table."""
    for metric in read_catalog(current.path).metrics:
        for measure in metric.measures:
            sql = f"""select (select count(*) from dashboard_metrics where metric = ? and measure = ?),
                (select count(*) from {metric.name})"""
            ((long, short),) = rows(current.path, sql, [metric.name, measure.name])
            assert long == short > 0


def test_the_values_of_dashboard_metrics_are_exact_and_their_dimensions_can_be_asked_for(current: Generation) -> None:
    """The text is the decimal, to the cent."""
    sql = """select sum(value::decimal(18, 2)), sum(number) from dashboard_metrics
        where metric = 'revenue' and measure = 'revenue' and dimensions->>'plan' = 'pro' and year(period) = 2026"""
    ((exact, near),) = rows(current.path, sql)
    ((own,),) = rows(current.path, "select sum(revenue) from revenue where plan = 'pro' and year(day) = 2026")
    assert exact == own > Decimal(0)
    assert near == pytest.approx(float(own))


def test_it_says_which_generation_of_what_it_is(current: Generation) -> None:
    """Number, name, project, the moments it is of."""
    sql = "select number, id, format, project, time_zone, pace, tool, as_of <= now(), stale_after > as_of from snapshot"
    found = rows(current.path, sql.replace("from snapshot", "from pacelayer.snapshot"))
    tool = f"pacelayer 0.1.0, duckdb {duckdb.__version__}"
    assert found == [(current.number, current.id, FORMAT, "Harbor", "UTC", 30, tool, True, True)]


def test_it_says_of_what_moment_its_sources_are_and_what_they_had(current: Generation) -> None:
    """The rows of all tables, counted."""
    tables = ("events", "orders", "products", "users")
    counted = " + ".join(f"(select count(*) from shop.{table})" for table in tables)
    assert rows(current.path, f"select name, tables, rows = {counted} from pacelayer.sources") == [("shop", 4, True)]
    assert rows(current.path, "select min(as_of) = (select as_of from pacelayer.snapshot) from pacelayer.sources") == [
        (True,)
    ]


def test_it_says_what_the_refresh_did_to_each_table_and_metric(current: Generation) -> None:
    """Full or not, how many rows, how long, and what was checked."""
    built = "select kind, count(*), bool_and(mode = 'full'), bool_and(rows > 0), bool_and(seconds >= 0) from"
    assert rows(current.path, f"{built} pacelayer.builds group by kind order by kind") == [
        ("metric", len(METRICS), True, True, True),
        ("table", 4, True, True, True),
    ]
    checked = "select rule from pacelayer.checks where subject = 'user_dashboard'"
    assert ('"user_id" is unique',) in rows(current.path, checked)


def test_each_column_of_each_metric_is_described_with_where_it_comes_from(current: Generation) -> None:
    """Role, roll-up, and lineage down to the source's columns."""
    sql = "select role, rollup, lineage, unit, nullable from pacelayer.columns where metric = 'revenue' and name = ?"
    assert rows(current.path, sql, ["day"]) == [("dimension", "", ["shop.orders.created_at"], "", False)]
    assert rows(current.path, sql, ["revenue"]) == [("measure", "additive", ["shop.orders.amount"], "EUR", True)]
    assert rows(current.path, sql, ["buyers"]) == [("measure", "holistic", ["shop.orders.user_id"], "", False)]


def test_every_stored_grouping_is_listed_and_has_the_rows_that_the_list_says(current: Generation) -> None:
    """What the API reads ready-made."""
    grains = rows(current.path, 'select "table", rows from pacelayer.grains')
    assert len(grains) > len(METRICS)
    for table, count in grains:
        assert rows(current.path, f"select count(*) from {table}") == [(count,)]


def test_nobody_may_write_it(current: Generation) -> None:
    """Neither the file nor its checksum, by their modes."""
    sidecar = current.path.with_name(f"{current.path.name}.sha256")
    assert stat.S_IMODE(current.path.stat().st_mode) == 0o444
    assert stat.S_IMODE(sidecar.stat().st_mode) == 0o444


def test_its_checksum_is_one_that_sha256sum_reads(current: Generation) -> None:
    """Whoever copies the file can verify the copy."""
    command = ["sha256sum", "--check", "--strict", f"{current.path.name}.sha256"]
    done = subprocess.run(command, cwd=current.path.parent, capture_output=True, text=True, check=True)
    assert done.stdout == f"{current.path.name}: OK\n"


def test_the_stable_name_is_a_link_to_it_that_may_be_moved_with_the_directory(current: Generation) -> None:
    """It names the file beside it, not a path."""
    assert os.readlink(current.path.parent / "current.duckdb") == current.path.name


def test_its_name_has_its_number_and_the_moment_when_it_was_built(current: Generation) -> None:
    """The number orders, the moment is for people."""
    built = datetime.strptime(current.id.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert current.id.endswith("-000001")
    assert abs((datetime.now(UTC) - built).total_seconds()) < 3600
    ((recorded,),) = rows(current.path, "select built_at from pacelayer.snapshot")
    assert recorded.replace(microsecond=0) == built


def test_nothing_lies_beside_it_but_what_belongs_to_it(current: Generation) -> None:
    """No write-ahead log, no staging."""
    names = {path.name for path in current.path.parent.iterdir()} - {"status.json", "lock", "flip.lock"}
    assert names == {"current.duckdb", current.path.name, f"{current.path.name}.sha256"}
    verify(current.path)


@pytest.mark.parametrize(
    ("change", "error"),
    [("update pacelayer.snapshot set format = 99", FormatUnknown), ("drop schema pacelayer cascade", Damaged)],
)
def test_a_file_of_another_format_or_of_none_is_refused(
    current: Generation, tmp_path: Path, change: str, error: type[Exception]
) -> None:
    """An older API does not guess what a newer file means."""
    copy = Path(shutil.copy(current.path, tmp_path / "copy.duckdb"))
    copy.chmod(0o644)
    connection = duckdb.connect(str(copy))
    connection.execute(f"drop view dashboard_metrics; {change}")
    connection.close()
    with pytest.raises(error):
        read_catalog(copy)


def test_a_file_of_wide_rows_is_read_back_like_any_other(tmp_path: Path) -> None:
    """A few hundred megabytes in a vector of texts are more than a file needs that is only looked through."""
    path = tmp_path / "wide.duckdb"
    connection = duckdb.connect(str(path), config={"memory_limit": "2GB"})
    connection.execute("create table papers as select repeat('x' || range, 50_000) as page from range(1_000)")
    connection.close()
    verify(path)
