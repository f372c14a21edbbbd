"""`query`: the current snapshot, asked by hand in GraphQL or SQL."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from tests.projects import ROOT

from .shops import COUNTED, ORDERS, add_order, make_project, publish
from .test_command_line import run


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of one order, published. Not to be changed."""
    project = make_project(tmp_path_factory.mktemp("asked") / "shop", ORDERS, COUNTED)
    add_order(project)
    publish(project)
    return project


@pytest.mark.parametrize(
    "text", ["{ latest { nodes { orders } } }", "# how many?\nquery q { latest { nodes { orders } } }"]
)
def test_graphql_as_json_is_answered_as_by_the_api(shop: Path, text: str) -> None:
    """The whole answer."""
    done = run(shop, "query", text, "--json")

    assert done.code == 0
    assert json.loads(done.out) == {"data": {"latest": {"nodes": [{"orders": 1}]}}}


def test_graphql_of_one_metric_is_answered_as_csv(shop: Path) -> None:
    """Its rows."""
    done = run(shop, "query", "{ sales { nodes { day orders revenue } } }", "--csv")

    assert (done.code, done.out.split()) == (0, ["day,orders,revenue", "2026-01-01,1,1.10"])


def test_graphql_of_several_metrics_is_answered_as_json(shop: Path) -> None:
    """There is no one table of it."""
    done = run(shop, "query", "{ snapshot { number } sales { totalCount } }")

    assert done.code == 0
    assert json.loads(done.out) == {"data": {"snapshot": {"number": 1}, "sales": {"totalCount": 1}}}


def test_graphql_that_is_refused_is_1(shop: Path) -> None:
    """With the errors as JSON."""
    done = run(shop, "query", "{ nope }")

    assert done.code == 1
    assert json.loads(done.out)["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


def test_sql_is_answered_as_a_table(shop: Path) -> None:
    """For eyes."""
    done = run(shop, "query", "select day, orders from sales")

    assert done.code == 0
    assert "2026-01-01" in done.out
    assert "orders" in done.out


SQL = "select day, orders, revenue, null as nothing, 'a, \"b\"' as text, [1, 2] as list from sales"


def test_sql_is_answered_as_json(shop: Path) -> None:
    """Numbers as numbers, decimals and days as texts, null as null."""
    done = run(shop, "query", SQL, "--json")

    row = {"day": "2026-01-01", "orders": 1, "revenue": "1.10", "nothing": None, "text": 'a, "b"', "list": [1, 2]}
    assert json.loads(done.out) == [row]


def test_sql_is_answered_as_csv(shop: Path) -> None:
    """Quoted where needed."""
    done = run(shop, "query", SQL, "--csv")

    assert list(csv.reader(StringIO(done.out))) == [
        ["day", "orders", "revenue", "nothing", "text", "list"],
        ["2026-01-01", "1", "1.10", "", 'a, "b"', "[1, 2]"],
    ]


@pytest.mark.parametrize("value", ["[red]free[/red]", "[/]", "[bold]", ":smile:"])
def test_a_text_in_a_table_is_shown_as_it_is(shop: Path, value: str) -> None:
    """Brackets of the data are no markup of the terminal."""
    done = run(shop, "query", f"select '{value}' as \"[x] name\"")

    assert done.code == 0
    assert value in done.out
    assert "[x] name" in done.out


def test_a_question_can_come_from_standard_input(shop: Path) -> None:
    """A file, or another program's words."""
    command = [sys.executable, "-m", "pacelayer", "--project", str(shop), "query", "-", "--csv"]
    done = subprocess.run(
        command,
        input="select orders\nfrom latest;\n",
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=60,
    )

    assert (done.returncode, done.stdout.split()) == (0, ["orders", "1"]), done.stderr


@pytest.mark.parametrize(
    "sql",
    [
        "selct 1", "from nowhere", "", " ", ";", "select 1; select 2", "from sales; drop table sales",
        "drop table sales", "insert into latest values (1, 1)", "copy sales to 'stolen.csv'", "load httpfs",
        "from read_csv('/etc/passwd')", "attach 'other.duckdb'", "set memory_limit = '100GB'",
        "call pragma_version(); select 1",
    ],
)  # fmt: skip
def test_sql_that_is_wrong_or_more_than_one_question_is_41_and_changes_nothing(shop: Path, sql: str) -> None:
    """A snapshot can be read, one question at a time, and nothing else."""
    done = run(shop, "query", sql)

    assert (done.code, done.out) == (41, "")
    assert done.err
    assert run(shop, "query", "select orders from latest", "--csv").out.split() == ["orders", "1"]


def test_a_reader_that_stops_reading_ends_the_command_without_a_complaint(shop: Path) -> None:
    """As `| head` does."""
    command = [sys.executable, "-m", "pacelayer", "--project", str(shop), "query", "from range(100000)", "--csv"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.readline()
        running.stdout.close()
        complaint = running.stderr.read()

    assert (running.returncode, complaint) == (141, b"")


TABLES = {
    "{ sales(first: 0) { nodes { day } } }": (0, []),
    "{ latestOrder: latest { nodes { orders } } }": (0, ["orders", "1"]),
    "{ sales { totalCount } latest { totalCount } }": (41, []),
}


@pytest.mark.parametrize("text", TABLES)
def test_graphql_as_csv_is_a_table_or_refused(shop: Path, text: str) -> None:
    """Never JSON that looks like success."""
    done = run(shop, "query", text, "--csv")

    assert (done.code, done.out.split()) == TABLES[text]
