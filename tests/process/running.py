"""Processes of ours that run while a test does, and what the system says of them."""

from __future__ import annotations

import os
import subprocess
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import httpx

from tests.projects import free_port, process, wait_for

TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def running_api(
    project: Path, *arguments: str, verb: str = "serve", ready: bool = True
) -> Iterator[tuple[httpx.Client, subprocess.Popen[bytes]]]:
    """The API of a project, started by `serve` or `up`: a client of it, and the process."""
    port, log = free_port(), project / f"{verb}.log"
    command = ["-m", "pacelayer", "--project", str(project), verb, "--port", str(port), *arguments]
    with (
        process(*command, log=log) as running,
        # So many connections that a test may have many clients.
        httpx.Client(
            base_url=f"http://127.0.0.1:{port}", timeout=60, limits=httpx.Limits(max_connections=200)
        ) as client,
    ):
        path = "/readyz" if ready else "/livez"
        wait_for(lambda: answers(client, path), lambda: running.poll() is None, log)
        yield client, running


def answers(client: httpx.Client, path: str) -> bool:
    """Whether an address can be reached and is well."""
    try:
        return client.get(path).status_code == 200
    except httpx.TransportError:
        return False


def children(pid: int) -> list[int]:
    """The processes that a process has started and that still live."""
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in found.read_text().split() if alive(int(child))] if found.exists() else []


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be noticed does not."""
    try:
        return _state(pid)[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def command(pid: int) -> str:
    """The command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


def age(pid: int) -> float:
    """Seconds since a process began."""
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return uptime - int(_state(pid)[19]) / TICKS


def idle(pid: int) -> Callable[[], bool]:
    """A condition: of the last 0.3 seconds or more a process has spent less than a fifth computing."""
    samples: deque[tuple[float, float]] = deque()

    def is_idle() -> bool:
        state = _state(pid)
        samples.append((monotonic(), (int(state[11]) + int(state[12])) / TICKS))
        while len(samples) > 2 and samples[-1][0] - samples[1][0] >= 0.3:
            samples.popleft()
        (begun, before), (now, after) = samples[0], samples[-1]
        return now - begun >= 0.3 and after - before < (now - begun) / 5

    return is_idle


def _state(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on: the name before it may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def question(client: httpx.Client, query: str) -> dict[str, Any]:
    """The whole answer to a question, which has to be one of 200."""
    answer = client.post("/graphql", json={"query": query})
    assert answer.status_code == 200, answer.text[:500]
    found: dict[str, Any] = answer.json()
    return found
