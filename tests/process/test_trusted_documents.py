"""`allow = "trusted"`: the project's own operations are answered, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import httpx
import pytest

from .asking import BROWSER, assert_says_little, eventually
from .running import running_api
from .test_operations import DASHBOARD, code, get, persisted


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory, published: Path) -> Iterator[tuple[httpx.Client, Path]]:
    """An API that answers the documents of its project only, and its folder."""
    project = copytree(published, tmp_path_factory.mktemp("trusted") / "project", symlinks=True)
    with (project / "pacelayer.toml").open("a") as file:
        file.write('allow = "trusted"\n')
    (project / "operations" / "types.graphql").write_text("{ __schema { queryType { name } } }")
    with running_api(project) as (client, _):
        yield client, project


@pytest.mark.parametrize(
    "query",
    [
        "{ __typename }",
        DASHBOARD + "\n",
        "{ __schema { types { name } } }",
        '{ __type(name: "Query") { name } }',
        "{",
        "mutation { a }",
    ],
)
def test_nothing_but_trusted_documents_is_answered(trusted: tuple[httpx.Client, Path], query: str) -> None:
    """Not even looked at: neither by POST, nor by GET, nor by hash."""
    client, _ = trusted

    for body in ({"query": query}, persisted(query, query=query), persisted(query)):
        assert code(client.post("/graphql", json=body)) == "NOT_TRUSTED"
        assert code(get(client, body)) == "NOT_TRUSTED"


def test_a_trusted_document_is_answered_by_path_text_and_hash(trusted: tuple[httpx.Client, Path]) -> None:
    """It is one question all the same."""
    client, _ = trusted
    variables = {"userId": 42}
    answers = [
        client.get("/api/users/dashboard", params=variables),
        client.post("/graphql", json={"query": DASHBOARD, "variables": variables}),
        get(client, persisted(DASHBOARD, variables=variables)),
    ]

    assert len({answer.content for answer in answers}) == 1
    assert "data" in answers[0].json()


def test_introspection_is_answered_where_a_trusted_document_asks_it(trusted: tuple[httpx.Client, Path]) -> None:
    """Whoever wrote the document may."""
    client, _ = trusted

    assert client.get("/api/types").json() == {"data": {"__schema": {"queryType": {"name": "Query"}}}}


def test_there_is_no_page_where_only_trusted_documents_are_answered(trusted: tuple[httpx.Client, Path]) -> None:
    """It could ask nothing."""
    client, _ = trusted

    answer = client.get("/graphql", headers={"Accept": BROWSER})

    assert answer.status_code == 400
    assert_says_little(answer)


def test_a_document_is_trusted_as_soon_as_it_is_there_and_no_longer(trusted: tuple[httpx.Client, Path]) -> None:
    """Without a restart; one that is broken leaves the others as they are."""
    client, project = trusted
    path, text = project / "operations" / "new.graphql", "{ snapshot { number } }"
    path.write_text(text)
    eventually(lambda: client.get("/api/new").status_code == 200, "the new document is answered")
    assert "data" in client.post("/graphql", json={"query": text}).json()

    path.write_text("{ half")
    os.utime(path, (1, 1))
    (project / "operations" / "newer.graphql").write_text(text)
    eventually(lambda: client.get("/api/newer").status_code == 200, "the newer document is answered")
    assert client.get("/api/new").status_code == 200
    assert "operations/new.graphql:1" in (project / "serve.log").read_text()

    path.unlink()
    eventually(lambda: client.get("/api/new").status_code == 404, "the document is gone")
    assert client.get("/api/users/dashboard?userId=42").status_code == 200
