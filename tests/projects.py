"""Projects to test with: the bundled one over a small Harbor, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).parent.parent
PROJECT_FILES = ("pacelayer.toml", "sources.lock", "schema.graphql")
PROJECT_FOLDERS = ("metrics", "operations")
START_SECONDS = 30.0


def copy_project(target: Path, source: Path) -> Path:
    """The bundled project in `target`, over a copy of the SQLite file `source`."""
    target.mkdir(parents=True, exist_ok=True)
    for name in PROJECT_FILES:
        shutil.copy(ROOT / name, target / name)
    for folder in PROJECT_FOLDERS:
        shutil.copytree(ROOT / folder, target / folder)
    shutil.copy(source, target / "harbor.sqlite")
    return target


def pacelayer(project: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a verb of the command line on a project, as a process."""
    command = [sys.executable, "-m", "pacelayer", "--project", str(project), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=check, cwd=ROOT, timeout=120)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(*arguments: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process of ours, ended with SIGTERM; what it says goes to `log`."""
    with log.open("ab") as file:
        running = subprocess.Popen(
            [sys.executable, *arguments], stdout=file, stderr=file, cwd=ROOT, env=os.environ | {"PYTHONUNBUFFERED": "1"}
        )
        try:
            yield running
        finally:
            running.terminate()
            running.wait(20)


@contextmanager
def serving(project: Path, *, ready: bool = True, port: int = 0) -> Iterator[str]:
    """The real API of a project; its base URL. `ready` waits until it has a snapshot."""
    port = port or free_port()
    log = project / "api.log"
    with process("-m", "pacelayer", "--project", str(project), "serve", "--port", str(port), log=log) as running:
        base = f"http://127.0.0.1:{port}"
        wait_for(lambda: _answers(base + ("/readyz" if ready else "/livez")), lambda: running.poll() is None, log)
        yield base


def wait_for(condition: Callable[[], object], alive: Callable[[], object], log: Path) -> None:
    """Wait until a condition holds, within a limit, while a process lives."""
    limit = time.monotonic() + START_SECONDS
    while not condition():
        assert alive(), f"the process has ended: {log.read_text()[-2000:]}"
        assert time.monotonic() < limit, f"nothing happened in {START_SECONDS} s: {log.read_text()[-2000:]}"
        time.sleep(0.02)


def ask(base: str, query: str, **variables: object) -> dict[str, object]:
    """The `data` of a GraphQL answer over HTTP; an error in it fails the test."""
    body = httpx.post(f"{base}/graphql", json={"query": query, "variables": variables}, timeout=30).json()
    assert "errors" not in body, body
    data: dict[str, object] = body["data"]
    return data


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=1).status_code == 200
    except httpx.TransportError:
        return False
