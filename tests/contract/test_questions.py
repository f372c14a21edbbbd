"""Random projects, random questions: what the API answers over HTTP is what DuckDB computes from the exported rows.

`PACELAYER_TEST_PROJECTS` says how many projects; `make soak` asks fifty thousand questions.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import httpx
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st

from gql.app import create_app
from snapshot import build, connect
from snapshot.catalog import Metric
from snapshot.reader import read_catalog
from snapshot.settings import Settings
from snapshot.store import Store

from ..unit.tiny import Order, User, fill, make, publish_again
from .conditions import Dimension
from .metric_family import ORDERS, USERS, Asked, Family, families, questions
from .oracle import assert_same, oracle, shown
from .test_metrics import quiet

PROJECTS = int(os.environ.get("PACELAYER_TEST_PROJECTS", "20"))
METRICS, QUESTIONS = 4, 9
# New York puts its clock on within the months of the rows, so that one of its days has 23 hours.
ZONES = st.sampled_from(["UTC", "Asia/Kolkata", "America/New_York", "Europe/Berlin"])
Rows = Callable[[str], Sequence[tuple[Any, ...]]]
DIRECTIONS = ("ASC", "DESC", "ASC_NULLS_FIRST", "DESC_NULLS_FIRST")


@dataclass(frozen=True)
class Paged:
    """An order and a part of it."""

    order: Sequence[tuple[str, str]]
    first: int
    offset: int


@st.composite
def pages(draw: st.DrawFn, names: Sequence[str]) -> Paged:
    """Up to two keys, and a few rows."""
    keys = draw(st.lists(st.sampled_from(names), max_size=2, unique=True)) if names else []
    order = [(key, draw(st.sampled_from(DIRECTIONS))) for key in keys]
    return Paged(order, draw(st.integers(0, 4)), draw(st.integers(0, 3)))


@settings(quiet, max_examples=PROJECTS)
@given(st.data(), st.lists(families(), min_size=METRICS, max_size=METRICS), ORDERS, USERS, ZONES)
def test_every_answer_is_the_select_with_that_grouping_and_filter(
    data: st.DataObject, family: list[Family], orders: list[Order], users: list[User], zone: str
) -> None:
    """Rows, totals and counts, each question in one document; and a page of the rows in a random order."""
    with TemporaryDirectory() as folder:
        project = make(Path(folder), {f"m{number}": found.sql for number, found in enumerate(family)}, zone)
        fill(project, orders, users)
        with patch.object(build, "check_contract"):  # a process for each project, which has no contract
            publish_again(project)
        path = Store(project.directory, keep=1).current().path
        metrics = {metric.name: metric for metric in read_catalog(path).metrics}
        with opened(path, zone) as rows, serving_in_a_thread(project) as client:
            for number, found in enumerate(family):
                for _ in range(QUESTIONS):
                    asked = data.draw(questions(found))
                    paged = data.draw(
                        pages([d.name for d in grouped_by(found, asked)] + [m.name for m in asked.measures])
                    )
                    assert_answered(client, rows, metrics[f"m{number}"], found, asked, paged)


@contextmanager
def opened(path: Path, zone: str) -> Iterator[Rows]:
    """What runs a query of a copy of a snapshot: DuckDB opens a file once in a process, and the API does."""
    copy = Path(shutil.copy(path, path.with_name("oracle.duckdb")))
    with connect.read(copy, threads=1, memory="1GB") as connection:
        connect.lock_down(connection, time_zone=zone)
        yield lambda sql: connection.execute(sql).fetchall()


@contextmanager
def serving_in_a_thread(project: Settings) -> Iterator[httpx.Client]:
    """The API of a project on a port of its own."""
    server = uvicorn.Server(uvicorn.Config(create_app(project), port=0, log_level="error", lifespan="on"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.002)
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


def assert_answered(
    client: httpx.Client, rows: Rows, metric: Metric, family: Family, asked: Asked, paged: Paged
) -> None:
    """Rows, totals and counts are those of the oracle; a page is that part of the whole answer in its order."""
    by, names = grouped_by(family, asked), [measure.name for measure in asked.measures]
    measures, groups = " ".join(metric.column(name).field for name in names), fields(metric, by)
    order = f"orderBy: [{', '.join(f'{{{metric.column(name).field}: {way}}}' for name, way in paged.order)}]"
    parts = {
        "": f"totalCount nodes {{ __typename {groups} {measures} }} totals {{ __typename {measures} }}",
        order: f"nodes {{ __typename {groups} }}",
        f"{order} first: {paged.first} offset: {paged.offset}": f"nodes {{ __typename {groups} }}",
    }
    found, whole, page = answers(client, metric, asked, parts, variables(asked, by))
    expected = oracle(rows, family, by, asked.measures, asked.condition.sql, asked.having.sql)
    keys = tuples(metric, found["nodes"], [dimension.name for dimension in by])
    assert_same(dict(zip(keys, tuples(metric, found["nodes"], names), strict=True)), expected)
    assert found["totalCount"] == len(keys) == len(expected)
    (total,) = tuples(metric, [found["totals"]], names)
    assert_same({(): total}, oracle(rows, family, (), asked.measures, asked.condition.sql))
    assert page["nodes"] == whole["nodes"][paged.offset : paged.offset + paged.first]


def answers(
    client: httpx.Client, metric: Metric, asked: Asked, parts: Mapping[str, str], values: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The answers of one document that asks a metric once for each of these arguments; none may be refused."""
    kind = metric.field.capitalize()
    declared, given_ = f"$where: {kind}Where, $having: {kind}Having", "where: $where, having: $having"
    if asked.by is not None:
        declared, given_ = f"{declared}, $by: [{kind}By!]", f"{given_}, by: $by"
    asks = [
        f"a{number}: {metric.field}({given_} {more}) {{ {selection} }}"
        for number, (more, selection) in enumerate(parts.items())
    ]
    document = f"query({declared}) {{ {' '.join(asks)} }}"
    found = client.post("/graphql", json={"query": document, "variables": values}).json()
    assert "errors" not in found, (found, document, values)
    return list(found["data"].values())


def grouped_by(family: Family, asked: Asked) -> Sequence[Dimension]:
    """What a question groups by; what it does not say is the metric's own grouping."""
    return family.dimensions if asked.by is None else asked.by


def fields(metric: Metric, by: Sequence[Dimension]) -> str:
    """The dimensions of a selection."""
    return " ".join(metric.column(dimension.name).field for dimension in by)


def variables(asked: Asked, by: Sequence[Dimension]) -> dict[str, Any]:
    """Of a document below."""
    return {
        "where": shown(dict(asked.condition.where)),
        "having": dict(asked.having.where),
        "by": [dimension.name.upper() for dimension in by],
    }


def tuples(metric: Metric, rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[tuple[Any, ...]]:
    """These columns of the rows of an answer."""
    return [tuple(row[metric.column(name).field] for name in names) for row in rows]
