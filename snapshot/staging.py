"""Where a build works: the last generation to go on from, and the new files, which are made once something changed."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from . import connect
from .catalog import Catalog, quote
from .connect import PREVIOUS, PREVIOUS_PRIVATE, PRIVATE, STAGED
from .source import TableShape
from .stored import Stored, measure

# A source's name and a table's.
Table = tuple[str, str]

# What the last generation's files are called, by the new ones'.
BEFORE = {STAGED: PREVIOUS, PRIVATE: PREVIOUS_PRIVATE}
# Until a checkpoint, DuckDB remembers eight bytes of every row about where one was deleted: of so many rows at a time.
DELETED_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Previous:
    """The generation that a build goes on from, with the file of its private tables where it has one.

    `copyable` where the project still has every metric of it, as it was. `anew` are those that are computed in full,
    whatever changed.
    """

    catalog: Catalog
    path: Path
    private: Path | None
    copyable: bool = True
    anew: frozenset[str] = frozenset()


class Staging:
    """The databases of one build.

    `copies` are those of the new files that begin as copies of the last ones, in which most stays; others begin empty.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, folder: Path, private: frozenset[Table], previous: Previous | None
    ) -> None:
        self.connection, self.folder, self.private, self.previous = connection, folder, private, previous
        self.snapshot, self.secrets = folder / "snapshot.duckdb", folder / "private.duckdb"
        self.files = {STAGED: self.snapshot, **({PRIVATE: self.secrets} if private else {})}
        self.opened = False
        self.copies: frozenset[str] = frozenset()
        self._stored: dict[str, Stored] = {}
        self.last: dict[str, Path] = {}
        if previous:
            self.last = {STAGED: previous.path} | ({PRIVATE: previous.private} if previous.private else {})
        connection.execute("create schema memory.added")
        connection.execute("create schema memory.removed")
        for name, file in self.last.items():
            connect.attach(connection, BEFORE[name], file, read_only=True)

    def unused(self, name: str) -> int:
        """Bytes of a file that hold nothing."""
        sql = "select block_size * free_blocks from pragma_database_size() where database_name = ?"
        return sum(unused for (unused,) in self.connection.execute(sql, [name]).fetchall())

    def stored(self, place: str) -> Stored:
        """What a table takes in a file, as it was written down."""
        if place not in self._stored:
            self._stored[place] = measure(self.connection, place)
        return self._stored[place]

    def open(self) -> None:
        """Make the new files, unless they are there."""
        if self.opened:
            return
        self.opened = True
        for name, file in self.files.items():
            if name in self.copies:
                _copy(self.last[name], file)
            connect.attach(self.connection, name, file)
        self.connection.execute(f"use {STAGED}")

    def checkpoint(self) -> None:
        """Write everything down: what DuckDB does when it closes a file would not say that it met a full disk."""
        for name in self.files:
            self.connection.execute(f"checkpoint {name}")

    def file_of(self, table: Table) -> str:
        """The name of the new file that a source's table is in."""
        return PRIVATE if table in self.private else STAGED

    def place(self, table: Table) -> str:
        """A source's table in the new files."""
        return f"{self.file_of(table)}.{_qualified(table)}"

    def before(self, table: Table) -> str:
        """A source's table in the last generation."""
        return f"{BEFORE[self.file_of(table)]}.{_qualified(table)}"

    def make(self, table: Table, shape: TableShape) -> str:
        """Make a source's table anew, without a row; its place. A private one is seen through a view meanwhile."""
        self.open()
        place = self.place(table)
        for database in self.files:
            self.connection.execute(f"create schema if not exists {database}.{quote(table[0])}")
        self.connection.execute(f"drop table if exists {place}")
        self.connection.execute(f"create table {place} ({columns_of(shape)})")
        return place

    def delete(self, table: str, where: str) -> None:
        """Take rows out of a table, a part of it at a time.

        From the end: a checkpoint may move the rows behind those of another part, never those before them.
        """
        ((last,),) = self.connection.execute(f"select max(rowid) from {table}").fetchall()
        for first in reversed(range(0, (last or 0) + 1, DELETED_AT_ONCE)):
            part = f"rowid >= {first} and rowid < {first + DELETED_AT_ONCE}"
            self.connection.execute(f"delete from {table} where {part} and {where}")
            if first:
                self.connection.execute(f"checkpoint {table.partition('.')[0]}")

    def drop_others(self, tables: Mapping[Table, TableShape]) -> None:
        """Take out of copied files what the project does not export any more."""
        for database in self.files:
            found = self.connection.execute(
                "select schema_name, table_name from duckdb_tables() where database_name = ? "
                "and schema_name not in ('main', 'rollup', 'pacelayer')",
                [database],
            ).fetchall()
            for table in found:
                if table not in tables or self.place(table) != f"{database}.{_qualified(table)}":
                    self.connection.execute(f"drop table {database}.{_qualified(table)}")

    def show_private(self) -> None:
        """Let metrics see the private tables."""
        for table in sorted(self.private):
            self.connection.execute(f"create schema if not exists {STAGED}.{quote(table[0])}")
            self.connection.execute(f"create or replace view {STAGED}.{_qualified(table)} as from {self.place(table)}")

    def hide_private(self) -> None:
        """Take the views on private tables out of the snapshot: readers do not have what they look at."""
        for table in sorted(self.private):
            self.connection.execute(f"drop view if exists {STAGED}.{_qualified(table)}")


@contextmanager
def staging(
    folder: Path, previous: Previous | None, private: frozenset[Table], *, memory: str, time_zone: str
) -> Iterator[Staging]:
    """The databases of a build in `folder`, until it is over."""
    connection = connect.stage(folder, memory=memory, time_zone=time_zone)
    try:
        yield Staging(connection, folder, private, previous)
    finally:
        connection.close()


def columns_of(shape: TableShape) -> str:
    """As in CREATE TABLE."""
    return ", ".join(f"{quote(name)} {column.definition}" for name, column in shape.columns.items())


def added(table: Table) -> str:
    """The rows that came, and those that changed as they are now."""
    return f"memory.added.{quote('.'.join(table))}"


def removed(table: Table) -> str:
    """The rows that went, and those that changed as they were."""
    return f"memory.removed.{quote('.'.join(table))}"


def _qualified(table: Table) -> str:
    return f"{quote(table[0])}.{quote(table[1])}"


def _copy(source: Path, target: Path) -> None:
    """By reference where the file system can."""
    with source.open("rb") as old, target.open("xb") as new:
        try:
            fcntl.ioctl(new, _CLONE, old.fileno())
        except OSError:
            shutil.copyfile(source, target)


# FICLONE of Linux.
_CLONE = 0x40049409
