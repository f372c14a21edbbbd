"""The pages say what the code does: every key, verb, directive and code, and every link leads somewhere."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import duckdb
import pytest

from arguments import OPTIONS
from gql import errors as api_errors
from gql.coerce import SCALARS
from gql.operations import FOLDER, files, read_all
from gql.scalars import KINDS
from snapshot import settings as project_settings
from snapshot.definition.text import DIRECTIVES
from snapshot.errors import PacelayerError, ProjectError
from snapshot.settings import parse_pace
from snapshot.settings.read import PACES

from ..projects import ROOT
from .pages import BLOCK, DOCS, PAGES, REFERENCE, code, place, rows, section, text_of

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
    found, errors = read_all(ROOT / FOLDER, files(ROOT / FOLDER))
    listed = [row for row in rows(section(REFERENCE / "http.md", "Operations")) if code(row[0])[0].startswith("/api/")]

    assert errors == {}
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
