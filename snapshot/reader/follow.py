"""The pointer, followed: the newest generation opened beside the one that answers, then exchanged for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from ..catalog import Catalog
from ..errors import NoSnapshot, NoSuchGeneration, PacelayerError
from ..events import Flipped, FollowFailed, Observer
from ..store import Generation, Status, Store, read_status
from .bell import Bell
from .generation import OpenGeneration, Resources
from .verified import seen_of, verified
from .watchdog import Watchdog

# How often the pointer is looked at where no word of it comes; a flip is followed within this time.
POLL_SECONDS = 0.25
# How many generations stay open for cursors beside the current one.
KEPT_OPEN = 2
# How long what could not be opened is left alone while another is open, and not complained of again.
RETRY_SECONDS = 60.0

T = TypeVar("T")


class Reader(Generic[T]):
    """Follows a directory's pointer. `prepare` makes of a catalogue what requests need, before any request sees it.

    `warm` may ask the new generation something while the old one still answers; it raises nothing.
    """

    def __init__(
        self,
        directory: Path,
        resources: Resources,
        prepare: Callable[[Catalog], T],
        observe: Observer,
        warm: Callable[[OpenGeneration[T]], None] = lambda _: None,
    ) -> None:
        self._store = Store(directory, keep=1)
        self._resources, self._prepare, self._observe, self._warm = resources, prepare, observe, warm
        self._watchdog = Watchdog()
        self._lock = threading.RLock()
        self._current: OpenGeneration[T] | None = None
        self._leases: dict[OpenGeneration[T], int] = {}
        self._older: list[OpenGeneration[T]] = []
        # Which are being opened, and word of one that was; one at a time is opened for cursors.
        self._coming, self._opened = set[Generation](), threading.Condition(self._lock)
        self._opening = threading.Lock()
        self._refused: dict[str, float] = {}
        self._stopped, self._bell = threading.Event(), Bell(directory)
        self._follower = threading.Thread(target=self._follow_until_stopped, name="follow", daemon=True)

    def start(self) -> None:
        """Open what is current and follow it from now on."""
        self.follow()
        self._follower.start()

    def stop(self) -> None:
        """Stop following; the open generation closes with its last lease."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        self._bell.ring()
        if self._follower.is_alive():
            self._follower.join()
        self._bell.close()
        self._swap(None)
        with self._lock:
            self._close_older(len(self._older))
        self._watchdog.stop()

    @property
    def current(self) -> OpenGeneration[T]:
        """What is asked now, for a look at what it is; only a lease keeps it open. Raises NoSnapshot."""
        if (found := self._current) is None:
            raise NoSnapshot("no snapshot has been published yet", "run 'pacelayer refresh'")
        return found

    @contextmanager
    def lease(self, number: int | None = None) -> Iterator[OpenGeneration[T]]:
        """The current generation, or the one of that number, which stays open until the lease ends.

        Raises NoSnapshot before there is one, and NoSuchGeneration and Damaged for a number that cannot be had.
        """
        with self._lock:
            current = self.current.generation
            generation = self._take(lambda one: one is current if number is None else one.number == number)
        generation = generation or self._take_older(number)
        try:
            yield generation
        finally:
            self._give_back(generation)

    def _take(self, wanted: Callable[[Generation], bool]) -> OpenGeneration[T] | None:
        """Lease what is open; None where that is not."""
        with self._lock:
            known = (self._current, *self._leases, *self._older)
            found = next((one for one in known if one is not None and wanted(one.generation)), None)
            if found is not None:
                self._leases[found] = self._leases.get(found, 0) + 1
            return found

    def _open(self, generation: Generation) -> OpenGeneration[T]:
        """Lease a generation, which is opened where it is not: once, for DuckDB has one instance of a file."""
        with self._opened:
            self._opened.wait_for(lambda: generation not in self._coming)
            if found := self._take(lambda one: one == generation):
                return found
            self._coming.add(generation)
        try:
            checksum = verified(generation, seen_of(generation))
            opened = OpenGeneration(generation, checksum, self._resources, self._watchdog, self._prepare)
            with self._lock:
                self._leases[opened] = 1
            return opened
        finally:
            with self._opened:
                self._coming.remove(generation)
                self._opened.notify_all()

    def _take_older(self, number: int | None) -> OpenGeneration[T]:
        """Lease a generation that is kept; the last few stay open, for one page is followed by another."""
        kept = next((one for one in self._store.generations() if one.number == number), None)
        if kept is None:
            raise NoSuchGeneration(f"generation {number} is not kept")
        with self._opening:
            if self._is_refused(seen := seen_of(kept)):
                raise NoSuchGeneration(f"generation {number} cannot be opened")
            try:
                opened = self._open(kept)
            except Exception as error:
                if kept.path.exists():
                    self._complain(seen, error)
                raise
        with self._lock:
            if opened not in self._older and not self._stopped.is_set():
                self._older.append(opened)
                self._close_older(len(self._older) - KEPT_OPEN)
        return opened

    def _close_older(self, number: int) -> None:
        """Let go so many of those that were opened for old cursors, the first ones first."""
        for _ in range(number):
            gone = self._older.pop(0)
            if gone is not self._current and gone not in self._leases:
                gone.close()

    def status(self) -> Status:
        """What the refresher says."""
        return read_status(self._store.directory)

    def generations(self) -> list[Generation]:
        """What is kept, the newest first."""
        return self._store.generations()

    def follow(self) -> None:
        """Open what the pointer names, where that is another generation; else, if none is open, the newest that can be.

        A file that was refused is left alone for a minute while another is open and nobody put it right.
        """
        begun = time.monotonic()
        for generation in self._candidates():
            if self._is_refused(seen := seen_of(generation)) and self._current is not None:
                continue
            try:
                self._flip(generation)
            except Exception as error:  # noqa: BLE001  one of three places where errors end: the open generation goes on
                if not generation.path.exists():
                    return self.follow()  # taken away meanwhile, by the one who moved the pointer on
                self._complain(seen, error)
                continue
            with self._lock:  # the disk is to have the room of what is not kept any more
                self._older.sort(key=lambda one: one.generation.path.exists())
                self._close_older(sum(not one.generation.path.exists() for one in self._older))
            self._observe(Flipped(generation.number, generation.id, time.monotonic() - begun))
            return None
        return None

    def _flip(self, generation: Generation) -> None:
        """Make a generation the current one, whoever holds it; leased meanwhile, it is found by whoever asks for it."""
        opened = self._open(generation)
        try:
            self._warm(opened)
            self._swap(opened)
        finally:
            self._give_back(opened)

    def _is_refused(self, about: str) -> bool:
        return time.monotonic() - self._refused.get(about, -RETRY_SECONDS) < RETRY_SECONDS

    def _complain(self, about: str, error: Exception) -> None:
        """Say what is wrong with a generation, the pointer or the directory: at first, and so often while it is."""
        with self._lock:
            if self._is_refused(about):
                return
            self._refused = {seen: moment for seen, moment in self._refused.items() if self._is_refused(seen)}
            self._refused[about] = time.monotonic()
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
            # Closed before anybody can open it again: DuckDB would share the instance that is on its way out.
            if old is not None and old not in self._leases and old not in self._older:
                old.close()

    def _give_back(self, generation: OpenGeneration[T]) -> None:
        with self._lock:
            self._leases[generation] -= 1
            if not self._leases[generation]:
                del self._leases[generation]
                if generation is not self._current and generation not in self._older:
                    generation.close()

    def _follow_until_stopped(self) -> None:
        while True:
            self._bell.wait(POLL_SECONDS)
            if self._stopped.is_set():
                return
            try:
                self.follow()
            except OSError as error:
                self._complain("directory", error)
