"""A real file system that is really full, at each moment of a refresh. Needs the right to mount one."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from snapshot.errors import DiskFailed

from ..projects import pacelayer
from .conftest import copy_ledger
from .ledger import AMID_AGGREGATE, AMID_EXPORT, ENTRIES, at, is_tidy, refresh, store_of, whole

MEGABYTE = 2**20
# Room for two builds, without what is to be kept free.
SIZE = 96 * MEGABYTE
LITTLE = 128 * 1024
# After these moments something is written: nothing has room, or a little has, but not all that is to come.
MOMENTS = [("staged", 0), ("exported", 0), ("aggregated", 0), ("checked", 0), ("checkpointed", 0), ("closed", 0)]
MOMENTS += [(AMID_EXPORT, 0), (AMID_EXPORT, LITTLE), (AMID_AGGREGATE, 0), (AMID_AGGREGATE, LITTLE), ("verified", 0)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of SIZE bytes."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def cramped(small_disk: Path, published_ledger: Path) -> Path:
    """A published ledger on the small disk."""
    return copy_ledger(published_ledger, small_disk / "ledger")


def fill(disk: Path, left: int = 0) -> None:
    """Write until only so many bytes are free."""
    with (disk / "filler").open("wb") as file:
        file.write(bytes(max(0, shutil.disk_usage(disk).free - left)))


@pytest.mark.parametrize(("moment", "left"), MOMENTS)
def test_a_disk_that_becomes_full_fails_the_refresh_and_keeps_the_old_generation(
    cramped: Path, small_disk: Path, moment: str, left: int
) -> None:
    """Whatever DuckDB or the system calls it, it is DiskFailed; with room again the next refresh heals."""
    with pytest.raises(DiskFailed):
        refresh(cramped, at(moment, lambda: fill(small_disk, left)))
    assert whole(store_of(cramped).current()) == ENTRIES
    (small_disk / "filler").unlink()
    assert whole(refresh(cramped)) == 2 * ENTRIES
    assert is_tidy(store_of(cramped))


def test_a_source_that_is_larger_than_the_disk_ends_the_command_with_its_own_exit_code(cramped: Path) -> None:
    """`pacelayer refresh` fills the disk by its export, says that the disk failed, and keeps the old generation."""
    with closing(sqlite3.connect(cramped / "ledger.sqlite")) as connection, connection:
        connection.execute("create table papers (id integer primary key, page blob not null)")
    (cramped / "metrics" / "papers.sql").write_text("select sum(octet_length(page))::bigint as bytes from shop.papers")
    assert pacelayer(cramped, "check").returncode == 0
    shutil.move(cramped / "ledger.sqlite", cramped.parents[1] / "large.sqlite")
    (cramped / "ledger.sqlite").symlink_to(cramped.parents[1] / "large.sqlite")
    with closing(sqlite3.connect(cramped / "ledger.sqlite")) as connection, connection:
        connection.executemany("insert into papers (page) values (?)", ([os.urandom(MEGABYTE)] for _ in range(100)))
    ended = pacelayer(cramped, "refresh", check=False)
    assert ended.returncode == DiskFailed.exit_code, ended.stderr
    assert "Traceback" not in ended.stderr
    assert whole(store_of(cramped).current()) == ENTRIES


def test_a_read_only_file_system_fails_the_refresh_and_still_reads(cramped: Path, small_disk: Path) -> None:
    """It is DiskFailed, and the old generation answers."""
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(DiskFailed, match="Read-only file system"):
        refresh(cramped)
    assert whole(store_of(cramped).current()) == ENTRIES
