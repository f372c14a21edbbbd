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

from pacelayer import MIN_LIFE_SECONDS
from tests.projects import ROOT, process, wait_for

from .asking import data, eventually
from .running import age, alive, answers, children, command, running_api
from .shops import COUNTED, ORDERS, add_order, make_project, publish

STATUS = "{ status { failures lastFailure { at code } } }"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project that is refreshed every second; nothing is published yet."""
    project = make_project(tmp_path / "shop", ORDERS, COUNTED, pace="1s")
    add_order(project)
    return project


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
    """There is one at a time, and never none for long."""
    snapshots = shop / "snapshots"
    with refreshing(shop) as first:
        wait_for(lambda: list(snapshots.glob("*-000001.duckdb")), lambda: first.poll() is None, shop / "refresher.log")
        with refreshing(shop) as second:
            log = shop / "refresher.log"
            wait_for(lambda: "waiting" in log.read_text(), lambda: second.poll() is None, log)
            assert str(first.pid) in log.read_text()
            first.terminate()
            assert first.wait(20) == 0

            wait_for(lambda: (snapshots / "lock").read_text() == f"{second.pid}\n", lambda: second.poll() is None, log)


def test_sigterm_ends_the_refresher_well(shop: Path) -> None:
    """With 0, and with nothing left in staging."""
    with refreshing(shop) as refresher:
        published = shop / "snapshots" / "current.duckdb"
        wait_for(published.exists, lambda: refresher.poll() is None, shop / "refresher.log")
        refresher.send_signal(signal.SIGTERM)

        assert refresher.wait(20) == 0
        assert not (shop / "snapshots" / "staging").exists()


def test_sighup_has_the_refresher_take_up_a_new_metric(shop: Path) -> None:
    """The API shows the new field without a restart."""
    with refreshing(shop) as refresher, running_api(shop) as (client, _):
        (shop / "metrics" / "largest.sql").write_text("select max(amount) as amount from shop.orders")
        refresher.send_signal(signal.SIGHUP)

        def asked() -> bool:
            answer = client.post("/graphql", json={"query": "{ largest { nodes { amount } } }"}).json()
            return bool(answer.get("data") == {"largest": {"nodes": [{"amount": "1.10"}]}})

        eventually(asked, "the new metric is answered")


def test_sighup_with_a_broken_metric_keeps_the_old_ones_fresh(shop: Path) -> None:
    """The problem is in the status, and the refresher goes on with what it had."""
    with refreshing(shop) as refresher, running_api(shop) as (client, _):
        before = number(client)
        (shop / "metrics" / "broken.sql").write_text("selct 1")
        refresher.send_signal(signal.SIGHUP)

        def failed() -> bool:
            status = data(client, "{ status { lastFailure { code } } }")["status"]
            return bool(status["lastFailure"] == {"code": "PROJECT_INVALID"})

        eventually(failed, "the status tells the failure")
        eventually(lambda: number(client) > before + 1, "generations go on")


def test_a_failing_refresh_is_in_the_status_without_its_message_and_heals(shop: Path) -> None:
    """Clients learn the code; what it says of the inside stays with the operators."""
    source, away = shop / "shop.sqlite", shop / "away.sqlite"
    with refreshing(shop) as refresher, running_api(shop) as (client, _):
        source.rename(away)
        eventually(lambda: 'last_failure": {' in (shop / "snapshots" / "status.json").read_text(), "it is written down")
        eventually(lambda: data(client, STATUS)["status"]["failures"] >= 1, "the API tells it")
        answer = client.post("/graphql", json={"query": STATUS})
        ready = client.get("/readyz")

        assert data(client, STATUS)["status"]["lastFailure"]["code"] == "SOURCE_UNAVAILABLE"
        assert "shop.sqlite" in (shop / "snapshots" / "status.json").read_text()
        for said in (answer.text, ready.text):
            assert "shop" not in said
        assert ready.json()["lastFailure"]["code"] == "SOURCE_UNAVAILABLE"
        assert refresher.poll() is None

        last = number(client)
        away.rename(source)
        eventually(lambda: number(client) > last, "the next refresh heals")
        eventually(lambda: data(client, STATUS)["status"]["failures"] == 0, "the failures are over")


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


def test_sigterm_to_up_ends_all_its_processes(shop: Path) -> None:
    """Nobody is left behind."""
    with running_api(shop, verb="up") as (_, up):
        started = children(up.pid)
        assert len(started) == 2
        up.send_signal(signal.SIGTERM)

        assert up.wait(30) == 0
        assert [pid for pid in started if alive(pid)] == []


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
