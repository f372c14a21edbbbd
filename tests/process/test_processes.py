"""The refresher and the API are two processes: one may end, and the other goes on."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.projects import ROOT, process, wait_for
from together import MIN_LIFE_SECONDS

from .asking import data, eventually
from .running import age, alive, answers, children, command, running_api
from .shops import COUNTED, ORDERS, add_order, make_project, publish

# A metric that looks at the clock: each refresh has something new to publish.
CLOCK = {"clock": "select now() as looked, count(*) as orders from shop.orders"}


def make_shop(root: Path) -> Path:
    """A project that is refreshed every second; nothing is published yet."""
    project = make_project(root, ORDERS, COUNTED | CLOCK, pace="1s")
    add_order(project)
    return project


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Such a project for one test."""
    return make_shop(tmp_path / "shop")


@contextmanager
def refreshing(project: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The refresher, run as a script of its own."""
    with process(str(ROOT / "refresher.py"), "--project", str(project), log=project / "refresher.log") as running:
        yield running


def number(client: httpx.Client) -> int:
    """The generation that answers."""
    return int(data(client, "{ snapshot { number } }")["snapshot"]["number"])


def test_the_api_goes_on_when_the_refresher_is_killed_and_says_that_its_numbers_grow_old(shop: Path) -> None:
    """Old numbers are numbers; the next refresher takes over."""
    publish(shop)
    with running_api(shop) as (client, _):
        with refreshing(shop) as refresher:
            eventually(lambda: number(client) >= 3, "the refresher publishes and the API follows")
            refresher.kill()
            refresher.wait()
        last = number(client)

        eventually(lambda: data(client, "{ status { freshness } }")["status"]["freshness"] == "STALE", "it is stale")
        assert client.get("/readyz").status_code == 200
        assert client.get("/readyz").json()["status"] == "stale"
        assert number(client) == last

        with refreshing(shop):
            eventually(lambda: number(client) > last, "another refresher publishes")


def test_a_second_refresher_waits_and_takes_over(shop: Path) -> None:
    """There is one at a time, and never none for long; it has the project as it is by then."""
    snapshots = shop / "snapshots"
    with refreshing(shop) as first:
        wait_for(lambda: list(snapshots.glob("*-000001.duckdb")), lambda: first.poll() is None, shop / "refresher.log")
        with refreshing(shop) as second:
            log = shop / "refresher.log"
            wait_for(lambda: "waiting" in log.read_text(), lambda: second.poll() is None, log)
            assert str(first.pid) in log.read_text()
            (shop / "metrics" / "largest.sql").write_text("select max(amount) as amount from shop.orders")
            first.terminate()
            assert first.wait(20) == 0

            wait_for(lambda: (snapshots / "lock").read_text() == f"{second.pid}\n", lambda: second.poll() is None, log)
            wait_for(lambda: "read the project again: 4 metrics" in log.read_text(), lambda: second.poll() is None, log)


def test_sigterm_ends_the_refresher_well(shop: Path) -> None:
    """With 0, and with nothing left in staging."""
    with refreshing(shop) as refresher:
        published = shop / "snapshots" / "current.duckdb"
        wait_for(published.exists, lambda: refresher.poll() is None, shop / "refresher.log")
        refresher.send_signal(signal.SIGTERM)

        assert refresher.wait(20) == 0
        assert not (shop / "snapshots" / "staging").exists()


Live = tuple[Path, subprocess.Popen[bytes], httpx.Client]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A project with a refresher and an API at work. Each test leaves it as well as it was."""
    project = make_shop(tmp_path_factory.mktemp("live") / "shop")
    with refreshing(project) as refresher, running_api(project) as (client, _):
        yield project, refresher, client


def failure(client: httpx.Client) -> str | None:
    """The code of the last failure, where the last refresh failed."""
    status = data(client, "{ status { failures lastFailure { at code } } }")["status"]
    return str(status["lastFailure"]["code"]) if status["failures"] else None


def test_sighup_has_the_refresher_take_up_a_new_metric(live: Live) -> None:
    """The API shows the new field without a restart."""
    project, refresher, client = live
    (project / "metrics" / "largest.sql").write_text("select max(amount) as amount from shop.orders")
    refresher.send_signal(signal.SIGHUP)

    def answered() -> bool:
        answer = client.post("/graphql", json={"query": "{ largest { nodes { amount } } }"}).json()
        return bool(answer.get("data") == {"largest": {"nodes": [{"amount": "1.10"}]}})

    eventually(answered, "the new metric is answered")


def test_sighup_with_a_broken_metric_keeps_the_old_ones_fresh(live: Live) -> None:
    """The problem is in the status, and the refresher goes on with what it had."""
    project, refresher, client = live
    before, broken = number(client), project / "metrics" / "broken.sql"
    broken.write_text("selct 1")
    refresher.send_signal(signal.SIGHUP)

    eventually(lambda: failure(client) == "PROJECT_INVALID", "the status tells the failure")
    eventually(lambda: number(client) > before + 2, "generations go on")
    assert failure(client) == "PROJECT_INVALID"
    broken.unlink()
    eventually(lambda: failure(client) is None, "the project can be read again")


def test_sighup_with_another_directory_is_refused_until_a_restart(live: Live) -> None:
    """The lock that the refresher holds is that of the old one."""
    project, refresher, client = live
    toml = project / "pacelayer.toml"
    before = toml.read_text()
    toml.write_text(f'{before}[snapshots]\npath = "elsewhere"\n')
    refresher.send_signal(signal.SIGHUP)

    eventually(lambda: failure(client) == "PROJECT_INVALID", "the status tells the failure")
    assert "start the refresher again" in (project / "snapshots" / "status.json").read_text()
    assert not (project / "elsewhere").exists()
    toml.write_text(before)
    eventually(lambda: failure(client) is None, "the directory is the old one again")


def test_a_failing_refresh_is_in_the_status_without_its_message_and_heals(live: Live) -> None:
    """Clients learn the code; what it says of the inside stays with the operators."""
    project, refresher, client = live
    source, away = project / "shop.sqlite", project / "away.sqlite"
    source.rename(away)
    eventually(lambda: failure(client) == "SOURCE_UNAVAILABLE", "the API tells it")

    assert "shop.sqlite" in (project / "snapshots" / "status.json").read_text()
    answer = client.post("/graphql", json={"query": "{ status { failures lastFailure { at code } } }"})
    ready = client.get("/readyz")
    assert (answer.status_code, ready.status_code) == (200, 200)
    assert ready.json()["lastFailure"]["code"] == "SOURCE_UNAVAILABLE"
    assert "shop" not in answer.text + ready.text
    assert refresher.poll() is None

    last = number(client)
    away.rename(source)
    eventually(lambda: number(client) > last, "the next refresh heals")
    eventually(lambda: failure(client) is None, "the failures are over")
    told = data(client, "{ status { failures lastFailure { at code } } }")["status"]
    ready = client.get("/readyz").json()
    assert (ready["failures"], ready["lastFailure"]["code"]) == (0, told["lastFailure"]["code"])


def child(up: int, word: str) -> int | None:
    """The child of `up` whose command has a word."""
    return next((pid for pid in children(up) if word in command(pid)), None)


def kill_child(up: int, word: str) -> None:
    """Kill a child of `up` that has lived long enough to be worth another start, and wait for the next one."""
    killed = child(up, word)
    assert killed is not None
    eventually(lambda: age(killed) > MIN_LIFE_SECONDS + 0.5, f"{word} has lived long enough")
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: child(up, word) not in (None, killed), f"{word} is started again")


def test_up_starts_again_what_is_killed(shop: Path) -> None:
    """The API and the refresher, each by itself."""
    with running_api(shop, verb="up") as (client, up):
        kill_child(up.pid, "serve")
        eventually(lambda: answers(client, "/readyz"), "the API answers again")

        kill_child(up.pid, "refresher")
        last = number(client)
        eventually(lambda: number(client) > last, "the refresher publishes again")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_up_ends_all_its_processes(shop: Path, number: signal.Signals) -> None:
    """Nobody is left behind, also where the terminal is closed."""
    with running_api(shop, verb="up") as (_, up):
        started = children(up.pid)
        assert len(started) == 2
        up.send_signal(number)

        assert up.wait(30) == 0
        assert [pid for pid in started if alive(pid)] == []


def test_up_that_is_killed_takes_its_processes_along(shop: Path) -> None:
    """Else they would hold the port and the directory for whoever starts it again."""
    with running_api(shop, verb="up") as (_, up):
        started = children(up.pid)
        up.kill()
        up.wait()
        eventually(lambda: not [pid for pid in started if alive(pid)], "they end")


def test_up_ends_where_the_api_cannot_start(shop: Path) -> None:
    """A port that is taken stays taken: all ends, and the exit code says so."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        arguments = ["-m", "pacelayer", "--project", str(shop), "up", "--port", port]
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )

    assert done.returncode not in (0, None)
    assert "address already in use" in done.stderr.lower()
