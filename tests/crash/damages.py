"""What may happen to a published file from outside."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import duckdb

from snapshot import connect

# Three headers of 4 KB come first in a DuckDB file, then its blocks.
HEADERS, BLOCK = 3 * 4096, 256 * 1024


def truncate(path: Path) -> None:
    """Half of it is gone."""
    os.truncate(path, path.stat().st_size // 2)


def truncate_a_byte(path: Path) -> None:
    """The last byte is gone."""
    os.truncate(path, path.stat().st_size - 1)


def empty(path: Path) -> None:
    """All of it is gone."""
    os.truncate(path, 0)


def replace_by_text(path: Path) -> None:
    """Somebody has saved something else under the name."""
    path.chmod(0o644)
    path.write_text("It was a dark and stormy night.\n" * 1000)


def flip_a_bit_of_the_catalogue(path: Path) -> None:
    """In a block that is read when the file is opened."""
    flip_a_bit(path, place_of(path, "pacelayer.metrics"))


def flip_a_bit_of_the_data(path: Path) -> None:
    """In a block that is read only when its numbers are asked for."""
    flip_a_bit(path, place_of(path, "main.totals"))


def put_a_foreign_log_beside(path: Path) -> None:
    """The write-ahead log of another database."""
    with tempfile.TemporaryDirectory() as folder:
        leave_log(Path(folder) / path.name, "create table things as select 1 as thing", path)


def put_its_own_log_beside(path: Path) -> None:
    """Somebody has opened the file for writing and deleted rows: the log says so, the file does not."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copy(path, folder))
        copy.chmod(0o644)
        leave_log(copy, "delete from shop.entries; delete from totals", path)


def remove(path: Path) -> None:
    """The file is gone, and the pointer dangles."""
    path.unlink()


def flip_a_bit(path: Path, place: int) -> None:
    """One bit of the byte at that place is another."""
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(place)
        (byte,) = file.read(1)
        file.seek(place)
        file.write(bytes([byte ^ 0b100]))
    path.chmod(0o444)


def place_of(path: Path, table: str) -> int:
    """Where in the file a block of the table is, some bytes into it."""
    connection = connect.read(path, threads=1, memory="100MB")
    try:
        ((block,),) = connection.execute(
            "select max(block_id) from pragma_storage_info(?) where persistent", [table]
        ).fetchall()
    finally:
        connection.close()
    return int(HEADERS + block * BLOCK + 40)


def leave_log(database: Path, sql: str, path: Path) -> None:
    """Write to a database without a checkpoint, and put its log beside `path`."""
    connection = duckdb.connect(str(database))
    connection.execute(f"pragma disable_checkpoint_on_shutdown; {sql}")
    connection.close()
    shutil.copy(f"{database}.wal", f"{path}.wal")
