"""The GraphQL contract: a new snapshot must not break what clients rely on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ..errors import CheckFailed, Problem, ProjectError

# The exit codes of `python -m gql` where it has printed what a contract would lose, and why there is no schema.
BROKEN, IMPOSSIBLE = 3, 4


def check_contract(staged: Path, root: Path, seconds: float | None = None) -> None:
    """Make the schema that a closed snapshot gives, and compare it with `schema.graphql` where the project has one.

    Asked of a process of its own, because the refresher does not load GraphQL. Raises CheckFailed with every break,
    ProjectError for a column that no schema can show, and subprocess.TimeoutExpired.
    """
    contract = root / "schema.graphql"
    command = [sys.executable, "-m", "gql", str(staged)]
    compared = ["--contract", str(contract)] if contract.exists() else []
    done = subprocess.run([*command, *compared], capture_output=True, text=True, check=False, timeout=seconds)
    if done.returncode == BROKEN:
        raise CheckFailed(tuple(done.stdout.splitlines()))
    if done.returncode == IMPOSSIBLE:
        raise ProjectError((Problem("metrics", 0, done.stdout.strip()),))
    if done.returncode:
        raise CheckFailed((f"the schema cannot be made: {done.stderr.strip().splitlines()[-1]}",))
