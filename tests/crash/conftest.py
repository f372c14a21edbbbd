"""Ledgers to crash: each test has its own copy of one that has published once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .ledger import add_entries, make_ledger, refresh


@pytest.fixture(scope="session")
def published_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of which generation 1 tells of 20 entries, while its source has 40. Not to be changed."""
    project = make_ledger(tmp_path_factory.mktemp("published") / "ledger")
    refresh(project)
    add_entries(project)
    return project


@pytest.fixture
def ledger(tmp_path: Path, published_ledger: Path) -> Path:
    """A ledger like that, to be changed."""
    return copy_ledger(published_ledger, tmp_path / "ledger")


def copy_ledger(ledger: Path, target: Path) -> Path:
    """The project with its snapshots at another place."""
    return Path(shutil.copytree(ledger, target, symlinks=True))
