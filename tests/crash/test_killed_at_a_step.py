"""A refresh that ends at any of its steps, killed or by an error: old before the flip, new from it on."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pytest

from snapshot import build, finish
from snapshot.errors import NoSnapshot
from snapshot.store import locked

from .conftest import copy_ledger
from .ledger import (
    ENTRIES,
    FLIP,
    MOMENTS,
    PROCESSES,
    add_entries,
    at,
    is_tidy,
    make_ledger,
    moment_of,
    refresh,
    row_groups,
    store_of,
    whole,
)

# A ledger, and the number of the generation that must be current.
Killed = tuple[Path, int]


class Unforeseen(Exception):
    """An error that no part of the project knows."""


def refresh_and_die(project: Path, moment: str, *, copies: bool) -> None:
    """What a process of its own does: come to the moment and be killed there."""
    refresh(project, at(moment, lambda: os.kill(os.getpid(), signal.SIGKILL)), copies=copies)


def write_anew_and_die(project: Path) -> None:
    """It is killed when it has written its files from nothing, for their copies had outgrown what is in them."""
    with (
        patch.object(build, "has_outgrown", return_value=True),
        patch.object(finish, "finish", lambda *_: os.kill(os.getpid(), signal.SIGKILL)),
    ):
        refresh(project, copies=True)


def refresh_and_be_killed(project: Path, moment: str, *, copies: bool = False) -> None:
    """Have a process refresh the ledger up to the moment."""
    be_killed(partial(refresh_and_die, project, moment, copies=copies))


def be_killed(do: Callable[[], None]) -> None:
    """Have a process do what ends it."""
    process = PROCESSES.Process(target=do)
    process.start()
    process.join(60)
    # 255 is what multiprocessing says where its fork server did not see how the process ended.
    assert process.exitcode in (-signal.SIGKILL, 255)


def publish_first(project: Path) -> None:
    """A ledger made here of which generation 1 tells of half the entries that its source has."""
    make_ledger(project)
    refresh(project)
    add_entries(project)


def fail() -> None:
    """What an observer or anything else may do."""
    raise Unforeseen


def current_after(moment: str) -> int:
    """The number of the generation that is current after a second refresh came to the moment and no further."""
    return 1 if MOMENTS.index(moment) < FLIP else 2


@pytest.fixture(scope="module", params=["from nothing", "from a copy"])
def copies(request: pytest.FixtureRequest) -> bool:
    """Whether the new files of a refresh begin as copies of the last ones."""
    return bool(request.param == "from a copy")


@pytest.fixture(scope="module", params=MOMENTS)
def killed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, published_ledger: Path, *, copies: bool
) -> Killed:
    """A ledger after a refresh that was killed at the moment. Not to be changed."""
    project = tmp_path_factory.mktemp("killed") / "ledger"
    if copies:  # only what was read of the same place is gone on from
        publish_first(project)
    else:
        copy_ledger(published_ledger, project)
    refresh_and_be_killed(project, request.param, copies=copies)
    return project, current_after(request.param)


def test_the_old_generation_is_current_before_the_flip_and_the_new_one_from_it_on(killed: Killed) -> None:
    """What `current.duckdb` names is all there, with the numbers of its refresh."""
    project, number = killed
    assert store_of(project).current().number == number
    assert whole(store_of(project).current()) == number * ENTRIES


def test_the_next_refresh_publishes_and_leaves_nothing_of_the_killed_one(killed: Killed, tmp_path: Path) -> None:
    """Staging, half-made pointers, and companions without their generation are gone; the numbers have grown."""
    project = copy_ledger(killed[0], tmp_path / "ledger")
    generation = refresh(project)
    assert generation.number > killed[1]
    assert store_of(project).current() == generation
    assert whole(generation) == 2 * ENTRIES
    assert is_tidy(store_of(project))


def test_a_refresh_that_is_killed_while_it_writes_a_copy_anew_leaves_nothing(tmp_path: Path) -> None:
    """The old generation is current, and the next refresh may write its copy anew as well."""
    project = tmp_path / "ledger"
    publish_first(project)
    be_killed(partial(write_anew_and_die, project))
    assert whole(store_of(project).current()) == ENTRIES
    with patch.object(build, "has_outgrown", return_value=True):
        seen: list[str] = []
        generation = refresh(project, lambda event: seen.append(moment_of(event)), copies=True)
    assert seen[seen.index("checkpointed") :][:3] == ["checkpointed", "outgrown", "closed"]
    assert row_groups(generation) == 1
    assert whole(generation) == 2 * ENTRIES
    assert is_tidy(store_of(project))


def test_a_refresh_begins_with_a_copy_where_it_is_meant_to(tmp_path: Path) -> None:
    """Of the snapshot and of the private tables, and it has all that a rebuild has."""
    project = tmp_path / "ledger"
    publish_first(project)
    generation = refresh(project, copies=True)
    assert row_groups(generation) == 2
    assert whole(generation) == 2 * ENTRIES


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_error_at_any_step_leaves_the_old_or_the_new_generation_and_a_free_lock(ledger: Path, moment: str) -> None:
    """It goes through to the caller, and another refresher can have the directory at once."""
    with pytest.raises(Unforeseen):
        refresh(ledger, at(moment, fail))
    assert whole(store_of(ledger).current()) == current_after(moment) * ENTRIES
    with locked(store_of(ledger).directory):
        assert (store_of(ledger).directory / "lock").read_text() == f"{os.getpid()}\n"


def test_a_refresh_after_errors_at_every_step_leaves_nothing_of_them(ledger: Path) -> None:
    """One after the other they fail in the same directory, then one does not."""
    for moment in MOMENTS:
        with pytest.raises(Unforeseen):
            refresh(ledger, at(moment, fail), full=True)
    assert whole(refresh(ledger, full=True)) == 2 * ENTRIES
    assert is_tidy(store_of(ledger))


@pytest.mark.parametrize("moment", ["staged", "file renamed", "pointer made"])
def test_a_first_refresh_that_is_killed_leaves_no_snapshot_and_the_next_one_publishes(
    tmp_path: Path, moment: str
) -> None:
    """Nothing was current, so nothing is; the next refresh begins as if it were the first."""
    project = make_ledger(tmp_path / "ledger")
    refresh_and_be_killed(project, moment)
    with pytest.raises(NoSnapshot):
        store_of(project).current()
    generation = refresh(project)
    assert whole(store_of(project).current()) == ENTRIES
    assert store_of(project).current() == generation
    assert is_tidy(store_of(project))
