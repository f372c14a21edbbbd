"""The disk refuses: any one of its operations, or room for another byte."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from snapshot.errors import DiskFailed
from snapshot.store.directory import SPARE_BYTES

from .conftest import copy_ledger
from .fragile import FailingDisk
from .ledger import ENTRIES, is_tidy, refresh, store_of, whole

REFUSALS = [errno.ENOSPC, errno.EIO, errno.EROFS]
# More than a refresh has: the last of them goes through.
OPERATIONS = range(1, 100)


def refused(project: Path, disk: FailingDisk) -> bool:
    """Refresh on the failing disk; whether it failed, which must be said as DiskFailed."""
    try:
        refresh(project, disk=disk)
    except DiskFailed:
        return True
    assert not disk.failed
    return False


def expected(disk: FailingDisk) -> int:
    """The number of the current generation after the disk refused: the pointer's rename makes the difference."""
    return 1 + ("rename to current.duckdb" in disk.done)


def test_whichever_operation_of_the_disk_fails_the_old_or_the_new_generation_is_current_and_the_next_refresh_heals(
    published_ledger: Path, tmp_path: Path
) -> None:
    """The refresh fails with DiskFailed, what is current is whole, and nothing is left of it after the next."""
    for operation, number in zip(OPERATIONS, itertools.cycle(REFUSALS), strict=False):
        project = copy_ledger(published_ledger, tmp_path / str(operation))
        disk = FailingDisk(operation, number)
        if not refused(project, disk):
            break
        assert whole(store_of(project).current()) == expected(disk) * ENTRIES
        assert refresh(project, full=True).number > expected(disk)
        assert whole(store_of(project).current()) == 2 * ENTRIES
        assert is_tidy(store_of(project))
    assert operation > len(REFUSALS)


@pytest.mark.parametrize("number", REFUSALS, ids=errno.errorcode.get)
def test_whatever_the_disk_says_when_it_refuses_it_is_a_failed_disk(ledger: Path, number: int) -> None:
    """No room, an error of the device, a file system that became read-only: at the first operation and at the flip."""
    flip = operations(ledger).index("rename to current.duckdb") + 1
    for operation in (flip, 1):
        with pytest.raises(DiskFailed, match=os.strerror(number)):
            refresh(ledger, disk=FailingDisk(operation, number), full=True)


def operations(project: Path) -> list[str]:
    """What a refresh asks of the disk."""
    disk = FailingDisk(0, 0)
    refresh(project, disk=disk)
    return disk.done


def test_a_refresh_does_not_begin_where_another_generation_has_no_room(ledger: Path) -> None:
    """It says so before it reads the source, and what a build needs."""
    store = store_of(ledger)
    free = shutil.disk_usage(store.directory).free
    with store.current().path.with_name("20261124T000000Z-000000.duckdb").open("wb") as file:
        file.truncate(free)  # a sparse file: the next generation may become as large
    with pytest.raises(DiskFailed, match="MB are free and a build needs"):
        refresh(ledger)


def test_private_tables_need_room_like_all_others(ledger: Path) -> None:
    """They are staged and kept beside the snapshot, on the same disk."""
    store = store_of(ledger)
    free = shutil.disk_usage(store.directory).free
    os.truncate(store.private(store.current().number), free)
    with pytest.raises(DiskFailed, match=r"a build needs .* MB; what is kept takes"):
        refresh(ledger)


def test_a_refresh_begins_with_just_as_much_room_as_it_needs(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the files of the last generation, and a little more; with a byte less it does not."""
    store = store_of(ledger)
    current = store.current()
    needed = 2 * (current.path.stat().st_size + store.private(current.number).stat().st_size) + SPARE_BYTES
    for free, begins in ((needed - 1, False), (needed, True)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        with contextlib.nullcontext() if begins else pytest.raises(DiskFailed, match="are free"):
            refresh(ledger)
