"""What the API says of itself: `snapshot`, `status` and `metrics`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from .asking import data
from .conftest import Sql

MOMENT = "strftime(timezone('UTC', {}), '%Y-%m-%dT%H:%M:%S.%f') || '+00:00'"


def test_snapshot_tells_the_constants_of_the_generation(client: httpx.Client, sql: Sql) -> None:
    """As they stand in the file."""
    found = data(client, "{ snapshot { id number asOf builtAt staleAfter pace project timeZone } }")["snapshot"]

    moments = ", ".join(MOMENT.format(name) for name in ("as_of", "built_at", "stale_after"))
    expected = sql(f"select id, number, {moments}, pace, project, time_zone from pacelayer.snapshot")
    assert [tuple(found.values())] == expected
    assert found["id"].endswith("-000001")


def test_snapshot_tells_what_came_from_each_source(client: httpx.Client, sql: Sql) -> None:
    """How much, and as of when."""
    found = data(client, "{ snapshot { asOf sources { name asOf tables rows } } }")["snapshot"]

    rows = sum(sql(f"select count(*) from shop.{table}")[0][0] for table in ("users", "orders", "events", "products"))
    assert found["sources"] == [{"name": "shop", "asOf": found["asOf"], "tables": 4, "rows": rows}]


def test_a_result_tells_the_moment_of_its_data(client: httpx.Client) -> None:
    """The snapshot's, and that of the metric's computation, which here are one."""
    found = data(client, "{ snapshot { asOf } revenue { asOf computedAt } cohorts { asOf computedAt } }")

    moments = {"asOf": found["snapshot"]["asOf"], "computedAt": found["snapshot"]["asOf"]}
    assert found["revenue"] == found["cohorts"] == moments


def test_status_tells_how_old_the_data_is(client: httpx.Client) -> None:
    """It is stale once it is older than two paces."""
    found = data(client, "{ status { age freshness } snapshot { pace } }")

    assert found["status"]["age"] >= 0
    expected = "STALE" if found["status"]["age"] > 2 * found["snapshot"]["pace"] else "FRESH"
    assert found["status"]["freshness"] == expected


def test_status_tells_how_the_last_refresh_went(client: httpx.Client) -> None:
    """It succeeded."""
    query = "{ status { lastRun lastSuccess failures lastFailure { at code } } snapshot { builtAt } }"
    found = data(client, query)
    status = found["status"]

    assert (status["failures"], status["lastFailure"]) == (0, None)
    assert status["lastSuccess"] == status["lastRun"]
    assert datetime.fromisoformat(status["lastRun"]) <= datetime.fromisoformat(found["snapshot"]["builtAt"])


def test_status_tells_which_generations_are_kept(client: httpx.Client) -> None:
    """And which of them answers."""
    found = data(client, "{ status { generations { id number current } } snapshot { id number } }")

    assert found["status"]["generations"] == [{**found["snapshot"], "current": True}]


def test_metrics_tell_each_file_of_the_project(client: httpx.Client, published: Path) -> None:
    """With the SELECT as it is written."""
    found = data(client, "{ metrics { name field sql } }")["metrics"]

    files = {path.stem: path.read_text() for path in sorted((published / "metrics").glob("*.sql"))}
    assert {metric["name"]: metric["sql"] for metric in found} == files
    assert {metric["field"] for metric in found} >= {"revenue", "activeUsers", "topProducts"}


def metric(client: httpx.Client, name: str, selection: str) -> dict[str, Any]:
    """What the catalogue says of one metric."""
    metrics = data(client, f"{{ metrics {{ name {selection} }} }}")["metrics"]
    (found,) = [metric for metric in metrics if metric.pop("name") == name]
    return dict(found)


@pytest.mark.parametrize(
    ("name", "grouped", "time", "keys", "why"),
    [
        ("revenue", True, "day", [], "it groups by day, plan, region"),
        ("top_products", False, None, ["product_id"], "LIMIT decides which rows there are"),
        ("cohorts", False, None, [], "a window function looks across rows"),
        ("user_dashboard", False, None, ["user_id"], "it has no GROUP BY"),
    ],
)
def test_a_metric_tells_what_it_is_and_why(
    client: httpx.Client, name: str, grouped: bool, time: str | None, keys: list[str], why: str
) -> None:
    """Grouped or plain, its time, its key."""
    found = metric(client, name, "grouped time keys why")

    assert why in found.pop("why")
    assert found == {"grouped": grouped, "time": time, "keys": keys}


def test_a_metric_tells_its_pace_and_what_it_means(client: httpx.Client) -> None:
    """Its own pace, and the comment over its SELECT."""
    assert metric(client, "cohorts", "pace description") == {
        "pace": 3600,
        "description": "How many of those who signed up in a month still buy, month after month.",
    }


def test_a_column_tells_what_it_means_and_where_it_comes_from(client: httpx.Client) -> None:
    """Type, role, unit, how it rolls up, and the columns of the source that feed it."""
    columns = metric(client, "revenue", "columns { name field type nullable role description unit rollup lineage }")
    found = {column["name"]: column for column in columns["columns"]}

    assert list(found) == [
        "day", "week", "month", "quarter", "year", "plan", "region", "orders", "revenue", "average_order", "buyers",
        "revenue_per_buyer",
    ]  # fmt: skip
    assert found["revenue"] == {
        "name": "revenue", "field": "revenue", "type": "DECIMAL(38,2)", "nullable": True, "role": "measure",
        "description": "Gross revenue, EUR", "unit": "EUR", "rollup": "additive", "lineage": ["shop.orders.amount"],
    }  # fmt: skip
    assert {name: column["rollup"] for name, column in found.items() if column["role"] == "measure"} == {
        "orders": "additive", "revenue": "additive", "average_order": "decomposed", "buyers": "holistic",
        "revenue_per_buyer": "derived",
    }  # fmt: skip


def test_a_metric_tells_which_groupings_are_stored(client: httpx.Client, sql: Sql) -> None:
    """Its own one first."""
    grains = metric(client, "revenue", "grains { by rows }")["grains"]

    assert grains[0] == {"by": ["day", "plan", "region"], "rows": sql("select count(*) from revenue")[0][0]}
    assert {"by": [], "rows": 1} in grains
