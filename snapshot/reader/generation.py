"""One snapshot file, open."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import duckdb

from .. import connect
from ..catalog import Catalog, read
from ..errors import Damaged, QueryFailed
from ..store import Generation
from .file import SnapshotFile
from .running import Running, in_our_words
from .watchdog import Watchdog

T = TypeVar("T")


@dataclass(frozen=True)
class Resources:
    """What one generation's queries may use: DuckDB's threads, and its memory as DuckDB writes it ('1GB')."""

    threads: int
    memory: str


class OpenGeneration(Generic[T]):
    """One snapshot file, open for reading. `value` is what was prepared from its catalogue before the flip.

    `file` has its bytes, and `checksum` is their SHA-256 in hexadecimal.
    """

    def __init__(
        self,
        generation: Generation,
        checksum: str,
        resources: Resources,
        watchdog: Watchdog,
        prepare: Callable[[Catalog], T],
    ) -> None:
        self.generation, self.checksum = generation, checksum
        self._watchdog = watchdog
        if generation.path.with_name(generation.path.name + ".wal").exists():  # it would be read as a part of the file
            raise Damaged(f"{generation.id} is not what was published", "roll back, or refresh")
        self.file = SnapshotFile(generation.path)
        try:
            self._connection = connect.read(generation.path, threads=resources.threads, memory=resources.memory)
        except duckdb.Error as error:
            self.file.close()
            raise Damaged(f"{generation.id} cannot be opened: {str(error).splitlines()[0]}") from error
        try:
            self.catalog = read(self._connection)
            connect.lock_down(self._connection, time_zone=self.catalog.snapshot.time_zone)
            self.value = prepare(self.catalog)
        except BaseException:
            self.close()
            raise

    def query(self, sql: str, parameters: Sequence[Any], deadline: float) -> list[tuple[Any, ...]]:
        """All rows of a query, on a cursor of its own. `deadline` is a moment of time.monotonic().

        Raises DeadlineExceeded, OutOfRange, NotComputable and QueryFailed.
        """
        with self._connection.cursor() as cursor, self._watchdog.watching(cursor, deadline), in_our_words():
            return cursor.execute(sql, parameters).fetchall()

    @contextmanager
    def running(self, sql: str, parameters: Sequence[Any], deadline: float) -> Iterator[Running]:
        """A query whose result is taken bit by bit, so that no more of it is in memory; begun when that begins."""
        with self._connection.cursor() as cursor, self._watchdog.watching(cursor, deadline):
            yield Running(cursor, sql, parameters, deadline, self._watchdog)

    def table(self, sql: str, deadline: float) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The column names and rows of one SELECT of somebody's own. Raises what `query` raises."""
        try:
            statements = self._connection.extract_statements(sql)
        except duckdb.Error as error:
            raise QueryFailed(str(error).splitlines()[0]) from error
        if len(statements) != 1:
            raise QueryFailed(f"there are {len(statements)} statements", "ask one at a time")
        described = self.query(f"describe {sql}", (), deadline)
        return [row[0] for row in described], self.query(sql, (), deadline)

    def close(self) -> None:
        """Let the file go: DuckDB first."""
        self._connection.close()
        self.file.close()


def read_catalog(path: Path) -> Catalog:
    """The catalogue of one file, opened for a moment. Raises Damaged and FormatUnknown."""
    try:
        connection = connect.read(path, threads=1, memory="256MB")
    except duckdb.Error as error:
        raise Damaged(f"{path.name} cannot be opened: {str(error).splitlines()[0]}") from error
    try:
        return read(connection)
    finally:
        connection.close()
