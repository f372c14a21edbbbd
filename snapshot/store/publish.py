"""Publication: from a closed staging file to the current generation, in the one order that no crash can break."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from .. import connect
from ..catalog import quote
from ..errors import Damaged, DiskFailed
from ..events import StepReached
from .directory import Generation, Store, checksum, checksum_path

# What DuckDB may keep of a file that is read once.
MEMORY = "128MB"

Watching = Callable[[duckdb.DuckDBPyConnection], AbstractContextManager[object]]


@dataclass(frozen=True)
class Staged:
    """What a build left in staging: the snapshot, and the file of its private tables where it has any."""

    snapshot: Path
    private: Path | None


def publish(
    store: Store, staged: Staged, number: int, built_at: datetime, watching: Watching = nullcontext
) -> Generation:
    """Verify, sync, rename, flip.

    Raises Damaged where the file does not read back whole, DiskFailed where the disk refuses.

    The rename makes the generation exist; the flip makes it current. All that the new name stands for is on the disk
    before the name is, and the name is before the pointer.
    """
    verify(staged.snapshot, watching)
    store.observe(StepReached("verified"))
    target = store.directory / f"{built_at:%Y%m%dT%H%M%SZ}-{number:06}.duckdb"
    try:
        staged.snapshot.chmod(0o444)
        store.disk.sync(staged.snapshot)
        store.observe(StepReached("file synced"))
        if staged.private:
            _keep_private(store, staged.private, number)
        _write_checksum(store, staged.snapshot, target)
        store.disk.sync(store.directory)
        store.disk.rename(staged.snapshot, target)
        store.observe(StepReached("file renamed"))
        store.disk.sync(store.directory)
        store.observe(StepReached("directory synced"))
    except OSError as error:
        raise DiskFailed(f"{target.name} could not be published: {error.strerror}") from error
    generation = Generation(number, target)
    store.point_to(generation)
    return generation


def verify(path: Path, watching: Watching = nullcontext) -> None:
    """Open a closed file and read every column of every table: opening alone finds few of the damages.

    `watching` has the queries of a connection interrupted. Raises Damaged.
    """
    if path.with_name(path.name + ".wal").exists():
        raise Damaged(f"{path.name} was closed without a whole checkpoint", "is the disk full?")
    try:
        connection = connect.read(path, threads=2, memory=MEMORY)
        try:
            tables = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
            with watching(connection):
                for schema, table in tables:
                    _read_all(connection, f"{quote(schema)}.{quote(table)}")
        finally:
            connection.close()
    except duckdb.Error as error:
        raise Damaged(f"{path.name} does not read back: {str(error).splitlines()[0]}") from error


def _read_all(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    # By a name that no column has: a row as a whole goes by it.
    sql = f"select bit_xor(hash(_pacelayer_row)) from {table} as _pacelayer_row"
    try:
        connection.execute(sql).fetchall()
    except duckdb.OutOfMemoryException:  # a vector of wide rows is more than that
        connection.execute("reset global memory_limit")
        connection.execute(sql).fetchall()


def _write_checksum(store: Store, snapshot: Path, target: Path) -> None:
    sidecar = checksum_path(target)
    sidecar.write_text(f"{checksum(snapshot)}  {target.name}\n", encoding="ascii")
    sidecar.chmod(0o444)
    store.disk.sync(sidecar)


def _keep_private(store: Store, private: Path, number: int) -> None:
    store.state.mkdir(mode=0o700, exist_ok=True)
    private.chmod(0o600)
    store.disk.sync(private)
    store.disk.rename(private, store.private(number))
    store.disk.sync(store.state)
