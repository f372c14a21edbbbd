"""Databases and projects that several tests of sources stand on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy

from tests.servers import run, written

from .sources import SERVER_VAULT, VAULT_METRICS, check, set_url

SERVERS = ("postgres", "mysql")


@pytest.fixture(params=SERVERS)
def vault(request: pytest.FixtureRequest) -> sqlalchemy.URL:
    """A database of two tables of which 2,000 is the sum, on each server."""
    found: sqlalchemy.URL = request.getfixturevalue(request.param)
    run(found, *SERVER_VAULT)
    return found


@pytest.fixture
def vault_project(vault: sqlalchemy.URL, tmp_path: Path) -> Path:
    """A project over it, with a metric of each table."""
    (tmp_path / "metrics").mkdir()
    set_url(tmp_path, written(vault))
    for name, sql in VAULT_METRICS.items():
        (tmp_path / "metrics" / f"{name}.sql").write_text(sql)
    check(tmp_path)
    return tmp_path


@pytest.fixture
def project_over(tmp_path: Path) -> Callable[..., Path]:
    """Makes a project over a database, with some metrics."""

    def make(url: sqlalchemy.URL, more: str = "", **metrics: str) -> Path:
        (tmp_path / "metrics").mkdir()
        set_url(tmp_path, written(url), more)
        for name, sql in metrics.items():
            (tmp_path / "metrics" / f"{name}.sql").write_text(sql)
        check(tmp_path)
        return tmp_path

    return make
