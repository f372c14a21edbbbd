"""The pages' examples are run: SQL becomes what is said, questions are answered, and commands exist and work."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
import uvicorn
from graphql import build_schema, parse, validate

import pacelayer as command_line
from arguments import parse as parsed_arguments
from gql.scalars import kind_of
from snapshot import settings as project_settings
from snapshot.catalog import Metric
from snapshot.definition import read_project
from snapshot.errors import ProjectError
from snapshot.source import read_lock

from ..projects import ROOT, pacelayer
from .pages import BLOCK, DOCS, METRIC, PAGES, QUESTION, README, REFERENCE, blocks, examples, place, text_of

PROGRAMS = ("pacelayer", "make", "python", "python3", "uvicorn")
# What README shows that runs by itself and ends soon.
QUICK_VERBS = ("check", "refresh", "status", "snapshots", "query")


# Examples


def became(sql: str, folder: Path) -> list[list[str]]:
    """What `metrics/example.sql` of the demo's project becomes, as the pages write it: words of lines."""
    (folder / "metrics").mkdir()
    (folder / "metrics" / "example.sql").write_text(sql, encoding="utf-8")
    try:
        project = read_project(project_settings.Settings(folder, "Example"), read_lock(ROOT))
    except ProjectError as error:
        return [f"refused: {problem.message}; {problem.hint}".strip("; ").split() for problem in error.problems]
    return [line.split() for line in described(project.definitions[0].metric)]


def described(metric: Metric) -> Iterator[str]:
    """A metric as the pages write it: what and why, then its columns, the grains in one line."""
    yield metric.why
    grains = ", ".join(column.name for column in metric.columns if column.role == "grain")
    for column in metric.columns:
        kind = kind_of(column.type).name + ("" if column.nullable else "!")
        if column.role != "grain":
            yield f"{column.name} {column.role} {kind} {column.rollup}"
        if column.name == metric.time and grains:
            yield f"{grains} grain {kind}"


METRIC_PAGES = [REFERENCE / "metrics.md", DOCS / "how-to" / "write-a-metric.md"]


@pytest.mark.parametrize("example", examples(METRIC, METRIC_PAGES))
def test_an_sql_example_becomes_what_stands_below_it(example: re.Match[str], tmp_path: Path) -> None:
    """Grouped or plain and why, every column with its role, type and roll-up, or the words of the refusal."""
    assert example[2], "nothing says what it becomes"
    assert [line.split() for line in example[2].splitlines()] == became(example[1], tmp_path)


@pytest.mark.parametrize("sql", blocks(DOCS / "how-to" / "analyse.md", "sql"))
def test_an_analysts_sql_has_an_answer(sql: str, published: Path) -> None:
    """Each example of the page finds rows in the demo's snapshot."""
    with duckdb.connect(str((published / "snapshots" / "current.duckdb").resolve()), read_only=True) as snapshot:
        assert snapshot.execute(sql).fetchall()


@pytest.mark.parametrize("example", examples(QUESTION, PAGES))
def test_a_graphql_example_is_valid_and_answered_or_refused_as_it_says(example: re.Match[str], api: str) -> None:
    """By the demo's contract, and by its API."""
    assert validate(contract(), parse(example[1])) == []

    body = httpx.post(f"{api}/graphql", json={"query": example[1]}, timeout=30).json()

    assert [error["extensions"]["code"] for error in body.get("errors", ())] == ([example[2]] if example[2] else [])
    assert ("data" in body) is not bool(example[2])


@cache
def contract() -> Any:
    """The schema of the bundled project."""
    return build_schema(text_of(ROOT / "schema.graphql"))


@pytest.mark.parametrize("toml", [block for page in PAGES for block in blocks(page, "toml")])
def test_a_toml_example_is_a_project(toml: str, tmp_path: Path) -> None:
    """Each can be taken as it stands."""
    (tmp_path / "pacelayer.toml").write_text(toml, encoding="utf-8")

    project_settings.load(tmp_path)


# Commands


def commands(page: Path) -> list[list[str]]:
    """The words of each command of ours in a page: in shell blocks, indented lines, and units of systemd."""
    text = text_of(page)
    lines = [line for kind in ("sh", "ini") for block in blocks(page, kind) for line in block.splitlines()]
    lines += re.findall(r"^ {4,}(.+)$", BLOCK.sub("", text), re.MULTILINE)
    words = [_words(line) for line in lines if line.startswith("ExecStart=") or "=" not in line.partition(" ")[0]]
    return [found for found in words if found and found[0] in PROGRAMS]


def _words(line: str) -> list[str]:
    try:
        program, *rest = shlex.split(line.removeprefix("ExecStart="), comments=True) or [""]
    except ValueError:  # no shell command
        return []
    return [Path(program).name, *rest]


@pytest.mark.parametrize(
    "command",
    [pytest.param(found, id=f"{place(page)}: {' '.join(found)}") for page in PAGES for found in commands(page)],
)
def test_a_command_exists_with_its_options(command: list[str]) -> None:
    """A verb, a target, a module or a file of that name, and options that it takes."""
    program, *arguments = command
    KNOWN[program](arguments)


def _known_to_pacelayer(arguments: list[str]) -> None:
    asked = parsed_arguments(command_line.VERBS, arguments)
    if "query" in arguments and asked.text.startswith("{"):
        assert validate(contract(), parse(asked.text)) == []


def _known_to_make(arguments: list[str]) -> None:
    targets = re.findall(r"^(\w+):", text_of(ROOT / "Makefile"), re.MULTILINE)
    assert set(arguments) <= set(targets)


def _known_to_python(arguments: list[str]) -> None:
    if arguments[0] == "-m":
        assert importlib.util.find_spec(arguments[1])
        return
    program = ROOT / arguments[0]
    assert program.is_file()
    assert all(f'"{option}"' in text_of(program) for option in arguments[1:] if option.startswith("--"))


def _known_to_uvicorn(arguments: list[str]) -> None:
    context = uvicorn.main.make_context("uvicorn", list(arguments))
    module, _, name = context.params["app"].partition(":")
    assert context.params["factory"]
    assert callable(getattr(importlib.import_module(module), name))


KNOWN: dict[str, Callable[[list[str]], None]] = {
    "pacelayer": _known_to_pacelayer,
    "make": _known_to_make,
    "python": _known_to_python,
    "python3": _known_to_python,
    "uvicorn": _known_to_uvicorn,
}


def test_readmes_commands_work_one_after_the_other(project: Path) -> None:
    """Those that end by themselves, on a small shop that has nothing but its files."""
    (project / "sources.lock").unlink()
    shutil.rmtree(project / "snapshots", ignore_errors=True)
    quick = [command[1:] for command in commands(README) if command[0] == "pacelayer" and command[1] in QUICK_VERBS]
    assert [arguments[0] for arguments in quick[:2]] == ["check", "refresh"]

    for arguments in quick:
        pacelayer(project, *arguments)
