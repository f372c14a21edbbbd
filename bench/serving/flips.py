"""Two hundred flips under sixteen busy connections: no failed request, no mixed answer, and nothing that grows.

    python bench/serving/flips.py --json flips.json

The generations are made before; a flip then is the pointer's move, so that building does not disturb what is measured.
Each answer has the number of its generation three times: by itself, and as the counts of two metrics.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any

from running import pacelayer_process

from snapshot import settings as project_settings
from snapshot.build import refresh
from snapshot.events import nobody
from snapshot.project import check, load
from snapshot.store import Store, locked

TOML = """
name = "Flips"
[sources.shop]
url = "sqlite:///shop.sqlite"
[snapshots]
keep = {keep}
"""
METRICS = {
    "first": "select region, count(*) as n from shop.orders group by all",
    "second": "select count(*) as n, max(id) as last from shop.orders",
}
# Asked again and again, and another one each time.
HOT = "{ snapshot { number } first(by: []) { nodes { n } } second { nodes { n last } } }"
# Requests that end within so long of a flip count as during it.
DURING_SECONDS = 0.5
WARM_FLIP = 20
# After so many requests what is kept of documents takes all the room that it may have, which is no growth by flips.
WARM_REQUESTS = 20_000


@dataclass
class Seen:
    """What the clients saw: latencies in seconds with their ends, failures, answers of several generations.

    It is `warm` after WARM_REQUESTS.
    """

    latencies: list[tuple[float, float]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    warm: asyncio.Event = field(default_factory=asyncio.Event)


def make(folder: Path, flips: int) -> Store:
    """A project with so many generations, of which the n-th has n orders."""
    (folder / "metrics").mkdir()
    for name, sql in METRICS.items():
        (folder / "metrics" / f"{name}.sql").write_text(sql + "\n")
    (folder / "pacelayer.toml").write_text(TOML.format(keep=flips + 1))
    with sqlite3.connect(folder / "shop.sqlite") as shop:
        shop.execute("create table orders (id integer primary key not null, region text not null)")
    for number in range(flips):
        with sqlite3.connect(folder / "shop.sqlite") as shop:
            shop.execute("insert into orders (region) values ('eu')")
        if number == 0:
            check(folder)
            definition, sources = load(project_settings.load(folder))
        store = Store(project_settings.load(folder).directory, flips + 1)
        with locked(store.directory):
            refresh(definition, sources, store, nobody)
    return store


async def client(port: int, number: int, seen: Seen, stop: asyncio.Event) -> None:
    """One connection that is always busy."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    asked = 0
    while not stop.is_set():
        asked += 1
        query = HOT if asked % 2 else f"{HOT} # {number} {asked}"
        body = json.dumps({"query": query}).encode()
        begun = time.monotonic()
        writer.write(
            b"POST /graphql HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (len(body), body)
        )
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        answer = await reader.readexactly(length)
        seen.latencies.append((time.monotonic(), time.monotonic() - begun))
        if len(seen.latencies) == WARM_REQUESTS:
            seen.warm.set()
        if not head.startswith(b"HTTP/1.1 200") or b'"errors"' in answer:
            seen.failures.append(answer.decode())
        elif len(generations_in(json.loads(answer)["data"], head)) != 1:
            seen.mixed.append(answer.decode())
    writer.close()


def generations_in(data: dict[str, Any], head: bytes) -> set[int]:
    """The generations that an answer's numbers are of."""
    (first,), (second,) = data["first"]["nodes"], data["second"]["nodes"]
    named = int(head.lower().partition(b"x-snapshot-id: ")[2].split(b"\r\n")[0].rpartition(b"-")[2])
    return {named, data["snapshot"]["number"], first["n"], second["n"], second["last"]}


def taken(pid: int) -> dict[str, float]:
    """Memory in MB and open files of a process."""
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return {"MB": int(line.split()[1]) / 1024, "files": len(os.listdir(f"/proc/{pid}/fd"))}


async def soak(store: Store, port: int, pid: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Flip, and measure."""
    seen, stop, flips = Seen(), asyncio.Event(), []
    clients = [asyncio.create_task(client(port, n, seen, stop)) for n in range(arguments.connections)]
    early: dict[str, float] = {}
    await seen.warm.wait()
    for number in range(1, arguments.flips + 1):
        with locked(store.directory):
            store.rollback(number)
        flips.append(time.monotonic())
        await asyncio.sleep(arguments.pause)
        if number == WARM_FLIP:
            early = taken(pid)
    late = taken(pid)
    stop.set()
    await asyncio.gather(*clients)
    during, between = [], []
    for end, seconds in seen.latencies:
        near = any(0 <= end - flip <= DURING_SECONDS for flip in flips)
        (during if near else between).append(seconds * 1000)
    return {
        "requests": len(seen.latencies),
        "failed": len(seen.failures),
        "mixed": len(seen.mixed),
        "p99 during flips, ms": quantiles(during, n=100)[-1],
        "p99 between, ms": quantiles(between, n=100)[-1],
        f"after {WARM_FLIP} flips": early,
        f"after {arguments.flips} flips": late,
    }


def main() -> None:
    """Measure, and say it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flips", type=int, default=200)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--pause", type=float, default=1.0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        store = make(Path(folder), arguments.flips)
        with locked(store.directory):
            store.rollback(1)
        with pacelayer_process(Path(folder)) as (base, pid):
            found = asyncio.run(soak(store, int(base.rpartition(":")[2]), pid, arguments))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")
    for name, value in found.items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
