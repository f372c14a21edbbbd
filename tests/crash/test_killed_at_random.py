"""The real refresher, killed again and again at random moments while another process keeps reading."""

from __future__ import annotations

import itertools
import random
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path

import refresher
from snapshot.events import nobody
from snapshot.reader import Reader, Resources

from .conftest import copy_ledger
from .ledger import (
    ENTRIES,
    LIMIT_SECONDS,
    PROCESSES,
    add_entries,
    at,
    entries_of,
    is_tidy,
    refresh,
    store_of,
    wait_until,
    whole,
)

KILLS = 10  # of each of five ledgers
# Most kills meet a refresh, the others the start of the process or the time between two refreshes.
AFTER = ("", "locked", "locked", "locked", "locked", "exported", "checkpointed", "older removed")
WHILE = 0.6  # seconds; a refresh takes 0.3, and longer when five are made at once
SEED = 20261124
UNSEEN = 255  # what multiprocessing says where its fork server did not see how a process ended
PAUSE = 0.1  # seconds between two looks, to leave the cores to those who work


def follow(project: Path, stop: Event, log: Path) -> None:
    """Read as the API does, until `stop`, and write down the numbers."""
    reader: Reader[None] = Reader(store_of(project).directory, Resources(1, "100MB"), lambda _: None, nobody)
    reader.start()
    with log.open("w") as numbers:
        while not stop.wait(PAUSE):
            with reader.lease() as generation:
                ((entries,),) = generation.query("select sum(entries) from totals", (), time.monotonic() + 30)
            print(entries, file=numbers, flush=True)
    reader.stop()


def open_again(project: Path, stop: Event, log: Path) -> None:
    """Read as an analyst does, opening `current.duckdb` anew each time, until `stop`, and write down the numbers."""
    pointer = store_of(project).pointer
    with log.open("w") as numbers:
        while not stop.wait(PAUSE):
            print(entries_of(pointer.resolve(strict=True)), file=numbers, flush=True)


@contextmanager
def watching(project: Path, watch: Callable[[Path, Event, Path], None]) -> Iterator[Path]:
    """A process that keeps reading the ledger; the file of what it saw."""
    stop, log = PROCESSES.Event(), project / "watched"
    watcher = PROCESSES.Process(target=watch, args=(project, stop, log))
    watcher.start()
    try:
        wait_until(lambda: watcher.exitcode is not None or (log.exists() and log.read_text()), "the watcher")
        yield log
    finally:
        stop.set()
        watcher.join(60)
    assert watcher.exitcode == 0, "the watcher could not read"


def run(project: Path, moment: str, reached: Event) -> None:
    """The refresher, which tells when a refresh has come to the moment."""
    refresher.main(["--project", str(project)], at(moment, reached.set))


def kill_often(project: Path, rng: random.Random) -> list[int]:
    """Kill a refresher KILLS times, a random while after it came to a moment; the numbers after each kill."""
    store = store_of(project)
    numbers: list[int] = []
    unfinished = 0
    for _ in range(KILLS):
        add_entries(project)
        moment, reached = rng.choice(AFTER), PROCESSES.Event()
        running = PROCESSES.Process(target=run, args=(project, moment, reached))
        running.start()
        assert not moment or reached.wait(LIMIT_SECONDS)
        running.join(rng.uniform(0, WHILE))
        running.kill()
        running.join()
        assert running.exitcode in (-signal.SIGKILL, UNSEEN)
        unfinished += store.staging.exists()
        numbers.append(whole(store.current()))
    assert unfinished, "no kill met a refresh"
    return numbers


def test_fifty_kills_at_random_moments_never_take_a_number_back(published_ledger: Path, tmp_path: Path) -> None:
    """After each a whole generation is current, readers see no error and no older number, and one refresh heals all."""
    ledgers = [copy_ledger(published_ledger, tmp_path / str(index)) for index in range(5)]
    chances = [random.Random(SEED + index) for index in range(len(ledgers))]  # noqa: S311  the same kills each time
    with ExitStack() as stack, ThreadPoolExecutor(len(ledgers)) as pool:
        watches = itertools.cycle((follow, open_again))
        logs = [stack.enter_context(watching(ledger, watch)) for ledger, watch in zip(ledgers, watches, strict=False)]
        after_kills = list(pool.map(kill_often, ledgers, chances))
    watched = [[int(number) for number in log.read_text().split()] for log in logs]
    for numbers in (*after_kills, *watched):
        assert numbers == sorted(numbers)
    assert max(numbers[-1] for numbers in after_kills) > ENTRIES, "no refresh came to its end"
    for ledger in ledgers:
        assert whole(refresh(ledger)) == (KILLS + 2) * ENTRIES
        assert is_tidy(store_of(ledger))
