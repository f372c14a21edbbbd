"""A metric asked of its source in the source's own words gives what DuckDB gives, or says why it cannot be asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy

from prove.compare import compare
from prove.live import ask_live
from prove.translate import CannotRunLive, live_sql, question_of
from snapshot import settings as project_settings
from snapshot.catalog import Column
from snapshot.definition import read_project
from snapshot.settings import SourceSettings
from snapshot.source import Database, open_source, read_lock
from snapshot.store import Store
from tests import servers
from tests.projects import ROOT

from .sources import rows

DATABASES = ("sqlite", "postgresql", "mysql")
METRICS = {d.metric.name: d for d in read_project(project_settings.load(ROOT), read_lock(ROOT)).definitions}
# What a metric cannot be asked for in another database, and why.
REFUSED = {("order_size", "sqlite"): "MEDIAN", ("order_size", "mysql"): "MEDIAN", ("order_size", "postgresql"): "cuts"}


@pytest.fixture(scope="module")
def databases(
    harbor_source: Path, postgres_server: sqlalchemy.URL, mysql_server: sqlalchemy.URL
) -> Iterator[dict[str, Database]]:
    """The same Harbor in each."""
    with servers.new_database(postgres_server) as postgres, servers.new_database(mysql_server) as mysql:
        for url in (postgres, mysql):
            servers.copy_harbor(harbor_source, url)
        urls = (f"sqlite:///{harbor_source}", servers.written(postgres), servers.written(mysql))
        opened = (open_source(SourceSettings("shop", url), Path("/")) for url in urls)
        yield dict(zip(DATABASES, opened, strict=True))


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("name", METRICS)
def test_a_demo_metric_live_is_the_snapshots(
    databases: dict[str, Database], published: Path, name: str, database: str
) -> None:
    """Every row and column of it."""
    question = question_of(METRICS[name])
    if reason := REFUSED.get((name, database)):
        with pytest.raises(CannotRunLive, match=reason):
            live_sql(question, database, {"shop": ""})
        return
    _, answers = ask_live(databases[database].engine(), live_sql(question, database, {"shop": ""}), 1)
    columns = METRICS[name].metric.stored
    ours = rows(Store(published / "snapshots", 5).current().path, f"from main.{name}")
    found = compare(columns, answers.first, answers.last, ours)
    assert found.differing == ()
    assert found.rows == len(ours) > 0


# One expression each, over the orders: DuckDB's words, its type, and where it can be asked.
EVERYWHERE = DATABASES
EXPRESSIONS = {
    "count(*) filter (where o.refunded_at is null)": ("BIGINT", EVERYWHERE),
    "count(distinct o.user_id) filter (where o.amount > 20)": ("BIGINT", EVERYWHERE),
    "sum(o.amount) filter (where o.region = 'EU') / count(*)": ("DOUBLE", EVERYWHERE),
    "count_if(o.amount between 10 and 20)": ("BIGINT", EVERYWHERE),
    "avg(o.amount)": ("DOUBLE", EVERYWHERE),
    "count(*) / 7": ("DOUBLE", EVERYWHERE),
    "sum(case when o.region in ('EU', 'US') then o.amount else 0 end)": ("DECIMAL(38,2)", EVERYWHERE),
    "coalesce(max(o.refunded_at), max(o.created_at))": ("TIMESTAMP", EVERYWHERE),
    "min(date_trunc('day', o.created_at)::date)": ("DATE", EVERYWHERE),
    "min(date_trunc('week', o.created_at)::date)": ("DATE", EVERYWHERE),
    "max(date_trunc('month', o.created_at)::date)": ("DATE", EVERYWHERE),
    "max(date_trunc('year', o.created_at)::date)": ("DATE", EVERYWHERE),
    "sum(date_diff('month', o.created_at, timestamp '2027-01-31 00:00:00'))": ("BIGINT", ("postgresql", "mysql")),
    "count(*) filter (where o.created_at > max_at - interval 1 month)": ("BIGINT", ()),
    "count(*) filter (where o.created_at < date '2026-05-01')": ("BIGINT", ("postgresql", "mysql")),
    "max(extract(second from o.created_at))": ("BIGINT", ()),
    "count(*) filter (where o.region like 'E_')": ("BIGINT", ()),
    "sum(o.amount) / nullif(count(o.refunded_at), 0)": ("DOUBLE", EVERYWHERE),
    "median(o.amount::double)": ("DOUBLE", ("postgresql",)),
    "quantile_cont(o.amount::double, 0.9)": ("DOUBLE", ("postgresql",)),
    "quantile_cont(o.amount, 0.9)": ("DOUBLE", ()),
    "bool_or(o.amount > 100)": ("BOOLEAN", ("postgresql",)),
    "round(sum(o.amount) / 7, 2)": ("DOUBLE", ()),
    "string_agg(o.region, ',')": ("VARCHAR", ()),
    "mode(o.region)": ("VARCHAR", ()),
    "max(strftime(o.created_at, '%Y'))": ("VARCHAR", ()),
    "max(date_trunc('quarter', o.created_at)::date)": ("DATE", ()),
    "max(cast(o.amount as integer))": ("INTEGER", ()),
}


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_means_the_same_or_is_refused(
    databases: dict[str, Database], published: Path, expression: str, database: str
) -> None:
    """By region, which has a few values and nulls."""
    kind, asked_in = EXPRESSIONS[expression]
    sql = f"select o.region as region, {expression} as value from shop.orders o group by all"
    if database not in asked_in:
        with pytest.raises(CannotRunLive):
            ask_live(databases[database].engine(), live_sql(sql, database, {"shop": ""}), 1)
        return
    _, answers = ask_live(databases[database].engine(), live_sql(sql, database, {"shop": ""}), 1)
    columns = (
        Column("region", "region", "VARCHAR", True, "dimension"),
        Column("value", "value", kind, True, "measure"),
    )
    ours = rows(Store(published / "snapshots", 5).current().path, sql)
    assert compare(columns, answers.first, answers.last, ours).differing == ()


def test_a_question_of_two_databases_cannot_be_asked_live() -> None:
    """One of them does not have the other's tables."""
    with pytest.raises(CannotRunLive, match="'crm'"):
        live_sql("select count(*) as n from shop.orders o join crm.users u on u.id = o.user_id", "sqlite", {"shop": ""})


def test_a_schema_is_named_where_the_source_has_one() -> None:
    """As the database knows the table."""
    assert live_sql("select id from shop.orders", "postgresql", {"shop": "sales"}) == "SELECT id FROM sales.orders"


def test_a_dialect_that_is_not_known_is_said() -> None:
    """Nothing is guessed."""
    with pytest.raises(CannotRunLive, match="oracle"):
        live_sql("select id from shop.orders", "oracle", {"shop": ""})
