"""Readers through many flips, with a retention that takes the old file away at once."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from snapshot import events
from snapshot.build import now
from snapshot.catalog import Catalog
from snapshot.errors import Damaged
from snapshot.events import FollowFailed, Observer, nobody
from snapshot.reader import OpenGeneration, Reader, Resources
from snapshot.store import Generation, Staged, Store, publish

from .ledger import ENTRIES, PROCESSES, refresh, store_of

FLIPS = 30


class Publisher:
    """Publishes copies of one file under new numbers, as fast as the disk allows, and keeps the newest only."""

    def __init__(self, project: Path, folder: Path) -> None:
        self.store = Store(store_of(project).directory, keep=1)
        self._original = Path(shutil.copy(self.store.current().path, folder / "original.duckdb"))
        self._folder = folder

    def flip(self) -> Generation:
        """The next generation, alone."""
        number = self.store.next_number()
        copy = Path(shutil.copy(self._original, self._folder / f"{number}.duckdb"))
        generation = publish(self.store, Staged(copy, None), number, now())
        self.store.remove_older()
        return generation


@pytest.fixture
def publisher(ledger: Path, tmp_path: Path) -> Publisher:
    """A publisher for the ledger."""
    return Publisher(ledger, tmp_path)


@contextmanager
def reading(
    store: Store, observe: Observer = nobody, prepare: Callable[[Catalog], None] = lambda _: None
) -> Iterator[Reader[None]]:
    """A reader that follows when it is told to."""
    reader: Reader[None] = Reader(store.directory, Resources(1, "100MB"), prepare, observe)
    try:
        yield reader
    finally:
        reader.stop()


def flip_often(publisher: Publisher) -> None:
    """What the process does that publishes."""
    for _ in range(FLIPS):
        publisher.flip()


@contextmanager
def flipping(publisher: Publisher) -> Iterator[Callable[[], bool]]:
    """FLIPS flips by another process; whether they go on."""
    process = PROCESSES.Process(target=flip_often, args=(publisher,))
    process.start()
    try:
        yield process.is_alive
    finally:
        process.join(60)
    assert process.exitcode == 0


def entries(generation: OpenGeneration[None]) -> int:
    """What the open generation answers."""
    ((number,),) = generation.query("select sum(entries) from totals", (), time.monotonic() + 30)
    return int(number)


def test_no_lease_fails_while_every_flip_takes_the_old_generation_away(publisher: Publisher) -> None:
    """A request is answered while the reader follows without a pause; at the end it has the last generation."""
    with reading(publisher.store) as reader:
        reader.follow()
        with flipping(publisher) as going_on, following(reader):
            while going_on():
                with reader.lease() as generation:
                    assert entries(generation) == ENTRIES
        reader.follow()
        with reader.lease() as generation:
            assert generation.generation.number == FLIPS + 1


@contextmanager
def following(reader: Reader[None]) -> Iterator[None]:
    """A thread that does what a reader's own does, with no pause in between."""
    stop = threading.Event()

    def follow() -> None:
        while not stop.is_set():
            reader.follow()

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_a_reader_that_starts_amid_flips_has_a_generation_at_once(publisher: Publisher) -> None:
    """What it was about to open may be gone when it comes to it: there is a newer one then."""
    with flipping(publisher) as going_on:
        while going_on():
            with reading(publisher.store) as reader:
                reader.follow()
                with reader.lease() as generation:
                    assert entries(generation) == ENTRIES


def test_a_reader_looks_again_when_the_generation_it_was_to_open_is_gone(publisher: Publisher) -> None:
    """The pointer has moved meanwhile, and the reader follows it in the same look, with no complaint."""
    complaints: list[events.Event] = []
    first = publisher.flip()

    def prepare(catalog: Catalog) -> None:
        if catalog.snapshot.number == 1 and first.path.exists():
            publisher.flip()
            raise Damaged("what was half read is gone")

    with reading(publisher.store, complaints.append, prepare) as reader:
        reader.follow()
        with reader.lease() as generation:
            assert generation.generation == publisher.store.current()
    assert not [event for event in complaints if isinstance(event, FollowFailed)]


def test_a_lease_answers_from_its_generation_however_many_flips_come(publisher: Publisher) -> None:
    """Its file is no longer in the directory, and is read on."""
    with reading(publisher.store) as reader:
        reader.follow()
        with reader.lease() as generation:
            for _ in range(3):
                publisher.flip()
                reader.follow()
            assert not generation.generation.path.exists()
            assert entries(generation) == ENTRIES


def test_a_generation_is_closed_with_its_last_lease(publisher: Publisher) -> None:
    """The place that a removed file takes on the disk is free again."""
    with reading(publisher.store) as reader:
        reader.follow()
        with reader.lease() as generation:
            path = generation.generation.path
            publisher.flip()
            reader.follow()
            assert is_open(path)
        assert not is_open(path)


def test_a_rollback_to_a_generation_that_a_request_still_holds_is_followed(ledger: Path) -> None:
    """The file is open already, and DuckDB does not open it a second time."""
    old, new = store_of(ledger).current(), refresh(ledger)
    store = store_of(ledger)
    with reading(store) as reader:
        store.point_to(old)
        reader.follow()
        with reader.lease() as slow:
            store.point_to(new)
            reader.follow()
            store.point_to(old)
            reader.follow()
            with reader.lease() as generation:
                assert generation.generation == old
            assert entries(slow) == ENTRIES
        with reader.lease() as generation:
            assert entries(generation) == ENTRIES


def is_open(path: Path) -> bool:
    """Whether this process has the file open, removed or not."""
    links = [os.readlink(entry) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]
    return any(link.startswith(str(path)) for link in links)
