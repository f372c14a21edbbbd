"""One refresher works on a directory at a time; the others wait, or end with a code of their own."""

from __future__ import annotations

import os
import sys
from multiprocessing.context import ForkServerProcess
from multiprocessing.synchronize import Event
from pathlib import Path

from snapshot.errors import Locked
from snapshot.store import locked

from ..projects import pacelayer, process, wait_for
from .ledger import ENTRIES, PROCESSES, add_entries, at, is_tidy, refresh, store_of, wait_until, whole


def refresh_and_wait(project: Path, begin: Event, go_on: Event) -> None:
    """Begin with the others, and wait once it has the lock; without it, end as `pacelayer` does."""
    begin.wait(60)
    try:
        refresh(project, at("locked", lambda: go_on.wait(60)))
    except Locked as error:
        sys.exit(error.exit_code)


def start(project: Path, begin: Event, go_on: Event) -> ForkServerProcess:
    """One of several refreshers."""
    refresher = PROCESSES.Process(target=refresh_and_wait, args=(project, begin, go_on))
    refresher.start()
    return refresher


def test_of_four_refreshers_at_once_one_publishes_and_the_others_end_with_the_code_of_locked(ledger: Path) -> None:
    """They race for the lock; who has it keeps it until the three others have given up."""
    begin, go_on = PROCESSES.Event(), PROCESSES.Event()
    refreshers = [start(ledger, begin, go_on) for _ in range(4)]
    begin.set()
    wait_until(lambda: sum(one.exitcode is not None for one in refreshers) == 3, "three to end")
    assert [one.exitcode for one in refreshers if one.exitcode is not None] == [Locked.exit_code] * 3
    assert store_of(ledger).current().number == 1
    go_on.set()
    for one in refreshers:
        one.join(60)
    assert sorted(one.exitcode or 0 for one in refreshers) == [0, *[Locked.exit_code] * 3]
    assert [generation.number for generation in store_of(ledger).generations()] == [2, 1]
    assert whole(store_of(ledger).current()) == 2 * ENTRIES
    assert is_tidy(store_of(ledger))


def test_the_command_line_ends_with_the_code_of_locked_and_names_the_process_at_work(ledger: Path) -> None:
    """Nothing is changed; the message tells which process to wait for."""
    with locked(store_of(ledger).directory):
        ended = pacelayer(ledger, "refresh", check=False)
    assert ended.returncode == Locked.exit_code
    assert f"another refresher (process {os.getpid()})" in ended.stderr
    assert [generation.number for generation in store_of(ledger).generations()] == [1]


def test_a_rollback_does_not_wait_for_the_refresher(ledger: Path) -> None:
    """A refresher holds the directory for as long as it runs, and whoever rolls back is in a hurry."""
    refresh(ledger)
    with locked(store_of(ledger).directory):
        pacelayer(ledger, "rollback")
    assert store_of(ledger).current().number == 1


def test_a_second_refresher_waits_and_takes_over_when_the_first_is_killed(ledger: Path) -> None:
    """It leaves the directory alone while the first lives, and publishes when that is gone."""
    store, log = store_of(ledger), ledger / "second.log"
    command = ("refresher.py", "--project", str(ledger))
    with process(*command, log=ledger / "first.log") as first:
        wait_until(lambda: store.current().number > 1, "the first refresher")
        with process(*command, log=log) as second:
            words = f"another refresher (process {first.pid})"
            wait_for(lambda: words in log.read_text(), lambda: second.poll() is None, log)
            first.kill()
            first.wait()
            last = store.current().number
            add_entries(ledger)
            wait_for(lambda: store.current().number > last, lambda: second.poll() is None, log)
            assert (store.directory / "lock").read_text() == f"{second.pid}\n"
    assert whole(store.current()) == 3 * ENTRIES
