"""The bytes of one open generation."""

from __future__ import annotations

import os
from pathlib import Path


class SnapshotFile:
    """A snapshot file for whoever copies it, open as long as DuckDB has it open, and to be closed after that.

    DuckDB's lock on the file is a POSIX lock: a process gives up all of those that it has on a file as soon as it
    closes any descriptor of it. Nothing of ours relies on that lock, but it keeps others from opening the file to write
    to it, as root may. A file that was removed can be read to its end.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.size = os.fstat(self._descriptor).st_size

    def read(self, offset: int, size: int) -> bytes:
        """So many bytes from there on, fewer at the end; from any thread, for there is no position."""
        return os.pread(self._descriptor, size, offset)

    def close(self) -> None:
        """Let the file go."""
        os.close(self._descriptor)
