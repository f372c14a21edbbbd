"""`status.json`: what the refresher says between generations. Replaced as a whole, so that a reader never sees half."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ..errors import DiskFailed, PacelayerError

FILE_NAME = "status.json"


@dataclass(frozen=True)
class Failure:
    """The last refresh that failed: when, its error's code, and its message."""

    at: datetime
    code: str
    message: str


@dataclass(frozen=True)
class Status:
    """`failures` counts those since the last success; `next_run` is when the refresher means to start again.

    The generation `number` is known to be true as of `as_of`, which grows while its sources do not change.
    """

    last_run: datetime | None = None
    last_success: datetime | None = None
    next_run: datetime | None = None
    failures: int = 0
    last_failure: Failure | None = None
    number: int = 0
    as_of: datetime | None = None

    def renewed(self, number: int, as_of: datetime) -> timedelta:
        """How much later than its own moment a generation is known to be true still."""
        later = self.as_of - as_of if self.as_of and self.number == number else timedelta(0)
        return max(later, timedelta(0))


def read_status(directory: Path) -> Status:
    """The last status written; an empty one where there is none or it is not ours."""
    try:
        data = json.loads((directory / FILE_NAME).read_text(encoding="utf-8"))
        failure = data["last_failure"]
        return Status(
            _moment(data["last_run"]),
            _moment(data["last_success"]),
            _moment(data["next_run"]),
            int(data["failures"]),
            Failure(datetime.fromisoformat(failure["at"]), failure["code"], failure["message"]) if failure else None,
            int(data["number"]),
            _moment(data["as_of"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return Status()


def write_status(directory: Path, status: Status) -> None:
    """Replace the status. Raises DiskFailed."""
    temporary = directory / f"{FILE_NAME}.new"
    try:
        temporary.write_text(json.dumps(asdict(status), default=_text, indent=2) + "\n", encoding="utf-8")
        temporary.replace(directory / FILE_NAME)
    except OSError as error:
        raise DiskFailed(f"{FILE_NAME} could not be written: {error.strerror}") from error


@contextmanager
def recorded(directory: Path, clock: Callable[[], datetime]) -> Iterator[None]:
    """Write down how a refresh went: what is raised within is a failure, and goes on."""
    begun = clock()
    try:
        yield
    except Exception as error:
        code = error.code if isinstance(error, PacelayerError) else "INTERNAL"
        failure, status = Failure(clock(), code, str(error)), read_status(directory)
        try:
            write_status(directory, replace(status, last_run=begun, failures=status.failures + 1, last_failure=failure))
        except DiskFailed as second:
            error.add_note(str(second))
        raise
    write_status(directory, replace(read_status(directory), last_run=begun, failures=0, last_success=begun))


def note_as_of(directory: Path, number: int, as_of: datetime) -> None:
    """Write down that a generation is true as of then. Raises DiskFailed."""
    write_status(directory, replace(read_status(directory), number=number, as_of=as_of))


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _text(value: Any) -> str:
    return str(value.isoformat())
