"""Imports run one way, and neither process loads the other's libraries."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from ..crash.ledger import make_ledger
from ..projects import ROOT

# The rooms of `snapshot`, from those that stand on nothing to the one that stands on all.
LAYERS = (
    {"errors", "events", "settings"},
    {"definition", "connect", "catalog", "store", "source", "staging", "stored"},
    {"export", "aggregate", "check", "plan", "pace", "moments", "alarm", "limit", "finish"},
    {"build", "project", "reader", "foresee"},
)
HEIGHT = {room: height for height, rooms in enumerate(LAYERS) for room in rooms}
# What one room may stand on, where that is less than all below it.
MAY = {
    "errors": set[str](),
    "events": set[str](),
    "settings": {"errors"},
    "catalog": {"errors"},
    "reader": {"errors", "events", "connect", "catalog", "store"},
}
GQL_MAY = {"errors", "events", "settings", "catalog", "reader"}
OURS = (
    *("snapshot", "gql", "prove", "starter", "refresher", "pacelayer", "arguments", "harbor", "terminal", "together"),
    "offline",
)
# What the refresher brings and the API never loads, and the other way round.
OF_THE_REFRESHER = {
    *("sqlalchemy", "sqlglot", "schedule", "nanoarrow"),
    *("adbc_driver_manager", "adbc_driver_sqlite", "adbc_driver_postgresql"),
}
OF_THE_API = {"strawberry", "starlette", "uvicorn", "graphql"}

API = """
import asyncio, json, sys
from pathlib import Path
from gql.app import create_app
from snapshot.settings import load

app = create_app(load(Path(sys.argv[1])))
async def live():
    async with app.router.lifespan_context(app):
        pass
asyncio.run(live())
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
REFRESHER = """
import json, sys
from pathlib import Path
from refresher import Refresher
from snapshot.events import Published
from snapshot.settings import load

refresher = Refresher(load(Path(sys.argv[1])), lambda event: isinstance(event, Published) and refresher.stop.set())
refresher.run()
assert (refresher.settings.directory / "current.duckdb").exists()
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
NAMES = """
import importlib, json, sys
print(json.dumps([importlib.import_module(name).__file__ for name in sys.argv[1:]]))
"""


@dataclass(frozen=True)
class Import:
    """One import of a file: the module by its full name, and whether it is written with leading dots."""

    path: Path
    line: int
    module: str
    relative: bool

    @property
    def room(self) -> str:
        """The part of its package that is imported: `snapshot.store.lock` -> `store`."""
        return self.module.split(".")[1] if "." in self.module else ""

    def __str__(self) -> str:
        """Where it stands and what it says."""
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.module}"


def imports(path: Path) -> Iterator[Import]:
    """Every import of a file, those within functions too."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (Import(path, node.lineno, alias.name, relative=False) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*above, *filter(None, [node.module])))
            # `from . import connect` and `from snapshot import settings` name rooms, where they are files.
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                known = ROOT.joinpath(*inner.split("."))
                name = inner if known.is_dir() or known.with_suffix(".py").exists() else module
                yield Import(path, node.lineno, name, relative=node.level > 0)


def imports_of(package: str) -> list[Import]:
    """Every import of every file of a package."""
    return [found for path in sorted((ROOT / package).rglob("*.py")) for found in imports(path)]


def room_of(path: Path) -> str:
    """The room that a file of a package is, or is a part of."""
    return path.relative_to(ROOT).parts[1].removesuffix(".py")


def between_rooms() -> list[Import]:
    """The imports of `snapshot` by which one room stands on another."""
    inner = [found for found in imports_of("snapshot") if found.module.startswith("snapshot.")]
    return [found for found in inner if found.room != room_of(found.path)]


def loaded_by(program: str, project: Path) -> set[str]:
    """The top-level modules of a process that ran a program on a project."""
    command = [sys.executable, "-c", program, str(project)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_every_room_of_snapshot_has_its_place_in_the_layers() -> None:
    """A new one must be given a place here and in DESIGN."""
    rooms = {room_of(path) for path in (ROOT / "snapshot").rglob("*.py")} - {"__init__"}
    assert rooms == set(HEIGHT)


def test_a_room_of_snapshot_stands_on_none_above_it() -> None:
    """Errors, events and settings are the ground, build the roof."""
    upward = [found for found in between_rooms() if HEIGHT[found.room] > HEIGHT[room_of(found.path)]]
    assert [str(found) for found in upward] == []


def test_no_two_rooms_of_snapshot_stand_on_each_other() -> None:
    """Within a layer as well, there is an order."""
    graph: dict[str, set[str]] = {}
    for found in between_rooms():
        graph.setdefault(room_of(found.path), set()).add(found.room)
    order = list(TopologicalSorter(graph).static_order())
    assert order.index("errors") < order.index("store") < order.index("build")


@pytest.mark.parametrize("room", MAY)
def test_a_room_stands_on_no_more_than_it_may(room: str) -> None:
    """The ground stands on nothing; the reader, which the API loads, on nothing that builds."""
    more = [found for found in between_rooms() if room_of(found.path) == room and found.room not in MAY[room]]
    assert [str(found) for found in more] == []


def test_gql_stands_on_what_a_reader_needs_and_no_more() -> None:
    """The API reads the catalogue and the open generation; it has no way to the source or the store."""
    inner = [found for found in imports_of("gql") if found.module.partition(".")[0] == "snapshot"]
    assert inner
    assert [str(found) for found in inner if found.room not in GQL_MAY] == []


def test_nobody_but_the_application_stands_on_downloads() -> None:
    """They are planned and read as answers are; answers know nothing of them."""
    standing = [found for found in imports_of("gql") if found.module.startswith("gql.download")]
    others = {room_of(found.path) for found in standing} - {"download"}
    assert others == {"app"}


def test_snapshot_knows_nothing_of_those_who_use_it() -> None:
    """Neither of the API nor of the processes."""
    others = {"gql", "refresher", "pacelayer", "harbor", "terminal"}
    above = [found for found in imports_of("snapshot") if found.module.partition(".")[0] in others]
    assert [str(found) for found in above] == []


@pytest.mark.parametrize("package", ["snapshot", "gql"])
def test_imports_inside_a_package_are_relative(package: str) -> None:
    """A package does not name itself."""
    absolute = [f for f in imports_of(package) if f.module.partition(".")[0] == package and not f.relative]
    assert [str(found) for found in absolute] == []


def test_duckdb_is_opened_in_one_place() -> None:
    """Whoever opens it elsewhere may forget what locks it down."""
    opening = [
        path.relative_to(ROOT).as_posix()
        for package in ("snapshot", "gql")
        for path in sorted((ROOT / package).rglob("*.py"))
        if "duckdb.connect(" in path.read_text(encoding="utf-8")
    ]
    assert opening == ["snapshot/connect.py"]


def test_the_api_loads_nothing_of_the_refresher(published: Path) -> None:
    """A process that has started on a published project and serves it."""
    loaded = loaded_by(API, published)
    assert loaded >= OF_THE_API - {"uvicorn"}
    assert not loaded & OF_THE_REFRESHER


def test_the_refresher_loads_nothing_of_the_api(tmp_path: Path) -> None:
    """A process that has published."""
    loaded = loaded_by(REFRESHER, make_ledger(tmp_path / "ledger"))
    assert loaded >= OF_THE_REFRESHER
    assert not loaded & OF_THE_API


def test_the_names_that_are_installed_are_this_projects(tmp_path: Path) -> None:
    """`gql` is also a client on PyPI: asked from another folder, the environment has ours."""
    command = [sys.executable, "-c", NAMES, *OURS]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=True)
    for name, file in zip(OURS, json.loads(done.stdout), strict=True):
        assert Path(file) in (ROOT / f"{name}.py", ROOT / name / "__init__.py")
