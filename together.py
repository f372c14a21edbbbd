"""Refresher and API as two processes under one command: what dies is started again, Ctrl-C ends both."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import harbor
import terminal
from snapshot.alarm import tell_once
from snapshot.build import now, refresh
from snapshot.errors import NoSnapshot, code_of
from snapshot.events import Event, Observer, RefreshFailed
from snapshot.foresee import foresee as in_words
from snapshot.plan import previous_of, reusable
from snapshot.project import load
from snapshot.settings import Settings
from snapshot.store import Store, locked, read_status, recorded

# What ends by itself so soon after the first start would only end again: a port that is taken, say.
MIN_LIFE_SECONDS = 5.0
# How long a process that died is left before it is started again.
RESTART_SECONDS = 0.5


def make_shop(path: Path, scale: float) -> None:
    """Make the demo's source, if it is not there."""
    if not path.exists():
        until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0, tzinfo=None)
        with terminal.progress(f"making {path.name}") as progress:
            harbor.create(path, until=until, scale=scale, progress=progress)


def refresh_once(
    settings: Settings, *, as_json: bool = False, full: bool = False, allow_empty: bool = False
) -> tuple[Path, bool]:
    """One refresh, shown on the terminal; the file that is current, and whether it is a new one.

    Raises PacelayerError.
    """
    directory = settings.directory
    with (
        terminal.refresh_observer(as_json=as_json) as show,
        locked(directory),
        _told_of_failures(settings) as told,
        recorded(directory, now),
    ):

        def observe(event: Event) -> None:
            show(event)
            told(event)

        project, sources = load(settings)
        store = Store(directory, settings.snapshots.keep, observe=observe)
        number = store.next_number()
        generation = refresh(project, sources, store, observe, full=full, allow_empty=allow_empty)
        return generation.path, generation.number >= number


@contextmanager
def _told_of_failures(settings: Settings) -> Iterator[Observer]:
    """Tell whoever the project names of a failure, the first of a row; what it yields, of last words."""
    before = read_status(settings.directory)
    told = before.last_failure.code if before.failures and before.last_failure else ""

    def tell(event: Event) -> None:
        if isinstance(event, RefreshFailed):
            tell_once(settings.on_failure, settings.name, event, told)

    try:
        yield tell
    except Exception as error:
        tell(RefreshFailed(code_of(error), str(error), 0.0))
        raise


def foresee(settings: Settings, *, full: bool = False) -> dict[str, str]:
    """What a refresh would read of each table and compute of each metric, in words. Raises ProjectError."""
    project, sources = load(settings)
    store = Store(settings.directory, settings.snapshots.keep)
    if full:
        return dict.fromkeys(in_words(project, sources, None), "all of it: --full was asked for")
    return in_words(project, sources, reusable(previous_of(store), project))


def publish_first(settings: Settings) -> None:
    """One refresh where there is no snapshot yet."""
    try:
        Store(settings.directory, settings.snapshots.keep).current()
    except NoSnapshot:
        refresh_once(settings)


def run(settings: Settings, port: int, shop: Path | None) -> int:
    """Say where everything is and run until a signal; 0 then, else the exit code of what could not start.

    `shop` is the demo's source, which is traded in meanwhile.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    terminal.say(f"GraphiQL    http://{settings.server.host}:{port}/graphql")
    terminal.say(f"snapshot    {settings.directory / 'current.duckdb'}")
    terminal.say("open it     pacelayer query 'from dashboard_metrics', or any DuckDB from 1.4 on, read-only")
    terminal.say(f"refreshed   every {settings.pace} s, until Ctrl-C")
    if shop:
        threading.Thread(target=harbor.trade, args=(shop,), kwargs={"stop": stop}, name="shop").start()
    project = ["--project", str(settings.root)]
    return _supervise(
        stop,
        [sys.executable, "-m", "refresher", *project],
        [sys.executable, "-m", "pacelayer", *project, "serve", "--quiet", "--port", str(port)],
    )


def _supervise(stop: threading.Event, *commands: Sequence[str]) -> int:
    """Run processes until `stop`, starting again what dies; one that cannot even start ends all with its exit code."""
    begun = time.monotonic()
    running = [_start(command) for command in commands]
    code = 0
    while not stop.wait(RESTART_SECONDS):
        for index, process in enumerate(running):
            if process.poll() is None:
                continue
            if process.returncode > 0 and time.monotonic() - begun < MIN_LIFE_SECONDS:
                code = process.returncode
                stop.set()
                break
            terminal.note(f"{commands[index][2]} ended with {process.returncode} and is started again")
            running[index] = _start(commands[index])
    for process in running:
        process.terminate()
    for process in running:
        process.wait()
    return code


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, start_new_session=True, preexec_fn=_end_with_parent)  # noqa: PLW1509


def _end_with_parent() -> None:
    """Have Linux end a process with the one that started it, however that ends; elsewhere only signals do."""
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


_LIBC, _PR_SET_PDEATHSIG = ctypes.CDLL(None), 1
