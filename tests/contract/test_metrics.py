"""Whatever is asked of a metric, the answer is what its SELECT gives over the base tables for that question."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gql.page import plan_count, plan_rows
from gql.question import Question
from snapshot.aggregate import aggregate
from snapshot.catalog import Metric
from snapshot.events import nobody
from snapshot.project import load

from ..unit.tiny import Order, User, fill, make
from .metric_family import ORDERS, USERS, Asked, Family, families, questions
from .oracle import Groups, assert_same, oracle, shown
from .sources import staged_from

# So many questions are asked of each metric.
QUESTIONS = 4
SHOPS = st.tuples(ORDERS, USERS)
# Every run tries the same examples. None is made smaller: each step of that would take a second.
quiet = settings(
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
MOMENT = datetime(2026, 3, 10, tzinfo=UTC)


@settings(quiet, max_examples=40)
@given(st.data(), families(), SHOPS)
def test_every_way_to_an_answer_gives_the_same(
    data: st.DataObject, family: Family, shop: tuple[list[Order], list[User]]
) -> None:
    """Read where it was computed ahead, merged from the metric's own grouping, or computed anew."""
    with staged(family, *shop) as (connection, metric):
        own = tuple(grain for grain in metric.grains if set(grain.by) == set(metric.own_grain))
        for _ in range(QUESTIONS):
            asked = data.draw(questions(family))
            by = family.dimensions if asked.by is None else asked.by
            expected = oracle(rows_of(connection), family, by, asked.measures, asked.condition.sql)
            for grains in (metric.grains, own, ()):
                assert_planned(connection, replace(metric, grains=grains), asked, expected)


@contextmanager
def staged(
    family: Family, orders: Sequence[Order], users: Sequence[User]
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Metric]]:
    """A metric built but not published, which is quicker, and the database that it was built in."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        made = make(root, {"m": family.sql})
        fill(made, orders, users)
        project, sources = load(made)
        with staged_from(sources, root, project.exports) as (files, changes):
            built = aggregate(files, project.definitions, {"m"}, changes, MOMENT, 1, nobody, 1_000_000)
            yield files.connection, built.metrics[0]


def rows_of(connection: duckdb.DuckDBPyConnection) -> Any:
    """The function that gives the rows of a query."""
    return lambda sql, parameters=(): connection.execute(sql, parameters).fetchall()


def assert_planned(connection: duckdb.DuckDBPyConnection, metric: Metric, asked: Asked, expected: Groups) -> None:
    """The rows and their count by the way that the stored groupings of this metric leave."""
    by = metric.own_grain if asked.by is None else [dimension.name for dimension in asked.by]
    measures = [measure.name for measure in asked.measures]
    question = Question(
        metric, tuple(map(metric.column, by)), tuple(map(metric.column, measures)), asked.condition.where
    )
    plan, count, rows = plan_rows(question, limit=1_000), plan_count(question), rows_of(connection)
    found = [tuple(map(shown, row)) for row in rows(plan.sql, plan.parameters)]
    assert metric.grains or plan.way == "base tables"
    assert_same({row[: len(by)]: row[len(by) : len(by) + len(measures)] for row in found}, expected)
    assert rows(count.sql, count.parameters) == [(len(found),)] == [(len(expected),)]
