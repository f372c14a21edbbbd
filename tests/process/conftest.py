"""What tests of processes stand on: one HTTP client (making one anew costs more than most answers), and a shop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from tests.projects import serving

from .shops import COUNTED, ORDERS, make_project
from .things import make_things


@pytest.fixture(scope="session")
def client(api: str) -> Iterator[httpx.Client]:
    """A client of the shared API."""
    with httpx.Client(base_url=api, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def things(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of an API over one row of each kind: `things` has every scalar, `words` what hostile people type."""
    project = make_things(tmp_path_factory.mktemp("things") / "project")
    with serving(project) as base, httpx.Client(base_url=base, timeout=60) as client:
        yield client


Sql = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="session")
def sql(published: Path) -> Iterator[Sql]:
    """Plain DuckDB on the shared API's snapshot."""
    path = (published / "snapshots" / "current.duckdb").resolve()
    with closing(duckdb.connect(str(path), read_only=True)) as connection:
        yield lambda query: connection.execute(query).fetchall()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project without problems, of which nothing is published; many modules have one of their own."""
    return make_project(tmp_path / "shop", ORDERS, COUNTED)
