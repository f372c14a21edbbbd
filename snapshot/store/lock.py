"""One refresher a directory, one flip at a time: flocks, which end with the process however the process ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import DiskFailed, Locked


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the directory. Raises Locked where another process does, and DiskFailed where it cannot be made."""
    with _opened(directory, "lock") as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            message = f"another refresher (process {holder}) works on {directory.name}"
            raise Locked(message, "let it finish, or stop it") from error
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield


@contextmanager
def flipping(directory: Path) -> Iterator[None]:
    """Wait for the moment in which no other process moves the pointer or removes what it may be moved to.

    Raises DiskFailed.
    """
    with _opened(directory, "flip.lock") as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


@contextmanager
def _opened(directory: Path, name: str) -> Iterator[int]:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory / name, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise DiskFailed(f"{directory.name} cannot be written: {error.strerror}", "check snapshots.path") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)
