"""The operations of the disk on whose order publication depends, behind an interface: tests can watch them fail."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol


class Disk(Protocol):
    """Each raises OSError where the disk refuses."""

    def sync(self, path: Path) -> None:
        """Make a file's bytes, or a directory's entries, survive the loss of power."""

    def rename(self, source: Path, target: Path) -> None:
        """Give a file another name, in one moment, in place of what had it."""

    def link(self, link: Path, target: str) -> None:
        """Make a symbolic link."""

    def remove(self, path: Path) -> None:
        """Take a name away, if it is there."""


class PosixDisk:
    """The real one."""

    def sync(self, path: Path) -> None:
        """fsync, of a directory as well."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        """The system call of that name."""
        source.replace(target)

    def link(self, link: Path, target: str) -> None:
        """As symlink(2) does."""
        link.symlink_to(target)

    def remove(self, path: Path) -> None:
        """As unlink(2) does."""
        path.unlink(missing_ok=True)
