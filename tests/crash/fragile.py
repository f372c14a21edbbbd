"""Disks to test with: one whose n-th operation fails, and one that tells what is left when the power goes."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from snapshot.store import PosixDisk


@dataclass
class FailingDisk(PosixDisk):
    """The real disk, but for the n-th operation, which raises an OSError instead. `done` lists what was done."""

    fails_at: int
    number: int
    done: list[str] = field(default_factory=list)
    failed: bool = False

    def sync(self, path: Path) -> None:
        """Counted."""
        self._count(f"sync {path.name}")
        super().sync(path)

    def rename(self, source: Path, target: Path) -> None:
        """Counted."""
        self._count(f"rename to {target.name}")
        super().rename(source, target)

    def link(self, link: Path, target: str) -> None:
        """Counted."""
        self._count(f"link {link.name}")
        super().link(link, target)

    def remove(self, path: Path) -> None:
        """Counted."""
        self._count(f"remove {path.name}")
        super().remove(path)

    def _count(self, what: str) -> None:
        if len(self.done) + 1 == self.fails_at:
            self.failed = True
            raise OSError(self.number, os.strerror(self.number))
        self.done.append(what)


@dataclass(frozen=True)
class Entry:
    """What a name stands for: a link's target, or a file or folder by its number, with what the disk has of a file."""

    link: str = ""
    number: int = 0
    content: bytes = b""
    mode: int = 0


# What is left after a cut: the entries of the directory and of its folders, by their relative paths.
Remains = Mapping[str, Entry]


class PowerlessDisk(PosixDisk):
    """The real disk, which keeps account of what would be left if the power went before or after each operation.

    A file's bytes are left as they were when the file was synced, a folder's entries as they were when the folder was.
    Of the changes to entries since then, any may have come to the disk by itself and any may be lost.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._cuts: set[tuple[tuple[str, Entry], ...]] = set()
        self._files: dict[int, Entry] = {}
        # What each name that was ever seen may stand for after a cut: the last one that is safe, then all since.
        self._versions: dict[str, list[Entry | None]] = {}
        for path in (root, *root.rglob("*")):
            if path.is_file() and not path.is_symlink():
                self._keep(path)
        self._versions = {name: [entry] for name, entry in self._entries()}

    @property
    def cuts(self) -> list[Remains]:
        """Everything that may be left, over all moments."""
        return [dict(cut) for cut in self._cuts]

    def sync(self, path: Path) -> None:
        """From now on the file or the folder's entries are safe."""
        self._look()
        super().sync(path)
        self._keep(path)
        self._look()

    def rename(self, source: Path, target: Path) -> None:
        """Not safe before the folder is synced."""
        self._around(lambda: PosixDisk.rename(self, source, target))

    def link(self, link: Path, target: str) -> None:
        """Not safe before the folder is synced."""
        self._around(lambda: PosixDisk.link(self, link, target))

    def remove(self, path: Path) -> None:
        """Not safe before the folder is synced."""
        self._around(lambda: PosixDisk.remove(self, path))

    def _around(self, do: Callable[[], None]) -> None:
        self._look()
        do()
        self._look()

    def _keep(self, path: Path) -> None:
        """Take a file as it is, or make the entries of a folder as they are the only ones that may be left."""
        if path.is_file():
            status = path.stat()
            self._files[status.st_ino] = Entry("", status.st_ino, path.read_bytes(), status.st_mode & 0o777)
        for name, versions in self._versions.items():
            if (self._root / name).parent == path:
                del versions[:-1]

    def _look(self) -> None:
        """Take note of every entry as it is now, and of all that may be left of a cut at this moment."""
        now = dict(self._entries())
        for name in now.keys() | self._versions.keys():
            versions = self._versions.setdefault(name, [None])
            if versions[-1] != now.get(name):
                versions.append(now.get(name))
        for chosen in itertools.product(*self._versions.values()):
            left = [(name, entry) for name, entry in zip(self._versions, chosen, strict=True) if entry is not None]
            folders = {name for name, _ in left} | {"."}
            self._cuts.add(tuple(
                (name, entry if entry.link else self._files.get(entry.number, entry))
                for name, entry in left if str(Path(name).parent) in folders
            ))  # fmt: skip

    def _entries(self) -> Iterator[tuple[str, Entry]]:
        """The directory and the folders in it; what is being staged is rubbish after a cut, and left out."""
        for path in sorted(self._root.glob("*")) + sorted(self._root.glob("state/*")):
            name = str(path.relative_to(self._root))
            if path.is_symlink():
                yield name, Entry(link=os.readlink(path))
            elif name not in ("staging", "lock", "flip.lock"):
                yield name, Entry(number=path.stat().st_ino)


class ForgetfulDisk(PowerlessDisk):
    """A disk that takes a sync for a request and does not do it."""

    def _keep(self, path: Path) -> None:
        if not self._cuts:
            super()._keep(path)


def restore(remains: Remains, folder: Path) -> Path:
    """The remains as a directory of files again."""
    folder.mkdir()
    for name, entry in sorted(remains.items()):
        path = folder / name
        if entry.link:
            path.symlink_to(entry.link)
        elif name == "state":
            path.mkdir(mode=0o700)
        else:
            path.write_bytes(entry.content)
            path.chmod(entry.mode)
    return folder
