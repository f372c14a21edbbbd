"""Word that a directory has other entries, where the system gives any: Linux does, by inotify, of its own disks."""

from __future__ import annotations

import ctypes
import os
import select
import sys
from contextlib import suppress
from pathlib import Path

# Of <sys/inotify.h>: an entry came, by its making or under another name.
_CREATED, _MOVED_TO = 0x100, 0x80
_EVENTS = 4_096


class Bell:
    """Rings when an entry of a directory comes, and when it is rung. Where nobody gives word, it only does the latter.

    It has to be closed.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._heard, self._rung = os.pipe()
        self._word: int | None = None

    def ring(self) -> None:
        """Let whoever waits go on, now and from now on."""
        os.write(self._rung, b"!")

    def wait(self, seconds: float) -> None:
        """Until it rings, and so many seconds at most: what is not told of is to be looked for now and then."""
        if self._word is None:  # the directory may not have been there yet
            self._word = _word_of(self._directory)
        waiting = select.poll()
        for place in (self._heard, self._word):
            if place is not None:
                waiting.register(place, select.POLLIN)
        if any(place == self._word for place, _ in waiting.poll(seconds * 1000)) and self._word is not None:
            with suppress(BlockingIOError):
                os.read(self._word, _EVENTS)

    def close(self) -> None:
        """Let go of what it hears by."""
        for place in (self._heard, self._rung, self._word):
            if place is not None:
                os.close(place)


def _word_of(directory: Path) -> int | None:
    """What can be read once an entry of a directory came; None where there is nothing."""
    if sys.platform != "linux":
        return None
    system = ctypes.CDLL(None)
    word: int = system.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if word < 0:
        return None
    if system.inotify_add_watch(word, os.fsencode(directory), _CREATED | _MOVED_TO) < 0:
        os.close(word)
        return None
    return word
