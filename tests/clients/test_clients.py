"""The tools that frontends have take the schema as it is: code generators, caches, compilers, another language."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.process.shops import COUNTED, ORDERS, add_order, make_project, publish
from tests.projects import ROOT, free_port, serving

HERE = Path(__file__).parent
# It runs in an environment of its own: the library has the name of a folder of ours.
ASKING = """
import sys
from gql import Client, gql
from gql.transport.httpx import HTTPXTransport

query = "query ($where: RevenueWhere) { revenue(by: [PLAN], where: $where) { nodes { plan revenue } } }"
with Client(transport=HTTPXTransport(url=sys.argv[1] + "/graphql"), fetch_schema_from_transport=True) as session:
    answer = session.execute(gql(query), variable_values={"where": {"plan": {"eq": "pro"}}})
    print(*(row["plan"] for row in answer["revenue"]["nodes"]))
"""


@pytest.fixture(scope="module")
def frontend(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tools, the documents of a frontend, and the demo's schema."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder: Path = tmp_path_factory.mktemp("frontend")
    shutil.copytree(HERE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
    shutil.copy(ROOT / "schema.graphql", folder)
    run(folder, ["npm", "ci", "--silent", "--no-audit", "--no-fund"])
    return folder


def run(folder: Path, command: Sequence[str]) -> str:
    """What a tool says, which must be content."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_types_are_generated_for_typescript(frontend: Path) -> None:
    """Documents are typed through, and no type is `any` but that of JSON."""
    run(frontend, ["npx", "graphql-codegen", "--config", "codegen.mjs"])
    options = "--noEmit --strict --target es2022 --module esnext --moduleResolution bundler --skipLibCheck"
    run(frontend, ["npx", "tsc", *options.split(), "use.ts", "schema.ts"])
    made = "".join((frontend / name).read_text() for name in ("schema.ts", "generated.ts"))
    code = re.sub(r"/\*.*?\*/", "", made, flags=re.DOTALL)
    assert [line for line in code.splitlines() if re.search(r"\bany\b", line) and "JSON" not in line] == []


def test_normalised_caches_keep_two_questions_of_one_metric_apart(frontend: Path, api: str) -> None:
    """Apollo Client and urql give from their caches what was asked for."""
    assert run(frontend, ["node", "caches.mjs", api]) == "kept apart\n"


def test_apollo_client_calls_documents_by_their_hashes(frontend: Path, api: str) -> None:
    """It sends the text once, and none of its questions fails."""
    assert run(frontend, ["node", "persisted.mjs", api]) == "known by its hash\n"


def test_every_audit_of_graphql_over_http_is_passed(frontend: Path, api: str) -> None:
    """What a server must do, what it should, and what it may."""
    assert run(frontend, ["node", "audits.mjs", api]) == "61 of 61\n"


def test_relay_compiles_documents(frontend: Path) -> None:
    """Fragments, variables and paging."""
    run(frontend, ["npx", "relay-compiler", "relay.config.json"])
    assert (frontend / "relay" / "__generated__" / "pageQuery.graphql.js").exists()


def test_the_client_library_of_python_asks(tmp_path: Path, api: str) -> None:
    """It reads the schema by introspection, and checks the question against it."""
    run(tmp_path, [sys.executable, "-m", "venv", "env"])
    python = str(tmp_path / "env" / "bin" / "python")
    run(tmp_path, [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "gql[httpx]>=4,<5"])
    assert run(tmp_path, [python, "-c", ASKING, api]) == "pro\n"


def test_the_client_library_of_graphql_sse_hears_of_each_generation(frontend: Path, tmp_path: Path) -> None:
    """It asks, is refused, subscribes, and is told of what it missed while the server was away."""
    project = make_project(tmp_path / "shop", ORDERS, COUNTED)
    publish_with_an_order_more(project)
    port = free_port()
    with serving(project, port=port) as base:
        client = subprocess.Popen(["node", "live.mjs", base], cwd=frontend, stdout=subprocess.PIPE, text=True)
        assert client.stdout
        said = map(str.strip, client.stdout)
        assert [next(said) for _ in range(5)] == [
            "connected",
            "orders 1",
            "connected",
            "GRAPHQL_VALIDATION_FAILED",
            "connected",
        ]
        publish_with_an_order_more(project)
        assert next(said) == "2 latest,sales"
    publish_with_an_order_more(project)
    with serving(project, port=port), client:
        assert list(said) == ["connected", "3 latest,sales"]
    assert client.returncode == 0


def publish_with_an_order_more(project: Path) -> None:
    """The next generation: the n-th one has n orders."""
    add_order(project)
    publish(project)
