"""`pacelayer prove`: the decision to adopt this, from numbers of one's own."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from tests import servers
from tests.projects import pacelayer

RUNS = ("--runs", "2", "--target", "10s")
QUERY = (
    'query ($plan: String!) { revenue(by: [MONTH], where: {plan: {in: [$plan, "team"]}, region: {ne: "nowhere"}}, '
    "first: 100) { nodes { month orders revenue } } }"
)


def proved(project: Path, *arguments: str, code: int = 0) -> dict[str, Any]:
    """The report as data."""
    done = pacelayer(project, "prove", *arguments, *RUNS, "--json", check=False)
    assert done.returncode == code, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_metric_is_asked_live_of_a_snapshot_and_through_the_api(published: Path) -> None:
    """And the answers are equal."""
    found = proved(published, "revenue")
    assert list(found["ways_ms"]) == ["live", "from the snapshot", "API, missed", "API, hit"]
    assert all(0 < way["p50"] <= way["p95"] for way in found["ways_ms"].values())
    assert found["equal"] is True
    assert found["compared"].startswith("all ")
    assert set(found["layers_ms"]) == {"connect", "database"}
    assert "under 10000 ms" in found["verdict"]


def test_nothing_of_the_project_is_changed(published: Path) -> None:
    """The prototype is made somewhere else."""
    before = sorted(path.name for path in (published / "snapshots").iterdir())
    proved(published, "top_products")
    assert sorted(path.name for path in (published / "snapshots").iterdir()) == before


def test_a_metric_that_cannot_be_asked_live_says_why_and_is_measured_otherwise(published: Path) -> None:
    """SQLite has no median."""
    found = proved(published, "order_size")
    assert "MEDIAN" in found["cannot_run_live"]
    assert found["verdict"].startswith("cannot run live: ")
    assert list(found["ways_ms"]) == ["from the snapshot", "API, missed", "API, hit"]
    assert found["equal"] is None


def test_a_document_is_asked_of_the_source_as_its_select_with_that_grouping_and_filter(
    published: Path, tmp_path: Path
) -> None:
    """With its variables."""
    (tmp_path / "months.graphql").write_text(QUERY)
    found = proved(published, str(tmp_path / "months.graphql"), "--variables", '{"plan": "pro"}')
    assert found["equal"] is True
    assert found["compared"] == "all 17 rows equal"


def test_a_select_of_a_database_is_proved_without_any_project(
    postgres: sqlalchemy.URL, harbor_source: Path, tmp_path: Path
) -> None:
    """The experiment of five minutes; nothing is left behind."""
    servers.copy_harbor(harbor_source, postgres)
    (tmp_path / "slow.sql").write_text(
        "select date_trunc('month', created_at)::date as month, region, count(*) as orders, sum(amount) as revenue,\n"
        "  avg(amount)::float8, avg(amount), max(created_at) as previous, 'NaN'::numeric as \"Total Amount\",\n"
        "  null as x\n"
        "from orders group by 1, 2;"
    )
    found = proved(tmp_path, "--source", servers.written(postgres), "--sql", str(tmp_path / "slow.sql"))
    assert found["equal"] is True
    assert set(found["layers_ms"]) == {"connect", "plan", "database", "transfer", "fetch"}
    assert [path.name for path in tmp_path.iterdir()] == ["slow.sql"]


@pytest.fixture
def endpoint() -> Iterator[str]:
    """An endpoint of somebody's own that gives a month's orders of a plan."""

    class Old(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/api/revenue?plan=pro" else 404)
            self.end_headers()
            self.wfile.write(b'{"plan": "pro", "months": [{"month": "1999-01-01"}]}')

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Old)
    threading.Thread(target=server.serve_forever).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_endpoint_of_today_is_measured_and_compared_by_a_mapping(
    published: Path, tmp_path: Path, endpoint: str
) -> None:
    """Its answer is another one, which is said, and is the exit code."""
    (tmp_path / "months.graphql").write_text(QUERY)
    (tmp_path / "map.json").write_text('{"months[].month": "revenue.nodes[].month"}')
    asked = (str(tmp_path / "months.graphql"), "--variables", '{"plan": "pro"}', "--url")
    found = proved(published, *asked, f"{endpoint}/api/revenue?plan=pro", "--map", str(tmp_path / "map.json"), code=1)
    assert set(found["layers_ms"]) == {"connect", "endpoint", "fetch"}
    assert found["equal"] is False
    assert any("1999-01-01" in line for line in found["differing"])
    gone = pacelayer(published, "prove", *asked, f"{endpoint}/gone", "--runs", "1", check=False)
    assert (gone.returncode, gone.stderr) == (10, "the endpoint answers 404\n")


def test_an_api_that_is_not_in_time_is_the_exit_code(published: Path) -> None:
    """Whatever the answers are."""
    done = pacelayer(published, "prove", "signups", "--runs", "2", "--target", "0.001ms", check=False)
    assert done.returncode == 1
    assert "not under 0.001 ms" in done.stdout


def test_the_table_is_markdown_where_it_is_wanted(published: Path) -> None:
    """For a page or a pull request."""
    said = pacelayer(published, "prove", "signups", *RUNS, "--markdown").stdout
    assert said.startswith("| way | median ms | 95th percentile ms | times faster |\n| --- |")


WRONG = {
    ("nothing",): "there is no metric 'nothing'",
    ("--source", "sqlite:///nowhere.sqlite", "--sql", "pacelayer.toml"): "the database or its driver refuses it",
    (): "name a metric, a document, or --source and --sql",
    ("nowhere.graphql",): "nowhere.graphql: cannot be read: No such file",
    ("--source", "sqlite:///harbor.sqlite", "--sql", "nowhere.sql"): "nowhere.sql: cannot be read: No such file",
    ("revenue", "--runs", "0"): "at least one",
    ("revenue", "--target", "nan"): "a target is a time like 50ms",
    ("revenue", "--url", "http://127.0.0.1:1/"): "--url and --map go with a document",
    ("asked.graphql",): "the document: 'first' must not be negative",
    ("asked.graphql", "--variables", "[1]"): "--variables must be a JSON object",
    ("asked.graphql", "--url", "http://127.0.0.1:1/", "--map", "list.json"): "--map must be a JSON object of texts",
    ("--source", "sqlite:///harbor.sqlite", "--sql", "two.sql"): "two.sql: the file must hold one SELECT",
    ("--source", "mysql://root@127.0.0.1/x?odd=1", "--sql", "one.sql"): "unexpected keyword argument 'odd'",
}


ASKED = {
    "asked.graphql": "{ revenue(first: -1) { nodes { day } } }",
    "list.json": '["a"]',
    "one.sql": "select 1",
    "two.sql": "select 1; commit; drop table orders",
}


@pytest.mark.parametrize("arguments", WRONG)
def test_a_question_that_is_none_is_refused(published: Path, arguments: tuple[str, ...]) -> None:
    """With the way out."""
    for name, text in ASKED.items():
        (published / name).write_text(text)
    paths = [str(published / word) if word in ASKED else word for word in arguments]
    done = pacelayer(published, "prove", *paths, check=False)
    assert done.returncode == 2
    assert WRONG[arguments] in done.stderr
