"""What the tests stand on: a small Harbor, made once, and projects over copies of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from datetime import datetime
from io import StringIO
from pathlib import Path
from subprocess import CompletedProcess
from types import SimpleNamespace

import pytest
import sqlalchemy

import gql.__main__
import harbor
from snapshot.check import contract

from . import servers
from .projects import copy_project, pacelayer, serving

UNTIL = datetime(2026, 11, 1)  # noqa: DTZ001  Harbor's times have no zone


@pytest.fixture(autouse=True)
def schemas_made_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever refreshes in this process has `python -m gql` in it, too: to start Python takes longer than most tests.

    What the tests start as processes starts it as a process.
    """

    def run(command: Sequence[str], **_: object) -> CompletedProcess[str]:
        python, option, module, *arguments = command
        said = StringIO()
        with redirect_stdout(said):
            code = gql.__main__.main(arguments)
        return CompletedProcess([python, option, module, *arguments], code, said.getvalue(), "")

    monkeypatch.setattr(contract, "subprocess", SimpleNamespace(run=run))


@pytest.fixture(scope="session")
def harbor_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hundredth of the demo's source: 200 users, 5,000 orders, 20,000 events. Not to be written to."""
    path = tmp_path_factory.mktemp("harbor") / "harbor.sqlite"
    harbor.create(path, until=UNTIL, scale=0.01)
    return path


@pytest.fixture
def project(tmp_path: Path, harbor_source: Path) -> Path:
    """The bundled project over a source of its own; nothing is published yet."""
    return copy_project(tmp_path / "project", harbor_source)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory, harbor_source: Path) -> Path:
    """The bundled project with one snapshot. Not to be changed."""
    path = copy_project(tmp_path_factory.mktemp("published") / "project", harbor_source)
    pacelayer(path, "refresh")
    return path


@pytest.fixture(scope="session")
def api(published: Path) -> Iterator[str]:
    """The base URL of a running API of the bundled project."""
    with serving(published) as base:
        yield base


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlalchemy.URL]:
    """A PostgreSQL server."""
    with servers.postgres_server(tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture(scope="session")
def mysql_server() -> sqlalchemy.URL:
    """A MariaDB or MySQL server."""
    return servers.mysql_server()


@pytest.fixture
def postgres(postgres_server: sqlalchemy.URL) -> Iterator[sqlalchemy.URL]:
    """A database of one's own on the PostgreSQL server."""
    with servers.new_database(postgres_server) as url:
        yield url


@pytest.fixture
def mysql(mysql_server: sqlalchemy.URL) -> Iterator[sqlalchemy.URL]:
    """A database of one's own on the MariaDB or MySQL server."""
    with servers.new_database(mysql_server) as url:
        yield url
