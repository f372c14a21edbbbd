"""The pages say what the code does: every key, verb, directive and code, every link, example and command."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
import uvicorn
from graphql import build_schema, parse, validate

import pacelayer as command_line
from arguments import OPTIONS
from arguments import parse as parsed_arguments
from gql import errors as api_errors
from gql.coerce import SCALARS
from gql.operations import FOLDER, files, read_all
from gql.scalars import KINDS, kind_of
from snapshot import settings as project_settings
from snapshot.catalog import Metric
from snapshot.definition import read_project
from snapshot.definition.text import DIRECTIVES
from snapshot.errors import PacelayerError, ProjectError
from snapshot.settings import parse_pace
from snapshot.settings.read import PACES
from snapshot.source import read_lock

from ..projects import ROOT, pacelayer

DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = sorted((README, *DOCS.rglob("*.md")))
REFERENCE = DOCS / "reference"
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
# An SQL example, and below it what it becomes.
METRIC = re.compile(r"^```sql\n(.*?)^```$(?:\n\n```becomes\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
# A GraphQL example, and below it the code that it is refused with, if it is.
QUESTION = re.compile(r"^```graphql\n(.*?)^```$(?:\n\nRefused: `(\w+)`)?", re.MULTILINE | re.DOTALL)
PROGRAMS = ("pacelayer", "make", "python", "python3", "uvicorn")
# What README shows that runs by itself and ends soon.
QUICK_VERBS = ("check", "refresh", "status", "snapshots", "query")


def text_of(page: Path) -> str:
    """A page's text."""
    return page.read_text(encoding="utf-8")


def place(page: Path) -> str:
    """How a page is called in a test's name."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, kind: str) -> list[str]:
    """The fenced blocks of one kind."""
    return [block[3] for block in BLOCK.finditer(text_of(page)) if block[2] == kind]


def section(page: Path, title: str) -> str:
    """What stands below a heading of the second level."""
    found = re.search(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", text_of(page), re.MULTILINE | re.DOTALL)
    assert found, f"{place(page)} has no section '{title}'"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The rows of the tables in a text whose first cell is code; their cells."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def code(cell: str) -> list[str]:
    """What stands between backticks in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def examples(pattern: re.Pattern[str], pages: list[Path]) -> list[Any]:
    """The examples of these pages, each named by its page and line."""
    return [
        pytest.param(found, id=f"{place(page)}:{text_of(page).count(chr(10), 0, found.start()) + 1}")
        for page in pages
        for found in pattern.finditer(text_of(page))
    ]


# Links


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", BLOCK.sub("", text_of(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=place)
def test_every_link_leads_to_a_file_and_a_heading_of_it(page: Path) -> None:
    """Nobody follows a link into nothing."""
    for link in re.findall(r"\]\(([^)]+)\)", BLOCK.sub("", text_of(page))):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.is_file(), f"there is no {link}"
        assert not anchor or anchor in anchors(target), f"there is no heading for {link}"


def test_the_index_names_every_page() -> None:
    """What is not in the index is not found."""
    linked = {(DOCS / link).resolve() for link in re.findall(r"\]\(([^)#]+)\)", text_of(DOCS / "index.md"))}

    assert linked == {page.resolve() for page in PAGES} - {DOCS / "index.md"}


# Reference


def defaults(shape: type[Any], but: tuple[str, ...] = ()) -> dict[str, object]:
    """The keys of a table of `pacelayer.toml` and their defaults as TOML has them; None where there is none."""
    found: dict[str, object] = {}
    for item in fields(shape):
        if item.name not in but:
            made = item.default_factory() if item.default_factory is not MISSING else item.default
            found[item.name] = None if made is MISSING else list(made) if isinstance(made, tuple) else made
    return found


@pytest.mark.parametrize(
    ("title", "keys"),
    [
        ("The project", defaults(project_settings.Settings, ("root", "sources", "snapshots", "server"))),
        ("[sources.X]", defaults(project_settings.SourceSettings, ("name", "tables"))),
        ("[sources.X.tables.Y]", defaults(project_settings.TableSettings)),
        ("[snapshots]", defaults(project_settings.SnapshotSettings)),
        ("[server]", defaults(project_settings.ServerSettings)),
    ],
)
def test_settings_has_every_key_with_its_default(title: str, keys: dict[str, object]) -> None:
    """No key more, none less, and no other default."""
    said: dict[str, object] = {}
    for key, default, _ in rows(section(REFERENCE / "settings.md", title)):
        value: Any = tomllib.loads(f"value = {code(default)[0]}")["value"] if code(default) else None
        said[code(key)[0]] = parse_pace(value) if value and code(key)[0] in PACES else value

    assert said == keys


def test_cli_has_every_verb_with_its_options_and_arguments() -> None:
    """A verb's section has a row for each of them, and there is no section more."""
    said, titles = {}, re.findall(r"^## (.+)$", text_of(REFERENCE / "cli.md"), re.MULTILINE)
    for title in titles:
        if title not in ("The refresher", "Exit codes"):
            said[title] = [code(row[0])[0].split()[0] for row in rows(section(REFERENCE / "cli.md", title))]

    assert said == {verb.replace("_", "-"): [names for names, _ in options] for verb, options in OPTIONS.items()}


def leaves(kind: type[PacelayerError] = PacelayerError) -> Iterator[type[PacelayerError]]:
    """The errors that are raised: those at the ends of the tree."""
    for below in (found for found in kind.__subclasses__() if found.__module__ == PacelayerError.__module__):
        yield from leaves(below)
    if "code" in vars(kind):
        yield kind


def test_errors_has_every_code_with_its_exit_code_and_whether_it_is_retried() -> None:
    """The page and the tree of errors are the same list."""
    found = rows(section(REFERENCE / "errors.md", "Errors of the command line and the refresher"))
    said = {(code(row[0])[0], int(row[1]), {"yes": True, "no": False}[row[2]]) for row in found}

    assert said == {(leaf.code, leaf.exit_code, leaf.retryable) for leaf in leaves()}


def test_errors_has_every_code_of_the_api() -> None:
    """Whatever a client may be told is explained."""
    said = [code(row[0])[0] for row in rows(section(REFERENCE / "errors.md", "Codes of the API"))]

    assert sorted(said) == sorted(
        value for name, value in vars(api_errors).items() if name.isupper() and isinstance(value, str)
    )


def test_cli_has_the_range_of_exit_codes() -> None:
    """Those of the errors lie between the two that it names."""
    (found,) = re.findall(r"^\| (\d+) to (\d+) \|", section(REFERENCE / "cli.md", "Exit codes"), re.MULTILINE)
    codes = sorted(leaf.exit_code for leaf in leaves() if leaf is not ProjectError)

    assert tuple(map(int, found)) == (codes[0], codes[-1])


def test_graphql_has_the_scalar_of_every_type() -> None:
    """The page and the table of scalars are the same list."""
    found = rows(section(REFERENCE / "graphql.md", "Scalars"))
    said = {duckdb_type: code(row[1])[0] for row in found for duckdb_type in code(row[0])}
    nested = {"STRUCT": "JSON", "MAP": "JSON"}

    assert said == {name: kind.name for name, kind in KINDS.items()} | nested
    assert {scalar.name for scalar in SCALARS.values()} <= set(said.values())


def test_http_has_every_operation_of_the_demo_with_its_variables() -> None:
    """As they stand in `operations/`."""
    found, problems = read_all(ROOT / FOLDER, files(ROOT / FOLDER))
    listed = [row for row in rows(section(REFERENCE / "http.md", "Operations")) if code(row[0])[0].startswith("/api/")]

    assert problems == []
    assert {code(row[0])[0]: code(row[1]) for row in listed} == {
        f"/api/{name}": [variable.variable.name.value for variable in operation.variables]
        for name, operation in found.items()
    }


def test_metrics_has_every_directive() -> None:
    """As it is written, and none more."""
    assert [code(row[0])[0] for row in rows(section(REFERENCE / "metrics.md", "Directives"))] == [*DIRECTIVES.values()]


def test_snapshot_has_every_table_and_column_that_a_file_has(published: Path) -> None:
    """Those of the catalogue and of the long table, in their order."""
    page = text_of(REFERENCE / "snapshot.md")
    _, dashboard, catalogue = re.split(r"^### (?:main\.dashboard_metrics|pacelayer)$", page, flags=re.MULTILINE)
    with duckdb.connect(str((published / "snapshots" / "current.duckdb").resolve()), read_only=True) as snapshot:
        columns = [row[0] for row in snapshot.execute("describe dashboard_metrics").fetchall()]
        wanted = "select table_name from duckdb_tables() where schema_name = 'pacelayer' order by table_oid"
        tables = [row[0] for row in snapshot.execute(wanted).fetchall()]

    assert [code(row[0])[0] for row in rows(dashboard)] == columns
    assert sorted(code(row[0])[0] for row in rows(catalogue)) == sorted(tables)


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
