"""Tables too large for one answer: streamed whole, of one generation, in bounded memory and time."""

from __future__ import annotations

import io
import json
import re
from functools import partial
from pathlib import Path

import httpx
import pytest

from .asking import data, eventually
from .heavy import CONDITIONS, make_heavy
from .raw import begun
from .running import running_api
from .shops import change, make_project, publish
from .test_table_files import FORMATS, SALES

MORE_SALES = """
insert into sales with recursive n(i) as (select {first} union all select i + 1 from n where i < {last})
    select i, hex(randomblob(20)), i * 1.25, '2026-01-01 10:00:00' from n;
"""
METRICS = {"sold": "-- @key id\nselect id, name, amount, sold_at from shop.sales"}
ROWS = 120_000


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project with a table that is far larger than what the API gives at once."""
    script = SALES + MORE_SALES.format(first=1, last=ROWS)
    project = make_project(tmp_path / "shop", script, METRICS, more="[snapshots]\nkeep = 1\n[server]\nmax_rows = 100")
    publish(project)
    return project


def test_a_table_has_all_its_rows_however_many_the_api_would_give(shop: Path) -> None:
    """None is missing, and none comes twice."""
    with running_api(shop) as (client, _):
        refused = client.post("/graphql", json={"query": "{ sold { nodes { id } } }"}).json()
        assert refused["errors"][0]["extensions"]["code"] == "TOO_MANY_ROWS"

        assert [row["id"] for row in client.get("/table/sold.json").json()] == list(range(1, ROWS + 1))


def test_memory_does_not_grow_with_the_table(shop: Path) -> None:
    """A table that is eight times as large takes hardly more."""
    with running_api(shop) as (client, running):

        def peak(first: int) -> int:
            for ending in ("csv", "json", "arrow", "parquet"):
                with client.stream("GET", f"/table/sold.{ending}", params={"first": str(first)}) as answer:
                    assert sum(map(len, answer.iter_raw())) > 20 * first
            found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{running.pid}/status").read_text())
            return int(found[1]) if found else 0

        # All of them as dicts would be a hundred megabytes and more.
        assert peak(ROWS) - peak(ROWS // 8) < 60_000


def unchunked(body: bytes) -> bytes:
    """What the chunks hold; it fails where the last one is missing."""
    found = io.BytesIO()
    while size := int(body.partition(b"\r\n")[0], 16):
        start = body.index(b"\r\n") + 2
        found.write(body[start : start + size])
        body = body[start + size + 2 :]
    return found.getvalue()


def generation_of(client: httpx.Client) -> int:
    """The number of the current one."""
    return int(data(client, "{ snapshot { number } }")["snapshot"]["number"])


def test_a_flip_during_a_download_gives_the_whole_table_of_one_generation(shop: Path) -> None:
    """Though its file is removed meanwhile."""
    with running_api(shop) as (client, _):
        download = begun(client.base_url, "/table/sold.json")
        head = next(download)
        change(shop, MORE_SALES.format(first=ROWS + 1, last=ROWS + 10))
        publish(shop)
        eventually(lambda: generation_of(client) == 2, "generation 2 is served")

        rows = json.loads(unchunked(next(download)))

        assert len(rows) == ROWS
        assert b"-000001.json" in head
        assert len(client.get("/table/sold.json").json()) == ROWS + 10


def test_clients_that_leave_free_their_places_and_those_that_are_too_many_are_told_to_come_back(shop: Path) -> None:
    """Questions are answered all the while, and the log is silent."""
    with running_api(shop) as (client, running):
        downloads = [begun(client.base_url, f"/table/sold.{ending}") for ending in ("csv", "json", "csv", "json")]
        for download in downloads:
            next(download)
        refused = client.get("/table/sold.csv")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert generation_of(client) == 1

        for download in downloads:
            download.close()  # type: ignore[attr-defined]  # it is a generator

        eventually(lambda: client.get("/table/sold.csv", params={"first": "1"}).status_code == 200, "places are free")
        change(shop, MORE_SALES.format(first=ROWS + 1, last=ROWS + 10))
        publish(shop)
        eventually(lambda: generation_of(client) == 2, "generation 2 is served")
        eventually(partial(_has_open, running.pid, 2), "the older generation is closed")
    log = (shop / "serve.log").read_text()
    assert "Traceback" not in log
    assert "ERROR" not in log


def test_a_table_that_takes_too_long_to_begin_is_ended(tmp_path: Path) -> None:
    """By the deadline of a question; and it computes no longer, so that the next one has its turn."""
    project = make_heavy(tmp_path / "project", "deadline = 1.0")
    where = CONDITIONS.replace("tag", '"tag"').replace("contains", '"contains"')
    with running_api(project) as (client, _):
        for ending in FORMATS:
            answer = client.get(
                f"/table/pairs.{ending}", params={"by": "", "columns": "sums", "where": f'{{"or": [{where}]}}'}
            )
            assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "TIMEOUT")


def test_where_only_trusted_documents_run_there_are_no_tables(shop: Path) -> None:
    """They would answer any question."""
    toml = shop / "pacelayer.toml"
    toml.write_text(toml.read_text().replace("max_rows = 100", 'allow = "trusted"'))
    with running_api(shop) as (client, _):
        assert client.get("/table/sold.csv").status_code == 404


def _has_open(pid: int, number: int) -> bool:
    """Whether a process has the file of one generation open, and no other."""
    files = [descriptor.readlink().name for descriptor in Path(f"/proc/{pid}/fd").iterdir() if descriptor.is_symlink()]
    found = {name for name in files if ".duckdb" in name}
    return len(found) == 1 and all(f"-{number:06}.duckdb" in name for name in found)
