"""Which generations there are, which one is current, and putting the directory right after whatever happened."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import DiskFailed, NoSnapshot, NoSuchGeneration
from ..events import Observer, Repaired, StepReached, nobody
from .disk import Disk, PosixDisk
from .lock import flipping

POINTER = "current.duckdb"
_NAME = re.compile(r"(\d{8}T\d{6}Z)-(\d{6,})\.duckdb")
# A pointer or status that was being replaced, and all that a build puts into staging.
_HALF_MADE = re.compile(r"current\.duckdb(\.\d+)?\.new|status\.json\.new")
_FILES = (f"{name}.duckdb{end}" for name in ("snapshot", "private") for end in ("", ".wal", ".tmp"))
_STAGED = {"spill", "outgrown", *_FILES}
# So much is kept free beside what a build needs: for its log, the catalogue, and whoever shares the disk.
SPARE_BYTES = 64 * 2**20


@dataclass(frozen=True, order=True)
class Generation:
    """A published snapshot. Numbers only grow and order the generations; the time in the name is for people."""

    number: int
    path: Path

    @property
    def id(self) -> str:
        """The file's name without its ending: unique for ever."""
        return self.path.stem


@dataclass(frozen=True)
class Store:
    """A directory of generations of which the newest `keep` stay."""

    directory: Path
    keep: int
    disk: Disk = field(default_factory=PosixDisk)
    observe: Observer = nobody

    @property
    def pointer(self) -> Path:
        """The stable name."""
        return self.directory / POINTER

    @property
    def staging(self) -> Path:
        """Where a build works; on the same file system, so that a rename publishes."""
        return self.directory / "staging"

    @property
    def state(self) -> Path:
        """Where private tables stay."""
        return self.directory / "state"

    def generations(self) -> list[Generation]:
        """What is published, the newest first."""
        matches = [(_NAME.fullmatch(entry), entry) for entry in _listing(self.directory)]
        found = [Generation(int(match[2]), self.directory / entry) for match, entry in matches if match]
        return sorted(found, reverse=True)

    def current(self) -> Generation:
        """The generation that the pointer names. Raises NoSnapshot where it names none that is there."""
        try:
            name = os.readlink(self.pointer)
        except OSError as error:
            raise NoSnapshot(
                f"no snapshot has been published in {self.directory.name}", "run 'pacelayer refresh'"
            ) from error
        match = _NAME.fullmatch(name)
        if match is None or not (self.directory / name).exists():
            raise NoSnapshot(
                f"{POINTER} points to '{name}', which is not there", "run 'pacelayer refresh' or 'rollback'"
            )
        return Generation(int(match[2]), self.directory / name)

    def next_number(self) -> int:
        """One more than any number that was ever used and can still be seen."""
        seen = [generation.number for generation in self.generations()]
        seen += [int(name.partition(".")[0]) for name in _listing(self.state) if name[:6].isdigit()]
        pointed = _NAME.fullmatch(os.readlink(self.pointer)) if self.pointer.is_symlink() else None
        return max([*seen, int(pointed[2]) if pointed else 0], default=0) + 1

    def point_to(self, generation: Generation) -> None:
        """Flip: from one moment to the next, `current.duckdb` is this generation. Raises DiskFailed."""
        with flipping(self.directory):
            self._flip(generation)

    def _flip(self, generation: Generation) -> None:
        temporary = self.directory / f"{POINTER}.{os.getpid()}.new"
        try:
            self.disk.remove(temporary)
            self.disk.link(temporary, generation.path.name)
            self.observe(StepReached("pointer made"))
            self.disk.rename(temporary, self.pointer)
            self.observe(StepReached("pointer flipped"))
            self.disk.sync(self.directory)
            self.observe(StepReached("pointer synced"))
        except OSError as error:
            raise DiskFailed(f"{POINTER} could not be moved: {error.strerror}") from error

    def rollback(self, number: int | None) -> Generation:
        """Flip to a generation that is kept: that of `number`, or the one before the current.

        Raises NoSuchGeneration.
        """
        with flipping(self.directory):
            generations = self.generations()
            below = self.current().number if number is None else None
            for generation in generations:
                wanted = generation.number == number if below is None else generation.number < below
                if wanted and intact(generation):
                    self._flip(generation)
                    return generation
        kept = ", ".join(str(generation.number) for generation in generations)
        what = f"generation {number}" if below is None else f"a generation before {below}"
        raise NoSuchGeneration(f"{what} is not kept whole", f"kept are {kept}")

    def clean(self) -> None:
        """Put right what a crash left: rubbish in staging, half-made pointers, companions without their generation.

        Only names that are ours are touched: the directory may have been somebody's before.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        if self.staging.exists() and set(_listing(self.staging)) <= _STAGED:
            shutil.rmtree(self.staging)
            self.observe(Repaired("removed an unfinished build"))
        with flipping(self.directory):
            generations = self.generations()
            self._remove_rubbish(generations)
        self._mend_pointer(generations)

    def _remove_rubbish(self, generations: Sequence[Generation]) -> None:
        names = {generation.path.name for generation in generations}
        for entry in _listing(self.directory):
            owner, _, ending = entry.rpartition(".")
            # A published file is never written, so a log beside one is nobody's.
            rubbish = ending == "wal" or (ending == "sha256" and owner not in names)
            if (rubbish and _NAME.fullmatch(owner)) or _HALF_MADE.fullmatch(entry):
                self.disk.remove(self.directory / entry)
        kept = {f"{generation.number:06}.duckdb" for generation in generations}
        for entry in _listing(self.state):
            if re.fullmatch(r"\d{6,}\.duckdb", entry) and entry not in kept:
                self.disk.remove(self.state / entry)

    def remove_older(self) -> None:
        """Keep the newest `keep` generations, and the current one in any case.

        Readers of a removed file keep it open.
        """
        with flipping(self.directory):
            current = self.current()
            for generation in self.generations()[self.keep :]:
                if generation != current:
                    self.disk.remove(generation.path)
                    self.disk.remove(checksum_path(generation.path))
                    self.disk.remove(self.private(generation.number))

    def require_space(self) -> None:
        """Refuse to begin where the disk has no room for another generation beside those kept. Raises DiskFailed."""
        sizes = [
            _size_of(generation.path) + _size_of(self.private(generation.number)) for generation in self.generations()
        ]
        # The new files, and as much again for what does not fit into memory meanwhile.
        free, needed = shutil.disk_usage(self.directory).free, 2 * max(sizes, default=0) + SPARE_BYTES
        if free < needed:
            kept = f"what is kept takes {sum(sizes) // 2**20} MB"
            message = f"{free // 2**20} MB are free and a build needs {needed // 2**20} MB; {kept}"
            raise DiskFailed(message, "make room, or lower snapshots.keep")

    def private(self, number: int) -> Path:
        """The file of a generation's private tables, where it has any."""
        return self.state / f"{number:06}.duckdb"

    def _mend_pointer(self, generations: Sequence[Generation]) -> None:
        try:
            self.current()
        except NoSnapshot:
            for generation in filter(intact, generations):
                self.point_to(generation)
                self.observe(Repaired(f"{POINTER} named nothing and now names {generation.id}"))
                return


def intact(generation: Generation) -> bool:
    """Whether a generation's bytes are those that its checksum was made of."""
    try:
        return published_checksum(generation) == checksum(generation.path)
    except (OSError, ValueError, IndexError):
        return False


def published_checksum(generation: Generation) -> str:
    """The SHA-256 that a generation was published with, in hexadecimal."""
    return checksum_path(generation.path).read_text(encoding="ascii").split()[0]


def untouched(generation: Generation) -> bool:
    """Whether nobody wrote to a generation since its checksum was made, or its bytes are the same for all that."""
    try:
        made = checksum_path(generation.path).stat().st_mtime_ns
        return generation.path.stat().st_mtime_ns <= made or intact(generation)
    except OSError:
        return False


def checksum(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksum_path(path: Path) -> Path:
    """The sidecar of a generation."""
    return path.with_name(path.name + ".sha256")


def _size_of(path: Path) -> int:
    """The bytes of a file; 0 where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _listing(directory: Path) -> list[str]:
    return sorted(os.listdir(directory)) if directory.is_dir() else []
