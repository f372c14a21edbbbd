"""Where a database's answer differs from the snapshot's, the report says what is known to make it so."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy

from prove.report import Report
from prove.run import prove_metric
from snapshot import settings as project_settings
from snapshot.events import nobody
from tests.servers import run, written

from .sources import check, set_url

PLANS = (
    "create table plans (id bigint primary key, plan varchar(20) not null, since timestamp not null)",
    "insert into plans values (1, 'Pro', '2026-01-01'), (2, 'pro', '2026-01-02'), (3, 'free', '2026-01-03')",
)


def proved(url: sqlalchemy.URL, project: Path, sql: str, head: str = "") -> Report:
    """One metric over three users' plans, asked live once."""
    run(url, *PLANS)
    set_url(project, written(url))
    toml = project / "pacelayer.toml"
    toml.write_text(head + toml.read_text())
    (project / "metrics").mkdir()
    (project / "metrics" / "asked.sql").write_text(sql)
    check(project)
    return prove_metric(project_settings.load(project), "asked", 1, 1000, nobody)


def test_a_collation_that_folds_texts_is_named(mysql: sqlalchemy.URL, tmp_path: Path) -> None:
    """Even where no group of the answer shows it."""
    found = proved(mysql, tmp_path, "select count(distinct plan) as plans from shop.plans").comparison
    assert found is not None
    assert (found.equal, [cause.split(" by ")[0] for cause in found.causes]) == (False, ["'plans.plan' compares"])


def test_an_exact_collation_gives_the_same_answer(postgres: sqlalchemy.URL, tmp_path: Path) -> None:
    """And so no cause is looked for."""
    found = proved(postgres, tmp_path, "select count(distinct plan) as plans from shop.plans").comparison
    assert found is not None
    assert (found.equal, found.causes) == (True, ())


def test_a_tie_at_the_limit_is_named(mysql: sqlalchemy.URL, tmp_path: Path) -> None:
    """Which of the two spellings comes first is the database's own affair."""
    sql = "select plan, count(*) as n from shop.plans group by plan order by n desc, plan limit 1"
    found = proved(mysql, tmp_path, sql).comparison
    assert found is not None
    assert found.causes[-1] == "rows that tie at the LIMIT may be others"


def test_a_moment_of_mysql_is_not_asked_in_another_zone(mysql: sqlalchemy.URL, tmp_path: Path) -> None:
    """A server's sessions are UTC; days of Vienna would be cut elsewhere."""
    sql = "select date_trunc('day', since) as day, count(*) as n from shop.plans group by day"
    report = proved(mysql, tmp_path, sql, 'time_zone = "Europe/Vienna"\n')
    assert report.live is None
    assert report.refused == "'since' is a moment, and is asked in UTC, not in Europe/Vienna"
