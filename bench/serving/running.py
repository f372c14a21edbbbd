"""Servers that run while they are asked, and wrk, which asks."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import NamedTemporaryFile
from typing import Any

HERE = Path(__file__).parent
JSON_HEADERS = {"Content-Type": "application/json"}
Measure = Mapping[str, float]


@contextmanager
def pacelayer(project: Path, *arguments: str) -> Iterator[str]:
    """The API of a project: its base URL."""
    with pacelayer_process(project, *arguments) as (base, _):
        yield base


@contextmanager
def pacelayer_process(project: Path, *arguments: str) -> Iterator[tuple[str, int]]:
    """The same, and its process."""
    port = _free_port()
    command = [sys.executable, "-m", "pacelayer", "--project", str(project), "serve", "--quiet", "--port", str(port)]
    with _running([*command, *arguments], f"http://127.0.0.1:{port}", "/readyz") as started:
        yield started


@contextmanager
def bare(snapshot: Path, constant: Path) -> Iterator[str]:
    """The servers to compare with: their base URL."""
    port = _free_port()
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "--no-access-log",
        "--no-proxy-headers",
        "--log-level",
        "warning",
        "--app-dir",
        str(HERE),
    ]
    environment = {"BENCH_FILE": str(snapshot), "BENCH_CONSTANT": str(constant)}
    with _running(
        [*command, "bare:app", "--port", str(port)], f"http://127.0.0.1:{port}", "/constant", environment
    ) as (base, _):
        yield base


@contextmanager
def _running(
    command: list[str], base: str, path: str, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[str, int]]:
    process = subprocess.Popen(command, env={**os.environ, **(environment or {})})
    try:
        while not _answers(base + path):
            if process.poll() is not None:
                sys.exit(f"{' '.join(command)} ended with {process.returncode}")
            time.sleep(0.05)
        yield base, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def ask(url: str, body: bytes = b"", headers: Mapping[str, str] = JSON_HEADERS) -> tuple[Mapping[str, str], bytes]:
    """One answer: its headers in lower case, and its body."""
    request = urllib.request.Request(url, body or None, dict(headers))  # noqa: S310  our own servers
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return {name.lower(): value for name, value in answer.headers.items()}, answer.read()


def wrk(
    url: str, body: bytes = b"", *, connections: int, seconds: int, headers: Mapping[str, str] | None = None
) -> Measure:
    """Requests per second, and the milliseconds that the half and 99 of 100 took. By GET where there is no body."""
    lines = "".join(f"{name}: {value}\n" for name, value in ((headers or {}) | (JSON_HEADERS if body else {})).items())
    with NamedTemporaryFile() as sent, NamedTemporaryFile("w") as sent_headers:
        sent.write(body)
        sent.flush()
        sent_headers.write(lines)
        sent_headers.flush()
        environment = {
            "BENCH_METHOD": "POST" if body else "GET",
            "BENCH_BODY": sent.name,
            "BENCH_HEADERS": sent_headers.name,
            "BENCH_SEED": str(1 + time.time_ns() % 2147483645),
        }
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(HERE / "wrk.lua"), url]
        done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True)
    found = re.search(r"^JSON (.*)$", done.stdout, re.MULTILINE)
    if not found:
        sys.exit(done.stdout + done.stderr)
    measured: dict[str, float] = json.loads(found[1])
    # wrk counts 304 among those that failed not, and any status from 400 on.
    return measured


def in_turn(repeats: int, *runs: Callable[[], Measure]) -> list[dict[str, Any]]:
    """The medians of several things, measured in turn so that what else goes on meets all of them."""
    measured: list[list[Measure]] = [[] for _ in runs]
    for _ in range(repeats):
        for run, found in zip(runs, measured, strict=True):
            found.append(run())
    return [{name: median(m[name] for m in found) for name in found[0]} for found in measured]


def _answers(url: str) -> bool:
    try:
        ask(url)
    except (urllib.error.URLError, ConnectionError):
        return False
    return True


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def in_words(values: Mapping[str, Any]) -> list[str]:
    """What was measured of one case: rates and latencies, and how they are to each other."""
    return [
        f"{name} {value['rate']:,.0f}/s, p50 {value['p50']:.2f} ms, p99 {value['p99']:.2f} ms"
        if isinstance(value, dict)
        else f"{name} {value:.2f}"
        for name, value in values.items()
    ]
