"""What a refresh costs, beside what it cannot cost less than, measured in one run over orders in PostgreSQL.

    python bench/refresh.py --url postgresql://postgres@127.0.0.1/postgres --rows 5000000 --json refresh.json

It makes a database of its own on that server, and drops it. `psql` has to be there. Each refresh is a process of its
own.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import sqlalchemy

from snapshot import settings as project_settings
from snapshot.build import refresh
from snapshot.events import Event, StepReached
from snapshot.project import check, load
from snapshot.store import Store, locked, verify

# How often what takes tenths of a second is measured; the least counts.
AGAIN = 3
# connectorx holds all rows at once.
MOST_IN_MEMORY = 5_000_000
DATABASE = "pacelayer_bench_refresh"
ORDERS = """
create table orders (
    id bigint primary key, user_id bigint not null, region text, status text not null, amount numeric(10, 2) not null,
    note text, created_at timestamp not null, updated_at timestamptz not null);
insert into orders
select i, 1 + (hashint8(i) & 2147483647) % 200000, (array['EU', 'US', 'UK', 'APAC', null])[1 + i % 5],
    case when i % 20 = 0 then 'refunded' else 'paid' end, ((hashint8(i * 3) & 2147483647) % 50000) / 100.0,
    md5(i::text),
    timestamp '2025-05-01' + i * interval '9 seconds', timestamptz '2025-05-01' + i * interval '9 seconds'
from generate_series(1, {rows}) i;
create index on orders (updated_at);
vacuum analyze orders;
"""
METRIC = """
select date_trunc('day', o.created_at)::date as day, o.region, o.status,
  count(*) as orders, sum(o.amount) as revenue, avg(o.amount) as mean
from shop.orders o group by all
"""
TOML = """
[sources.shop]
url = "{url}"
[sources.shop.tables.orders]
columns = ["note", "user_id", "status", "updated_at"]
"""
CHANGE = "update orders set amount = amount + 1, updated_at = now() where {which}"


def psql(url: sqlalchemy.URL, sql: str) -> float:
    """Run it, with what it gives thrown away; seconds."""
    command = ["psql", "-q", "-X", "-v", "ON_ERROR_STOP=1", url.render_as_string(hide_password=False)]
    begun = time.monotonic()
    subprocess.run(command, input=sql.encode(), stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - begun


@contextmanager
def database(server: sqlalchemy.URL, rows: int) -> Iterator[sqlalchemy.URL]:
    """A database with so many orders."""
    psql(server, f"drop database if exists {DATABASE};\ncreate database {DATABASE};")
    try:
        url = server.set(database=DATABASE)
        psql(url, ORDERS.format(rows=rows))
        yield url
    finally:
        psql(server, f"drop database {DATABASE};")


def refreshed(project: Path, *, full: bool) -> dict[str, float]:
    """A refresh in a process of its own, and some more: seconds until each step, and the peak of its memory in MB."""
    command = [sys.executable, __file__, "--refresh", str(project), *(["--full"] if full else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def refresh_here(project: Path, *, full: bool) -> None:
    """What that process does."""
    settings = project_settings.load(project)
    definition, sources = load(settings)
    steps: dict[str, float] = {}
    begun = time.monotonic()

    def observe(event: Event) -> None:
        if isinstance(event, StepReached):
            steps.setdefault(event.step, time.monotonic() - begun)

    with locked(settings.directory):
        store = Store(settings.directory, 2, observe=observe)
        refresh(definition, sources, store, observe, full=full)
        steps["all"] = time.monotonic() - begun
        steps["again"] = min(_again(lambda: refresh(definition, sources, store, observe)) for _ in range(AGAIN))
    (peak,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(json.dumps({**steps, "peak MB": int(peak.split()[1]) / 1024}))


def _again(do: Callable[[], object]) -> float:
    begun = time.monotonic()
    do()
    return time.monotonic() - begun


def by_connectorx(url: sqlalchemy.URL, folder: Path) -> float:
    """Seconds that connectorx takes to bring the same rows into a DuckDB file; it makes floats of decimals."""
    import connectorx  # type: ignore[import-untyped]
    import duckdb

    begun = time.monotonic()
    rows = connectorx.read_sql(
        url.set(drivername="postgresql").render_as_string(hide_password=False), "select * from orders",
        return_type="arrow",
    )  # fmt: skip
    with duckdb.connect(str(folder / "connectorx.duckdb")) as connection:
        connection.register("rows", rows)
        connection.execute("create table orders as from rows")
    return time.monotonic() - begun


def floor(project: Path) -> float:
    """Seconds to copy the current file, sync it and read all of it: what a new generation cannot do without."""
    path = Store(project / "snapshots", 2).current().path
    begun = time.monotonic()
    copy = Path(shutil.copyfile(path, project / "copy.duckdb"))
    with copy.open("rb") as file:
        os.fsync(file.fileno())
    verify(copy)
    seconds = time.monotonic() - begun
    copy.unlink()
    return seconds


def measure(url: sqlalchemy.URL, project: Path, rows: int) -> dict[str, Any]:
    """Everything of one size of the table."""
    connectorx = by_connectorx(url, Path(mkdtemp(dir=project))) if rows <= MOST_IN_MEMORY else None
    copied = min(psql(url, "copy (select * from orders) to stdout (format binary);") for _ in range(2))
    full = refreshed(project, full=True)
    look = "select count(*), count(*) filter (where age(xmin) <= 5) from orders;"
    looked = min(psql(url, look) for _ in range(AGAIN))
    fetched = psql(url, "select count(*) from orders where age(xmin) <= 5;")
    nothing = refreshed(project, full=False)
    found: dict[str, Any] = {
        "rows": rows,
        "copy to /dev/null": copied,
        **({"connectorx into DuckDB": connectorx} if connectorx else {}),
        "full: exported": full["exported"] - full["staged"],
        "full: checkpointed": full["checkpointed"] - full["staged"],
        "full: all": full["all"],
        "peak MB": full["peak MB"],
        "the source's own look": looked,
        "and reading from it what changed": fetched,
        "nothing changed, in a process that has refreshed before": nothing["again"],
    }
    cases: Mapping[str, Callable[[int], str]] = {
        "10,000 of the newest 2 %": lambda n: f"id > {rows - rows // 50} and id % {max(1, rows // 50 // 10_000)} = {n}",
        "10,000 anywhere": lambda n: f"id % {max(1, rows // 10_000)} = {n}",
        "1 %": lambda n: f"id % 100 = {n}",
        "5 %": lambda n: f"id % 20 = {n}",
        "25 %": lambda n: f"id % 4 = {n}",
    }
    for name, which in cases.items():
        tries = [
            _changed(url, project, which(number % 2)) for number in range(AGAIN if name.startswith("10,000") else 1)
        ]
        found[f"changed {name}"], found[f"changed {name}, where copy, sync and read take"] = map(
            min, zip(*tries, strict=True)
        )
    return found


def _changed(url: sqlalchemy.URL, project: Path, which: str) -> tuple[float, float]:
    """Seconds of a refresh after some rows were changed, and of what it cannot do without."""
    psql(url, CHANGE.format(which=which))
    floored = floor(project)
    return refreshed(project, full=False)["all"], floored


def main() -> None:
    """Measure each size, and say it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="postgresql://postgres@127.0.0.1/postgres")
    parser.add_argument("--rows", type=int, nargs="+", default=[5_000_000])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--refresh", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--full", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.refresh:
        refresh_here(arguments.refresh, full=arguments.full)
        return
    results = []
    for rows in arguments.rows:
        with TemporaryDirectory() as folder, database(sqlalchemy.make_url(arguments.url), rows) as url:
            project = Path(folder)
            (project / "metrics").mkdir()
            (project / "metrics" / "revenue.sql").write_text(METRIC)
            (project / "pacelayer.toml").write_text(TOML.format(url=url.render_as_string(hide_password=False)))
            report = check(project)
            if report.problems:
                sys.exit("\n".join(map(str, report.problems)))
            results.append(measure(url, project, rows))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")
    for result in results:
        for name, value in result.items():
            print(f"{name:70} {value:12,.2f}")


if __name__ == "__main__":
    main()
