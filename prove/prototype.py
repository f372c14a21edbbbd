"""The same question computed once: into a snapshot of its own, then read, and served by a real API process."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from snapshot import connect
from snapshot.build import refresh
from snapshot.catalog import Catalog, Column, quote
from snapshot.definition import read_project
from snapshot.errors import QueryFailed
from snapshot.events import Observer
from snapshot.reader import read_catalog
from snapshot.settings import FILE_NAME, Settings
from snapshot.source import Shapes, Source
from snapshot.store import Store

WARM_UP = 3
START_SECONDS = 30.0


@dataclass(frozen=True)
class Prototype:
    """How long it took to make, in seconds; milliseconds of each read, and of each request missed and hit."""

    built: float
    read: tuple[float, ...]
    missed: tuple[float, ...]
    hit: tuple[float, ...]
    columns: tuple[Column, ...]
    rows: Sequence[tuple[Any, ...]]
    answer: Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """A question of a snapshot: the SQL that reads it there, of what columns, and the document that asks the API."""

    sql: str
    parameters: tuple[Any, ...]
    columns: tuple[Column, ...]
    document: str
    variables: str


def whole_metric(catalog: Catalog) -> Asked:
    """Everything of the one metric, as its SELECT says it."""
    (metric,) = catalog.metrics
    columns = ", ".join(quote(column.name) for column in metric.stored)
    document = f"{{ {metric.field} {{ nodes {{ {' '.join(column.field for column in metric.stored)} }} }} }}"
    return Asked(f"select {columns} from main.{quote(metric.name)}", (), metric.stored, document, "{}")


def prototype(
    settings: Settings,
    shapes: Shapes,
    sources: Sequence[Source],
    metric: Path,
    folder: Path,
    runs: int,
    observe: Observer,
    ask: Callable[[Catalog], Asked] = whole_metric,
) -> Prototype:
    """Build a project of that one metric in `folder`, refresh it, read it and serve it."""
    (folder / "metrics").mkdir()
    shutil.copy(metric, folder / "metrics" / metric.name)
    (folder / FILE_NAME).write_text(_served(settings), encoding="utf-8")
    project = read_project(
        replace(settings, root=folder, snapshots=replace(settings.snapshots, path="snapshots")), shapes
    )
    directory = project.settings.directory
    directory.mkdir(exist_ok=True)
    begun = time.perf_counter()
    generation = refresh(project, sources, Store(directory, keep=1), observe)
    built = time.perf_counter() - begun
    asked = ask(read_catalog(generation.path))
    connection = connect.read(generation.path, threads=2, memory="1GB")
    try:
        rows, read = _rows(connection, asked), measured(lambda: _rows(connection, asked), runs)
    finally:
        connection.close()
    with _api(folder) as post:
        # A comment makes it another document, which no cache has seen.
        misses = iter(range(WARM_UP + runs))
        missed = measured(lambda: post(f"{asked.document} # {next(misses)}", asked.variables), runs)
        hit = measured(lambda: post(asked.document, asked.variables), runs)
        answer = json.loads(post(asked.document, asked.variables))["data"]
    return Prototype(built, read, missed, hit, asked.columns, rows, answer)


def _served(settings: Settings) -> str:
    """What the API needs of a project's settings: how it serves, and a source, which it never opens."""
    server = "\n".join(f"{key} = {json.dumps(value)}" for key, value in vars(settings.server).items())
    return f'[sources.live]\nurl = "sqlite:///nowhere.sqlite"\n[server]\n{server}\n'


def _rows(connection: duckdb.DuckDBPyConnection, asked: Asked) -> list[tuple[Any, ...]]:
    return connection.execute(asked.sql, asked.parameters).fetchall()


def measured(ask: Callable[[], object], runs: int) -> tuple[float, ...]:
    """Milliseconds of each of so many runs, after some to warm up."""
    times = []
    for _ in range(WARM_UP + runs):
        begun = time.perf_counter()
        ask()
        times.append((time.perf_counter() - begun) * 1000)
    return tuple(times[WARM_UP:])


@contextmanager
def _api(folder: Path) -> Iterator[Callable[[str, str], bytes]]:
    """A real API process of the project in `folder`, and what sends it a document on one open connection."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "pacelayer", "--project", str(folder), "serve", "--quiet"]
    process = subprocess.Popen([*command, "--host", "127.0.0.1", "--port", str(port)])
    try:
        with closing(_connected(process, port)) as client:
            yield partial(_post, client)
    finally:
        process.terminate()
        process.wait()


def _post(client: http.client.HTTPConnection, document: str, variables: str) -> bytes:
    body = f'{{"query": {json.dumps(document)}, "variables": {variables}}}'
    client.request("POST", "/graphql", body, {"Content-Type": "application/json"})
    answer = client.getresponse().read()
    if b'"errors"' in answer[:12]:
        raise QueryFailed(f"the API refuses: {json.loads(answer)['errors'][0]['message']}")
    return answer


def _connected(process: subprocess.Popen[bytes], port: int) -> http.client.HTTPConnection:
    limit = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < limit:
        client = http.client.HTTPConnection("127.0.0.1", port)
        try:
            client.request("GET", "/readyz")
            response = client.getresponse()
            response.read()
            if response.status == http.client.OK:
                return client
        except OSError:
            pass
        client.close()
        time.sleep(0.05)
    raise QueryFailed("the API did not start", "see its output above")
