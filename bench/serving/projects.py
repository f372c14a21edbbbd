"""The projects that are asked: two metrics of a small shop, a wide one, and as many more as are wanted."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

PLANS = ("free", "starter", "pro", "team", "enterprise")
REGIONS = ("us-east", "us-west", "eu-west", "eu-central", "ap-south", "ap-southeast", "sa-east", "af-south")
USERS, PRIME = 50_000, 50_021
TABLES = """
create table metrics_daily(
    day date not null, plan text not null, region text not null, active_users integer not null, orders integer not null,
    revenue decimal(12, 2) not null, primary key (day, plan, region));
create table users(
    user_id integer primary key not null, orders integer not null, revenue decimal(12, 2) not null,
    last_seen timestamp not null);
create table wide(id integer primary key not null, {columns});
"""
METRICS = {
    "metrics_daily": """select d.day, d.plan, d.region, sum(d.active_users) as active_users, sum(d.orders) as orders,
  sum(d.revenue) as revenue from shop.metrics_daily d group by all""",
    "user_dashboard": "-- @key user_id\nselect user_id, orders, revenue, last_seen from shop.users",
    "wide": "-- @key id\nselect * from shop.wide",
}
TOML = """
name = "Bench"
[sources.shop]
url = "sqlite:///shop.sqlite"
[server]
{server}
"""


def make(folder: Path, *, server: str = "", rows: int = 10_000, more: int = 0) -> Path:
    """A project with a snapshot; `wide` has so many `rows`, and there are so many `more` metrics."""
    (folder / "metrics").mkdir(parents=True)
    with sqlite3.connect(folder / "shop.sqlite") as shop:
        shop.executescript(TABLES.format(columns=", ".join(f"c{n} integer not null" for n in range(9))))
        shop.executemany("insert into metrics_daily values (?, ?, ?, ?, ?, ?)", list(daily()))
        shop.executemany("insert into users values (?, ?, ?, ?)", list(users()))
        columns = ", ".join(f"n * {n + 7} % 10007" for n in range(9))
        shop.execute(
            f"with recursive ns(n) as (select 1 union all select n + 1 from ns limit {rows}) "
            f"insert into wide select n, {columns} from ns"
        )
    extra = {f"more_{n}": METRICS["metrics_daily"] for n in range(more)}
    for name, sql in {**METRICS, **extra}.items():
        (folder / "metrics" / f"{name}.sql").write_text(sql + "\n")
    (folder / "pacelayer.toml").write_text(TOML.format(server=server))
    for verb in ("check", "refresh"):
        command = [sys.executable, "-m", "pacelayer", "--project", str(folder), verb]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder


def daily() -> list[tuple[object, ...]]:
    """Thirty days by plan and region."""
    found = []
    for d in range(30):
        for p, plan in enumerate(PLANS):
            for r, region in enumerate(REGIONS):
                h = (d * 7919 + p * 104729 + r * 1299709 + d * p * 31 + 12345) % 100003
                orders = (500 + h % 4500) // 3 + h % 97
                revenue = orders * (p * 12 + 3) + (h % 4) * 0.25
                found.append((str(date(2026, 10, 25) + timedelta(d)), plan, region, 500 + h % 4500, orders, revenue))
    return found


def users() -> list[tuple[object, ...]]:
    """What each of them did; no two have the same revenue."""
    return [(i, i * 7919 % PRIME % 173, i * 7919 % PRIME * 0.25, "2026-11-23 23:59:59") for i in range(1, USERS + 1)]
