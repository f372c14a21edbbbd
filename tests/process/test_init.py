"""`pacelayer init`: from a database that is there to a running API, over data that nobody here made."""

from __future__ import annotations

import csv
import json
import os
import pty
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy

from tests import servers
from tests.projects import ROOT, ask, free_port, pacelayer, process, serving, wait_for

# Tables for what vega-datasets brings; its dates are of several kinds.
VEGA = (
    (
        "create table weather (date date primary key, precipitation numeric(6, 1) not null, temp_max numeric(6, 1), "
        "temp_min numeric(6, 1), wind numeric(6, 1), weather text not null)"
    ),
    "create table stocks (symbol text not null, date date not null, price numeric(10, 2) not null)",
    (
        "create table cars (id bigint primary key, name text not null, miles_per_gallon numeric(6, 1), "
        "cylinders integer, horsepower integer, year date not null, origin text not null)"
    ),
    (
        "create table airports (iata text primary key, name text, city text, state text, country text, "
        "latitude double precision, longitude double precision)"
    ),
)
# What a user would write next, and the same in PostgreSQL's words.
METRICS = {
    "share_prices": (
        (
            "-- What a share costs.\nselect date_trunc('month', date)::date as month, symbol, max(price) as highest,\n"
            "  avg(price) as mean from {source}.stocks group by all"
        ),
        "select date_trunc('month', date)::date, symbol, max(price), avg(price)::float8 from stocks group by 1, 2",
    ),
    "consumption": (
        (
            "select year as model_year, origin, count(*) as models, avg(miles_per_gallon) as miles_per_gallon,\n"
            "  count(*) filter (where horsepower > 100) as strong, strong / models as share_of_strong\n"
            "from {source}.cars group by all"
        ),
        (
            "select year, origin, count(*), avg(miles_per_gallon)::float8, count(*) filter (where horsepower > 100),\n"
            "  count(*) filter (where horsepower > 100)::float8 / count(*) from cars group by 1, 2"
        ),
    ),
    "airports_of_states": (
        (
            "-- @key state\nselect coalesce(state, '?') as state, count(*) as airports, max(latitude) as northernmost\n"
            "from {source}.airports group by 1 having count(*) > 1"
        ),
        "select coalesce(state, '?'), count(*), max(latitude) from airports group by 1 having count(*) > 1",
    ),
}


@pytest.fixture(scope="session")
def vega(request: pytest.FixtureRequest) -> Path:
    """The data of the package vega-datasets, fetched once and kept in pytest's cache."""
    assert request.config.cache is not None
    folder = request.config.cache.mkdir("vega-datasets")
    data = folder / "vega_datasets" / "_data"
    if not data.exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
        subprocess.run([*command, "vega-datasets==0.9.0"], check=True, timeout=300)
    return data


@pytest.fixture
def loaded(vega: Path, postgres: sqlalchemy.URL) -> sqlalchemy.URL:
    """A PostgreSQL with four of its data sets."""
    servers.run(postgres, *VEGA)
    rows: dict[str, list[Any]] = {name: read_csv(vega / f"{name}.csv") for name in ("stocks", "airports")}
    rows["weather"] = read_csv(vega / "seattle-weather.csv")
    cars = json.loads((vega / "cars.json").read_text())
    names = ("Name", "Miles_per_Gallon", "Cylinders", "Horsepower", "Year", "Origin")
    rows["cars"] = [[number, *(car[name] for name in names)] for number, car in enumerate(cars)]
    engine = sqlalchemy.create_engine(postgres, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        for table, values in rows.items():
            places = ", ".join(["%s"] * len(values[0]))
            connection.exec_driver_sql(f"insert into {table} values ({places})", [tuple(row) for row in values])
    return postgres


def read_csv(path: Path) -> list[list[str | None]]:
    """The rows below the header, what is empty as null."""
    with path.open(newline="", encoding="utf-8") as file:
        return [[value or None for value in row] for row in csv.reader(file)][1:]


def init(folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run it in a new folder."""
    folder.mkdir(exist_ok=True)
    return pacelayer(folder, "init", *arguments, check=check)


def test_a_database_becomes_a_project_and_metrics_become_fields(loaded: sqlalchemy.URL, tmp_path: Path) -> None:
    """Its first metrics answer, and those that a user writes next have PostgreSQL's own numbers."""
    project = tmp_path / "vega"
    init(project, "--source", servers.written(loaded), "--table", "weather", "--no-up")
    assert {path.stem for path in (project / "metrics").iterdir()} == {
        "weather_by_day",
        "weather_sizes",
        "latest_weather",
    }
    (source,) = json.loads((project / "sources.lock").read_text())
    for name, (sql, _) in METRICS.items():
        (project / "metrics" / f"{name}.sql").write_text(sql.format(source=source))
    assert pacelayer(project, "check", check=False).stderr == ""
    pacelayer(project, "refresh")
    with serving(project) as base:
        first: Any = ask(base, "{ weatherByDay(by: [YEAR]) { nodes { year weatherCount } } }")["weatherByDay"]
        assert sum(node["weatherCount"] for node in first["nodes"]) == 1461
        found = ask(
            base,
            "{ sharePrices { nodes { month symbol highest mean } }"
            " airportsOfStates { nodes { state airports northernmost } }"
            " consumption { nodes { modelYear origin models milesPerGallon strong shareOfStrong } } }",
        )
    for name, field in zip(METRICS, ("sharePrices", "consumption", "airportsOfStates"), strict=True):
        answer: Any = found[field]
        ours = sorted(tuple(map(comparable, node.values())) for node in answer["nodes"])
        assert ours == sorted(tuple(map(comparable, row)) for row in rows(loaded, METRICS[name][1]))


def rows(url: sqlalchemy.URL, sql: str) -> list[Any]:
    """PostgreSQL's own answer."""
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        return list(connection.exec_driver_sql(sql))


def comparable(value: Any) -> str:
    """Floats to twelve digits, decimals as they are written."""
    return f"{value:.12g}" if isinstance(value, float) else str(value) if value is not None else "~"


def test_the_best_guess_is_the_table_with_time_amount_and_category(loaded: sqlalchemy.URL, tmp_path: Path) -> None:
    """Not the airports, which have none of them."""
    init(tmp_path / "guessed", "--source", servers.written(loaded), "--no-up")
    assert "airports" not in " ".join(path.stem for path in (tmp_path / "guessed" / "metrics").iterdir())


DATABASES = ("postgres", "mysql", "sqlite")


@pytest.fixture(params=DATABASES)
def harbor_url(request: pytest.FixtureRequest, harbor_source: Path) -> str:
    """Harbor in each kind of database."""
    if request.param == "sqlite":
        return f"sqlite:///{harbor_source}"
    url: sqlalchemy.URL = request.getfixturevalue(request.param)
    servers.copy_harbor(harbor_source, url)
    return servers.written(url)


def test_over_every_database_it_ends_with_a_running_api(harbor_url: str, tmp_path: Path) -> None:
    """One command, no question."""
    port, log = free_port(), tmp_path / "init.log"
    command = [
        "-m",
        "pacelayer",
        "--project",
        str(tmp_path),
        "init",
        "--source",
        harbor_url,
        "--up",
        "--port",
        str(port),
    ]
    with process(*command, log=log) as running:
        wait_for(lambda: is_ready(port), lambda: running.poll() is None, log)
        found: Any = ask(f"http://127.0.0.1:{port}", "{ ordersByDay(by: []) { nodes { ordersCount totalAmount } } }")
    (total,) = found["ordersByDay"]["nodes"]
    assert total["ordersCount"] == 5000
    assert Decimal(total["totalAmount"]) > 0


def is_ready(port: int) -> bool:
    """Whether there is an API with a snapshot."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_it_asks_three_questions_on_a_terminal(harbor_source: Path, tmp_path: Path) -> None:
    """The database, the table, and whether to start."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pacelayer", "--project", str(tmp_path), "init"]
    asked = subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, text=True)
    os.write(ours, f"sqlite:///{harbor_source}\nusers\nno\n".encode())
    _, said = asked.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert asked.returncode == 0
    assert [line for line in said.splitlines() if "?" in line] == [
        "Which database? (like postgresql://user@host/shop)",
        "Which table holds what you count?",
        "Start it now? (yes or no)",
    ]
    assert (tmp_path / "metrics" / "users_by_day.sql").exists()
