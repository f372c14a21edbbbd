"""Whether a generation's file is what was published: all of its bytes are read for that, once for each state of it."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from ..errors import Damaged
from ..store import Generation, checksum_path, intact, published_checksum

# Of so many it is known that they are good; to read one again takes a second for each gigabyte.
KNOWN = 50


def seen_of(generation: Generation) -> str:
    """A file as it is, and what stands beside it: a generation never changes, but what somebody did may be undone."""
    log = generation.path.with_name(generation.path.name + ".wal")
    return " ".join(map(_state, (generation.path, checksum_path(generation.path), log)))


def _state(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return f"{path.name} -"
    return f"{path.name} {found.st_ino} {found.st_size} {found.st_ctime_ns}"


@lru_cache(KNOWN)
def verified(generation: Generation, seen: str) -> str:  # noqa: ARG001  another state of the file is another call
    """The SHA-256, in hexadecimal, of a generation's bytes. Raises Damaged where others were published."""
    if intact(generation):
        with suppress(OSError, ValueError, IndexError):
            return published_checksum(generation)
    raise Damaged(f"{generation.id} is not what was published", "roll back, or refresh")
