"""The open generation: leased by each request, queried with a deadline, exchanged for the next.

A generation that was exchanged is closed when nobody has it any more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import duckdb

from . import connect
from .catalog import Catalog, read
from .errors import Damaged, DeadlineExceeded, NoSnapshot, OutOfRange, PacelayerError, QueryFailed
from .events import Flipped, FollowFailed, Observer
from .store import Generation, Status, Store, intact, read_status

# How often the pointer is looked at; a flip is followed within this time.
POLL_SECONDS = 0.25
# interrupt() does not outlive the moment: a query that had not begun yet is interrupted again after so long.
INTERRUPT_SECONDS = 0.01

__all__ = ["Generation", "OpenGeneration", "Reader", "Resources", "Status", "Watchdog", "read_catalog"]

T = TypeVar("T")


@dataclass(frozen=True)
class Resources:
    """What one generation's queries may use: DuckDB's threads, and its memory as DuckDB writes it ('1GB')."""

    threads: int
    memory: str


class OpenGeneration(Generic[T]):
    """One snapshot file, open for reading. `value` is what was prepared from its catalogue before the flip."""

    def __init__(
        self, generation: Generation, resources: Resources, watchdog: Watchdog, prepare: Callable[[Catalog], T]
    ) -> None:
        self.generation = generation
        self._watchdog = watchdog
        # Opening finds few damages, and a log that stands beside would be read as part of the file.
        if not intact(generation) or generation.path.with_name(generation.path.name + ".wal").exists():
            raise Damaged(f"{generation.id} is not what was published", "roll back, or refresh")
        try:
            self._connection = connect.read(generation.path, threads=resources.threads, memory=resources.memory)
        except duckdb.Error as error:
            raise Damaged(f"{generation.id} cannot be opened: {str(error).splitlines()[0]}") from error
        try:
            self.catalog = read(self._connection)
            connect.lock_down(self._connection, time_zone=self.catalog.snapshot.time_zone)
            self.value = prepare(self.catalog)
        except BaseException:
            self._connection.close()
            raise

    def query(self, sql: str, parameters: Sequence[Any], deadline: float) -> list[tuple[Any, ...]]:
        """All rows of a query, on a cursor of its own. `deadline` is a moment of time.monotonic().

        Raises DeadlineExceeded, OutOfRange and QueryFailed.
        """
        with self._connection.cursor() as cursor, self._watchdog.watching(cursor, deadline):
            try:
                return cursor.execute(sql, parameters).fetchall()
            except duckdb.InterruptException as error:
                raise DeadlineExceeded("the query took longer than it may", "ask for less") from error
            except (duckdb.ConversionException, duckdb.OutOfRangeException) as error:
                raise OutOfRange(str(error).splitlines()[0]) from error
            except duckdb.Error as error:
                raise QueryFailed(str(error).splitlines()[0]) from error

    def table(self, sql: str, deadline: float) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The column names and rows of one SELECT of somebody's own. Raises DeadlineExceeded and QueryFailed."""
        try:
            statements = self._connection.extract_statements(sql)
        except duckdb.Error as error:
            raise QueryFailed(str(error).splitlines()[0]) from error
        if len(statements) != 1:
            raise QueryFailed(f"there are {len(statements)} statements", "ask one at a time")
        described = self.query(f"describe {sql}", (), deadline)
        return [row[0] for row in described], self.query(sql, (), deadline)

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()


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


class Reader(Generic[T]):
    """Follows a directory's pointer. `prepare` makes of a catalogue what requests need, before any request sees it."""

    def __init__(
        self, directory: Path, resources: Resources, prepare: Callable[[Catalog], T], observe: Observer
    ) -> None:
        self._store = Store(directory, keep=1)
        self._resources, self._prepare, self._observe = resources, prepare, observe
        self._watchdog = Watchdog()
        self._lock = threading.Lock()
        self._current: OpenGeneration[T] | None = None
        self._leases: dict[OpenGeneration[T], int] = {}
        self._refused: set[str] = set()
        self._stopped = threading.Event()
        self._follower = threading.Thread(target=self._follow_until_stopped, name="follow", daemon=True)

    def start(self) -> None:
        """Open what is current and follow it from now on."""
        self.follow()
        self._follower.start()

    def stop(self) -> None:
        """Stop following; the open generation closes with its last lease."""
        self._stopped.set()
        if self._follower.is_alive():
            self._follower.join()
        self._swap(None)
        self._watchdog.stop()

    @contextmanager
    def lease(self) -> Iterator[OpenGeneration[T]]:
        """The current generation, which stays open until the lease ends. Raises NoSnapshot before there is one."""
        with self._lock:
            current = self._current
            if current is None:
                raise NoSnapshot("no snapshot has been published yet", "run 'pacelayer refresh'")
            self._leases[current] = self._leases.get(current, 0) + 1
        try:
            yield current
        finally:
            self._give_back(current)

    def status(self) -> Status:
        """What the refresher says."""
        return read_status(self._store.directory)

    def generations(self) -> list[Generation]:
        """What is kept, the newest first."""
        return self._store.generations()

    def follow(self) -> None:
        """Open what the pointer names, where that is another generation; else, if none is open, the newest that can be.

        A file that was refused is not tried again while another is open: a generation never changes.
        """
        begun = time.monotonic()
        for generation in self._candidates():
            if generation.id in self._refused and self._current is not None:
                continue
            try:
                opened = OpenGeneration(generation, self._resources, self._watchdog, self._prepare)
            except Exception as error:  # noqa: BLE001  one of three places where errors end: the open generation goes on
                self._complain(generation.id, error)
                continue
            self._swap(opened)
            self._observe(Flipped(generation.number, generation.id, time.monotonic() - begun))
            return

    def _complain(self, about: str, error: Exception) -> None:
        """Say once what is wrong with a generation, the pointer or the directory."""
        if about not in self._refused:
            self._refused.add(about)
            code = error.code if isinstance(error, PacelayerError) else "INTERNAL"
            self._observe(FollowFailed(code, f"{type(error).__name__}: {error}"))

    def _candidates(self) -> list[Generation]:
        """What to try to open, in order: the pointer's, and where nothing is open yet, whatever else is there."""
        try:
            current = [self._store.current()]
        except NoSnapshot as error:
            current = []
            if self._store.generations():
                self._complain("pointer", error)
        if self._current is not None:
            return [generation for generation in current if generation != self._current.generation]
        return current + [generation for generation in self._store.generations() if generation not in current]

    def _swap(self, opened: OpenGeneration[T] | None) -> None:
        with self._lock:
            old, self._current = self._current, opened
            idle = old is not None and not self._leases.get(old)
        if old is not None and idle:
            old.close()

    def _give_back(self, generation: OpenGeneration[T]) -> None:
        with self._lock:
            self._leases[generation] -= 1
            drained = not self._leases[generation] and generation is not self._current
            if not self._leases[generation]:
                del self._leases[generation]
        if drained:
            generation.close()

    def _follow_until_stopped(self) -> None:
        while not self._stopped.wait(POLL_SECONDS):
            try:
                self.follow()
            except OSError as error:
                self._complain("directory", error)


class Watchdog:
    """Interrupts queries whose time is up, again and again until each of them is done."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running: dict[duckdb.DuckDBPyConnection, float] = {}
        self._stopped = False
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    @contextmanager
    def watching(self, cursor: duckdb.DuckDBPyConnection, deadline: float) -> Iterator[None]:
        """Interrupt what runs on the cursor once the deadline has passed.

        Raises DeadlineExceeded where it has already.
        """
        if time.monotonic() >= deadline:
            raise DeadlineExceeded("the query waited longer than it may", "ask again")
        with self._changed:
            self._running[cursor] = deadline
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                del self._running[cursor]

    def stop(self) -> None:
        """End the thread."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while not self._stopped:
                now = time.monotonic()
                for cursor, deadline in self._running.items():
                    if deadline <= now:
                        cursor.interrupt()
                earliest = min(self._running.values(), default=None)
                self._changed.wait(None if earliest is None else max(earliest - now, INTERRUPT_SECONDS))
