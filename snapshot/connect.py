"""How DuckDB is opened, for staging and for reading; nowhere else.

A reading connection is a sandbox only once it is locked down: read-only mode alone still reads files, writes by COPY
and attaches databases.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from .catalog import literal
from .errors import DiskFailed

# Every DuckDB release from 1.4 on opens files of this storage version; 2.0's own default shuts the 1.4 LTS out.
STORAGE_VERSION = "v1.4.0"
# The names by which a build's connection knows the new snapshot, the file of its private tables, and those before.
STAGED = "staged"
PRIVATE = "private"
PREVIOUS = "previous"
PREVIOUS_PRIVATE = "previous_private"

# What DuckDB may keep of files between the stages of a build, in bytes.
SPARE = 2**24

# How DuckDB says that the disk refused. A build has its files to itself, so no transaction of it fails for another one.
DISK_ERRORS = (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.TransactionException)

_NO_EXTENSIONS: dict[str, str | bool | int | float | list[str]] = {
    "autoload_known_extensions": False,
    "autoinstall_known_extensions": False,
    "allow_community_extensions": False,
}


def stage(folder: Path, *, memory: str, time_zone: str) -> duckdb.DuckDBPyConnection:
    """A connection to build with in `folder`; files are attached to it.

    Spill goes there, too, so that one disk is the only one that has to have room. Checkpoints join no row groups: where
    many rows are gone from a table, they would write most of it anew.
    """
    config = _NO_EXTENSIONS | {"memory_limit": memory, "temp_directory": str(folder / "spill"), "max_vacuum_tasks": 0}
    connection = duckdb.connect(config=config)
    _begin(connection, time_zone)
    return connection


def attach(connection: duckdb.DuckDBPyConnection, name: str, path: Path, *, read_only: bool = False) -> None:
    """Let a connection know a file by that name; one that is not there is made."""
    how = "read_only" if read_only else f"storage_version '{STORAGE_VERSION}'"
    connection.execute(f"attach {literal(str(path))} as {name} ({how})")


@contextmanager
def bounded(
    connection: duckdb.DuckDBPyConnection, memory: int, *, threads: int | None = None
) -> Iterator[Callable[[int], None]]:
    """Let DuckDB hold no more than so many bytes for a while, never more than its usual limit, on so many threads.

    What is given out raises the bound for whoever needs more. What it keeps of files it lets go in the end.
    """
    ((usual, cores),) = connection.execute(
        "select current_setting('memory_limit'), current_setting('threads')"
    ).fetchall()
    connection.execute(f"set global threads = {threads or cores}")
    held = 0

    def need(amount: int) -> None:
        nonlocal held
        if amount > held:
            held = amount
            connection.execute(f"set global memory_limit = '{min(amount, _bytes(usual))}B'")

    need(memory)
    try:
        yield need
    finally:
        with suppress(duckdb.Error):  # of what is in use nothing goes
            _let_go(connection)
        with suppress(duckdb.FatalException):  # once DuckDB cannot go on, what it says is not what happened
            connection.execute(f"set global memory_limit = {literal(usual)}")
            connection.execute(f"set global threads = {cores}")


@contextmanager
def disk_errors() -> Iterator[None]:
    """A disk that is full, read-only or broken, said in our words wherever it shows. Raises DiskFailed."""
    try:
        yield
    except BrokenPipeError:
        raise  # of an observer that nobody listens to any more
    except OSError as error:
        raise DiskFailed(f"the disk refused: {error.strerror or error}") from error
    except DISK_ERRORS as error:
        raise DiskFailed(f"DuckDB could not write: {str(error).splitlines()[0]}") from error


def _let_go(connection: duckdb.DuckDBPyConnection) -> None:
    """Have it forget what it read of files: under a bound that tables in memory need, which would be spilled next."""
    sql = "select coalesce(sum(memory_usage_bytes), 0) from duckdb_memory() where tag <> 'BASE_TABLE'"
    ((held,),) = connection.execute(sql).fetchall()
    connection.execute(f"set global memory_limit = '{int(held) + SPARE}B'")


def _bytes(amount: str) -> int:
    """`190.7 MiB`, as DuckDB says its limits; beyond all where it says another thing."""
    found = re.fullmatch(r"([\d.]+) ([KMGT])iB", amount)
    return int(float(found[1]) * 1024 ** (1 + "KMGT".index(found[2]))) if found else 2**60


def empty(*, time_zone: str) -> duckdb.DuckDBPyConnection:
    """A connection to an empty database in memory, to ask DuckDB what it thinks of a SELECT."""
    connection = duckdb.connect(config=_NO_EXTENSIONS | {"enable_external_access": False})
    _begin(connection, time_zone)
    return connection


def read(path: Path, *, threads: int, memory: str) -> duckdb.DuckDBPyConnection:
    """A read-only connection to a published file that reaches no other file and no extension.

    `path` must be the generation's own name: DuckDB keeps one instance for each path, so a re-used name would show
    old data. Before anybody's question is run, `lock_down` makes it a sandbox.
    """
    config = _NO_EXTENSIONS | {
        "enable_external_access": False,
        "temp_directory": "",
        "threads": threads,
        "memory_limit": memory,
    }
    return duckdb.connect(str(path), read_only=True, config=config)


def lock_down(connection: duckdb.DuckDBPyConnection, *, time_zone: str) -> None:
    """Set the zone that the snapshot was built in, and let nobody change a setting any more."""
    _begin(connection, time_zone)
    connection.execute("set lock_configuration = true")


def _begin(connection: duckdb.DuckDBPyConnection, time_zone: str) -> None:
    """What every session of ours has: the project's zone (global, for cursors begin anew), and no progress bar."""
    connection.execute(f"set global TimeZone = {literal(time_zone)}")
    connection.execute("set enable_progress_bar = false")
