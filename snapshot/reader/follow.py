"""The pointer, followed: the newest generation opened beside the one that answers, then exchanged for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from ..catalog import Catalog
from ..errors import NoSnapshot, PacelayerError
from ..events import Flipped, FollowFailed, Observer
from ..store import Generation, Status, Store, read_status
from .generation import OpenGeneration, Resources
from .watchdog import Watchdog

# How often the pointer is looked at; a flip is followed within this time.
POLL_SECONDS = 0.25

T = TypeVar("T")


class Reader(Generic[T]):
    """Follows a directory's pointer. `prepare` makes of a catalogue what requests need, before any request sees it."""

    def __init__(
        self, directory: Path, resources: Resources, prepare: Callable[[Catalog], T], observe: Observer
    ) -> None:
        self._store = Store(directory, keep=1)
        self._resources, self._prepare, self._observe = resources, prepare, observe
        self._watchdog = Watchdog()
        self._lock = threading.RLock()
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
                if not self._resume(generation):
                    self._swap(OpenGeneration(generation, self._resources, self._watchdog, self._prepare))
            except Exception as error:  # noqa: BLE001  one of three places where errors end: the open generation goes on
                if not generation.path.exists():
                    return self.follow()  # taken away meanwhile, by the one who moved the pointer on
                self._complain(generation.id, error)
                continue
            self._observe(Flipped(generation.number, generation.id, time.monotonic() - begun))
            return None
        return None

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

    def _resume(self, generation: Generation) -> bool:
        """Make current again what a request still holds, where that is what the pointer names."""
        with self._lock:
            held = next((one for one in self._leases if one.generation == generation), None)
            if held is not None:
                self._swap(held)
        return held is not None

    def _swap(self, opened: OpenGeneration[T] | None) -> None:
        with self._lock:
            old, self._current = self._current, opened
            # Closed before anybody can open it again: DuckDB would share the instance that is on its way out.
            if old is not None and old not in self._leases:
                old.close()

    def _give_back(self, generation: OpenGeneration[T]) -> None:
        with self._lock:
            self._leases[generation] -= 1
            if not self._leases[generation]:
                del self._leases[generation]
                if generation is not self._current:
                    generation.close()

    def _follow_until_stopped(self) -> None:
        while not self._stopped.wait(POLL_SECONDS):
            try:
                self.follow()
            except OSError as error:
                self._complain("directory", error)
