"""The verbs of the command line: what they print, and with which code they end.

Most run in this process, ten times as quick as in one of their own; an exception that nobody caught fails the test.
"""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from pacelayer import main
from snapshot.store import Store
from tests.projects import pacelayer

from .shops import COUNTED, ORDERS, Publisher, add_order, make_project


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project of one order; nothing is published yet."""
    project = make_project(tmp_path / "shop", ORDERS, COUNTED)
    add_order(project)
    return project


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has published two generations. Not to be changed."""
    project = make_project(tmp_path_factory.mktemp("kept") / "shop", ORDERS, COUNTED)
    publisher = Publisher(project)
    for _ in range(2):
        add_order(project)
        publisher.publish()
    return project


@dataclass(frozen=True)
class Done:
    """How a verb ended."""

    code: object
    out: str
    err: str


def run(project: Path, *arguments: str) -> Done:
    """One verb, run here."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code: object = main(["--project", str(project), *arguments])
        except SystemExit as ended:
            code = ended.code
    return Done(code, out.getvalue(), err.getvalue())


def current(project: Path) -> str:
    """The name of the current generation."""
    return (project / "snapshots" / "current.duckdb").resolve().stem


@pytest.mark.parametrize("arguments", ["status", "snapshots", "rollback", "query {snapshot{id}}", "query from_sales"])
def test_a_verb_that_needs_a_snapshot_is_31_before_there_is_one(shop: Path, arguments: str) -> None:
    """And says how to make one."""
    done = run(shop, *arguments.split())

    assert (done.code, done.out) == (31, "")
    assert "pacelayer refresh" in done.err


def test_status_tells_what_is_current(kept: Path) -> None:
    """One thing a line."""
    done = run(kept, "status")

    assert done.code == 0
    assert current(kept) in done.out
    assert "age in seconds" in done.out


def test_status_as_json_has_the_same(kept: Path) -> None:
    """Under names that a program can use."""
    found = json.loads(run(kept, "status", "--json").out)

    assert found["snapshot"] == current(kept)
    assert found["file"] == str((kept / "snapshots" / "current.duckdb").resolve())
    assert found["age_in_seconds"] >= 0
    assert found["last_failure"] is None


def test_snapshots_lists_what_is_kept_the_newest_first(kept: Path) -> None:
    """As CSV, for a spreadsheet."""
    header, newest, oldest = csv.reader(StringIO(run(kept, "snapshots", "--csv").out))

    assert header[:3] == ["number", "id", "bytes"]
    assert newest[:2] == ["2", current(kept)]
    assert oldest[0] == "1"


def test_snapshots_as_json_tells_which_one_is_current(kept: Path) -> None:
    """A list of objects."""
    found = json.loads(run(kept, "snapshots", "--json").out)

    assert [(row["number"], row["current"]) for row in found] == [(2, True), (1, False)]
    assert found[0]["id"] == current(kept)


def test_snapshots_shows_a_table(kept: Path) -> None:
    """For eyes."""
    assert current(kept) in run(kept, "snapshots").out


@pytest.mark.parametrize(("arguments", "code"), [("refresh", 0), ("status", 31), ("check --nope", 2)])
def test_the_process_ends_with_the_code_of_its_verb(shop: Path, arguments: str, code: int) -> None:
    """A shell can tell what happened."""
    assert pacelayer(shop, *arguments.split(), check=False).returncode == code


@pytest.mark.parametrize("arguments", [[], ["1"]])
def test_rollback_makes_an_older_generation_current(shop: Path, arguments: list[str]) -> None:
    """The one before, or the one that is named."""
    for _ in range(2):
        add_order(shop)
        Publisher(shop).publish()

    done = run(shop, "rollback", *arguments)

    assert done.code == 0
    assert current(shop).endswith("-000001")
    assert current(shop) in done.out


def test_rollback_to_what_is_not_kept_is_32_and_says_what_is(kept: Path) -> None:
    """Nothing flips."""
    done = run(kept, "rollback", "99")

    assert done.code == 32
    assert "kept are 2, 1" in done.err
    assert Store(kept / "snapshots", keep=5).current().number == 2


def test_demo_data_makes_a_source_of_that_size_once(tmp_path: Path) -> None:
    """What is there already is left as it is."""
    assert run(tmp_path, "demo-data", "--scale", "0.001").code == 0
    made = (tmp_path / "harbor.sqlite").stat()

    assert run(tmp_path, "demo-data").code == 0

    with closing(sqlite3.connect(tmp_path / "harbor.sqlite")) as source:
        assert source.execute("select count(*) from orders").fetchone()[0] == pytest.approx(500, abs=1)
    assert (tmp_path / "harbor.sqlite").stat().st_mtime_ns == made.st_mtime_ns


@pytest.mark.parametrize("arguments", [[], ["nope"], ["refresh", "--nope"], ["rollback", "x"], ["query"]])
def test_wrong_arguments_are_2(tmp_path: Path, arguments: list[str]) -> None:
    """With the usage, on standard error."""
    done = run(tmp_path, *arguments)

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("usage: pacelayer")
