"""A refresh that takes too long, and who is told of one that fails."""

from __future__ import annotations

import itertools
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import duckdb
import pytest

from snapshot import connect
from snapshot.alarm import tell
from snapshot.errors import Overdue
from snapshot.events import RefreshFailed
from snapshot.limit import limited

from ..projects import ROOT

ENDLESS = "select sum(a.range * b.range) from range(1000000) a, range(1000000) b"
FAILED = RefreshFailed("SOURCE_UNAVAILABLE", 'it\'s "down"', 2.5)


def fail(error: Overdue) -> None:
    """No last words are expected."""
    raise AssertionError(error)


def ask_twice(connection: duckdb.DuckDBPyConnection) -> None:
    """A query that is ended, and another one."""
    with pytest.raises(duckdb.InterruptException):
        connection.execute(ENDLESS)
    connection.execute(ENDLESS)


def test_a_query_that_takes_too_long_is_ended() -> None:
    """And so is the next one, if there is another."""
    with closing(connect.empty(time_zone="UTC")) as connection:
        with (
            pytest.raises(Overdue, match=r"longer than 0\.2 s"),
            limited(0.2, fail) as limit,
            limit.watching(connection),
        ):
            ask_twice(connection)
        assert connection.execute("select 1").fetchall() == [(1,)]


def test_what_ends_in_time_is_left_alone() -> None:
    """Its errors are its own, and nobody watches it any more."""
    with pytest.raises(RuntimeError, match="other"), limited(60, fail):
        raise RuntimeError("other")
    assert "limit" not in [thread.name for thread in threading.enumerate()]


def test_what_has_a_limit_of_its_own_is_overdue_too_when_it_ends_by_it(tmp_path: Path) -> None:
    """Another process, say, or a statement at a source: it is given what is left."""
    with pytest.raises(Overdue), limited(0.2, fail) as limit:
        subprocess.run(["/bin/sleep", "60"], check=True, timeout=limit.left())


UNHEEDED = """
import os, sys, threading
from snapshot import limit
limit.GRACE_SECONDS = limit.AGAIN_SECONDS = 0.1
with limit.limited(0.1, lambda error: print(error, flush=True)):
    threading.Event().wait()
"""


def test_a_process_that_does_not_heed_the_limit_says_so_before_it_ends_itself() -> None:
    """Its last words are for the status and for whoever is told of failures."""
    done = subprocess.run([sys.executable, "-c", UNHEEDED], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == Overdue.exit_code
    assert "longer than 0.1 s" in done.stdout
    assert "ends itself" in done.stderr


def test_a_command_has_what_happened_in_its_environment(tmp_path: Path) -> None:
    """However it is written."""
    said = tmp_path / "said"
    tell(f'printf "%s|%s|%s" "$PACELAYER_PROJECT" "$PACELAYER_CODE" "$PACELAYER_MESSAGE" > {said}', "Shop", FAILED)
    assert said.read_text() == 'Shop|SOURCE_UNAVAILABLE|it\'s "down"'


def test_a_command_that_takes_too_long_is_ended_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not its shell alone."""
    monkeypatch.setattr("snapshot.alarm.SECONDS", 0.5)
    with pytest.raises(subprocess.TimeoutExpired):
        tell(f"sleep 600 & echo $! > {tmp_path}/pid; wait", "Shop", FAILED)
    started = Path("/proc", (tmp_path / "pid").read_text().strip(), "stat")
    for _ in range(1_000):  # whoever is its parent now has to see that it ended
        try:
            if started.read_text().rpartition(")")[2].split()[0] == "Z":
                break
        except (FileNotFoundError, ProcessLookupError):
            break
        time.sleep(0.01)
    else:
        pytest.fail("it goes on")


@pytest.mark.parametrize("answer", [b"hello\r\n\r\n", b""], ids=["not HTTP", "nothing"])
def test_an_address_that_is_no_webhook_s_is_not_waited_for(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """And whatever it says is no reason to fail for anything else."""
    monkeypatch.setattr("snapshot.alarm.SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.recv(65_536)
                connection.sendall(answer)
                for byte in itertools.repeat(b"H", 0 if answer else 1_000):
                    connection.sendall(byte)
                    time.sleep(0.1)

        threading.Thread(target=drip, daemon=True).start()
        with pytest.raises(OSError, match=r"did not answer|hello"):
            tell(f"http://127.0.0.1:{server.getsockname()[1]}/", "Shop", FAILED)


# Its address, and what was posted to it: each path, and each body.
Webhook = tuple[str, list[tuple[str, object]]]


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """One that takes a request."""
    posted: list[tuple[str, object]] = []

    class Handler(BaseHTTPRequestHandler):
        """Takes everything."""

        def do_POST(self) -> None:
            """Keep it."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.append((self.path, json.loads(body)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name there
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", posted
        thread.join()


def test_a_webhook_gets_it_as_json(webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret in its address comes from the environment."""
    url, posted = webhook
    monkeypatch.setenv("HOOK", "s3cret")
    tell(f"{url}/${{HOOK}}", "Shop", FAILED)
    said = {"project": "Shop", "code": FAILED.code, "message": FAILED.message, "next_try": FAILED.next_try}
    assert posted == [("/s3cret", said)]
