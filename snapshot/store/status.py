"""`status.json`: what the refresher says between generations. Replaced as a whole, so that a reader never sees half."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import DiskFailed, code_of

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

    The generation `number` is true as of `as_of` and good until `stale_after`; both grow while its sources
    do not change. `metrics` says when each of its metrics was last brought up to date, or looked at and found to be, by
    the refresher's clock.
    """

    last_run: datetime | None = None
    last_success: datetime | None = None
    next_run: datetime | None = None
    failures: int = 0
    last_failure: Failure | None = None
    number: int = 0
    as_of: datetime | None = None
    stale_after: datetime | None = None
    metrics: Mapping[str, datetime] = field(default_factory=dict)

    def renewed(self, number: int, as_of: datetime, stale_after: datetime) -> tuple[datetime, datetime]:
        """A generation's `as_of` and `stale_after`, or the later ones of a look that found nothing changed."""
        if self.number != number or not (self.as_of and self.stale_after):
            return as_of, stale_after
        return max(as_of, self.as_of), max(stale_after, self.stale_after)

    def seen(self, number: int) -> Mapping[str, datetime]:
        """When the metrics of a generation were last brought up to date, as far as that is known."""
        return self.metrics if self.number == number else {}


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
            _moment(data["stale_after"]),
            {str(name): datetime.fromisoformat(moment) for name, moment in data["metrics"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
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
        note_failure(directory, error, begun, clock())
        raise
    write_status(directory, replace(read_status(directory), last_run=begun, failures=0, last_success=begun))


def note_failure(directory: Path, error: Exception, begun: datetime, now: datetime) -> None:
    """Write down one failure more; where that fails too, the error has a note of it."""
    failure, status = Failure(now, code_of(error), str(error)), read_status(directory)
    try:
        write_status(directory, replace(status, last_run=begun, failures=status.failures + 1, last_failure=failure))
    except DiskFailed as second:
        error.add_note(str(second))


def note_look(
    directory: Path, number: int, as_of: datetime, stale_after: datetime, metrics: Mapping[str, datetime]
) -> None:
    """Write down how far a generation is true, and which of its metrics were looked at when. Raises DiskFailed."""
    said = read_status(directory)
    write_status(directory, replace(said, number=number, as_of=as_of, stale_after=stale_after, metrics=metrics))


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _text(value: Any) -> str:
    return str(value.isoformat())
