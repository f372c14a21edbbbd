"""One question three ways, in one run: live in SQLite, from the snapshot, and through the API over HTTP.

    .venv/bin/python bench/latency.py [--runs 50]

The question is the demo's dashboard: revenue, orders and buyers of the last 90 days by day and plan. It needs the
demo's source and a snapshot (`pacelayer demo-data` and `pacelayer refresh`), starts an API of its own, and prints a
Markdown table of medians and 95th percentiles in milliseconds, and how many times faster than live each is.
"""

from __future__ import annotations

import argparse
import http.client
import json
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import duckdb

ROOT = Path(__file__).parent.parent
LIVE = """
select date(o.created_at) as day, u.plan, count(*), sum(o.amount), count(distinct o.user_id)
from orders o join users u on u.id = o.user_id
where o.created_at >= ? group by 1, 2 order by 1, 2
"""
SNAPSHOT = """
select day, plan, orders, revenue, buyers from rollup."revenue by day, plan" where day >= ? order by day, plan
"""
DOCUMENT = """query ($since: Date!) {
  revenue(by: [DAY, PLAN], where: {day: {gte: $since}}) { nodes { day plan orders revenue buyers } }
}"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=50)
    runs = parser.parse_args().runs
    with duckdb.connect(str((ROOT / "snapshots" / "current.duckdb").resolve()), read_only=True) as snapshot:
        ((since,),) = snapshot.execute("select max(day) - 90 from main.revenue").fetchall()
        ways = {
            "live in SQLite": measured(live(str(since)), max(5, runs // 5)),
            "from the snapshot, in DuckDB": measured(lambda: snapshot.execute(SNAPSHOT, [since]).fetchall(), runs),
            "through the API, over HTTP": through_api(str(since), runs),
        }
    counts = {name: rows for name, (_, rows) in ways.items()}
    if len(set(counts.values())) != 1:
        sys.exit(f"the answers have different numbers of rows: {counts}")
    report({name: times for name, (times, _) in ways.items()})


def live(since: str) -> Callable[[], Sequence[object]]:
    """The question as a dashboard would ask the source on every request."""

    def ask() -> Sequence[object]:
        with closing(sqlite3.connect(f"file:{ROOT / 'harbor.sqlite'}?mode=ro", uri=True)) as source:
            return source.execute(LIVE, [since]).fetchall()

    return ask


def through_api(since: str, runs: int) -> tuple[list[float], int]:
    """The question to a real API process on one open connection."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "pacelayer", "--project", str(ROOT), "serve", "--quiet", "--port", str(port)]
    api = subprocess.Popen(command)
    try:
        client = connected(port)
        body = json.dumps({"query": DOCUMENT, "variables": {"since": since}})

        def ask() -> Sequence[object]:
            client.request("POST", "/graphql", body, {"Content-Type": "application/json"})
            nodes: list[object] = json.loads(client.getresponse().read())["data"]["revenue"]["nodes"]
            return nodes

        return measured(ask, runs)
    finally:
        api.terminate()
        api.wait()


def connected(port: int) -> http.client.HTTPConnection:
    """A connection to the API, once it is ready."""
    limit = time.monotonic() + 30
    while True:
        client = http.client.HTTPConnection("127.0.0.1", port)
        try:
            client.request("GET", "/readyz")
            if client.getresponse().read() and time.monotonic() < limit:
                return client
        except OSError:
            if time.monotonic() > limit:
                raise
            time.sleep(0.1)


def measured(ask: Callable[[], Sequence[object]], runs: int) -> tuple[list[float], int]:
    """Milliseconds of each run after three to warm up, and the number of rows."""
    rows = 0
    for _ in range(3):
        rows = len(ask())
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        ask()
        times.append((time.perf_counter() - begun) * 1000)
    return times, rows


def report(ways: dict[str, list[float]]) -> None:
    """A Markdown table."""
    slowest = statistics.median(next(iter(ways.values())))
    print("| revenue of the last 90 days by day and plan | median ms | 95th percentile ms | times faster |")
    print("| --- | --- | --- | --- |")
    for name, times in ways.items():
        middle, high = statistics.median(times), statistics.quantiles(times, n=20)[-1]
        print(f"| {name} | {middle:.1f} | {high:.1f} | {slowest / middle:.0f} |")


if __name__ == "__main__":
    main()
