"""Everything that can go wrong, as one small tree.

    PacelayerError                     never raised itself
    +-- ProjectError                   PROJECT_INVALID       the project's files; carries every problem found
    +-- SourceError                    never raised itself
    |   +-- SourceUnavailable          SOURCE_UNAVAILABLE    may heal by itself: retried
    |   +-- SourceChanged              SOURCE_CHANGED        tables or columns are not what sources.lock says
    |   +-- SourceValueError           SOURCE_VALUE          a value that its declared type cannot hold
    +-- BuildError                     never raised itself
    |   +-- MetricFailed               METRIC_FAILED         DuckDB refused a metric's SELECT on this data
    |   +-- CheckFailed                CHECK_FAILED          the new snapshot must not be published
    |   +-- DiskFailed                 DISK_FAILED           no space, read-only, input/output error: retried
    |   +-- Overdue                    OVERDUE               it took longer than it may, and was ended: retried
    +-- StoreError                     never raised itself
    |   +-- Locked                     LOCKED                another refresher has the directory
    |   +-- NoSnapshot                 NO_SNAPSHOT           nothing has been published yet
    |   +-- NoSuchGeneration           NO_SUCH_GENERATION    the generation asked for is not kept
    |   +-- Damaged                    DAMAGED               a file that is not the snapshot it claims to be
    |   +-- FormatUnknown              FORMAT_UNKNOWN        a snapshot written by another version of the format
    +-- QueryError                     never raised itself
        +-- DeadlineExceeded           DEADLINE_EXCEEDED     the answer took longer than the caller may wait
        +-- QueryFailed                QUERY_FAILED          DuckDB refused a query
        +-- OutOfRange                 OUT_OF_RANGE          a number of a question or its answer is beyond its type
        +-- NotComputable              NOT_COMPUTABLE        an expression has no value for some of the data

Each leaf has a code that is never re-used, a process exit code, and says whether a retry can help.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a project: where, what, and the way out.

    `line` counts from 1; 0 is the whole file.
    """

    path: str
    line: int
    message: str
    hint: str = ""
    warning: bool = False

    def __str__(self) -> str:
        """`metrics/revenue.sql:7: message; hint`."""
        place = f"{self.path}:{self.line}" if self.line else self.path
        kind = "warning: " if self.warning else ""
        return f"{place}: {kind}{self.message}" + (f"; {self.hint}" if self.hint else "")


class PacelayerError(Exception):
    """The root of the tree. `message` says what and where, `hint` what to do."""

    code: ClassVar[str]
    exit_code: ClassVar[int]
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Message and hint in one line."""
        return f"{self.message}; {self.hint}" if self.hint else self.message


class ProjectError(PacelayerError):
    """The project's files are wrong; `problems` holds everything found, in the order of the files."""

    code = "PROJECT_INVALID"
    exit_code = 2

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class SourceError(PacelayerError):
    """Something about a source database."""


class SourceUnavailable(SourceError):
    """The source cannot be opened or read at the moment."""

    code = "SOURCE_UNAVAILABLE"
    exit_code = 10
    retryable = True


class SourceChanged(SourceError):
    """The source's tables are not what `sources.lock` says."""

    code = "SOURCE_CHANGED"
    exit_code = 11


class SourceValueError(SourceError):
    """A value does not fit its column's declared type; the message names table, column and key."""

    code = "SOURCE_VALUE"
    exit_code = 12

    def __init__(self, message: str) -> None:
        super().__init__(message, "mend the row, or name another type for the column in pacelayer.toml")


class BuildError(PacelayerError):
    """A snapshot could not be built."""


class MetricFailed(BuildError):
    """A metric's SELECT failed on this data."""

    code = "METRIC_FAILED"
    exit_code = 20


class CheckFailed(BuildError):
    """The staged snapshot breaks a promise; the old one keeps serving. `problems` lists every one."""

    code = "CHECK_FAILED"
    exit_code = 21

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("the new snapshot was not published: " + "; ".join(problems))
        self.problems = problems


class DiskFailed(BuildError):
    """The snapshot directory could not be written."""

    code = "DISK_FAILED"
    exit_code = 22
    retryable = True


class Overdue(BuildError):
    """A refresh took longer than it may, and was ended."""

    code = "OVERDUE"
    exit_code = 23
    retryable = True


class StoreError(PacelayerError):
    """Something about the directory of snapshots."""


class Locked(StoreError):
    """Another refresher holds the directory."""

    code = "LOCKED"
    exit_code = 30
    retryable = True


class NoSnapshot(StoreError):
    """No snapshot has been published yet."""

    code = "NO_SNAPSHOT"
    exit_code = 31
    retryable = True


class NoSuchGeneration(StoreError):
    """The generation that was asked for is not kept."""

    code = "NO_SUCH_GENERATION"
    exit_code = 32


class Damaged(StoreError):
    """A snapshot file is not what it claims to be."""

    code = "DAMAGED"
    exit_code = 33


class FormatUnknown(StoreError):
    """A snapshot is of a format that this version cannot read."""

    code = "FORMAT_UNKNOWN"
    exit_code = 34


class QueryError(PacelayerError):
    """A query of the current snapshot could not be answered."""


class DeadlineExceeded(QueryError):
    """The query was ended because its time was up."""

    code = "DEADLINE_EXCEEDED"
    exit_code = 40
    retryable = True


class QueryFailed(QueryError):
    """DuckDB refused the query."""

    code = "QUERY_FAILED"
    exit_code = 41


class OutOfRange(QueryError):
    """A value of the question, or of its answer, goes beyond its type."""

    code = "OUT_OF_RANGE"
    exit_code = 42


class NotComputable(QueryError):
    """An expression has no value for some of the data, as a whole number that is divided by zero has none."""

    code = "NOT_COMPUTABLE"
    exit_code = 43


def code_of(error: Exception) -> str:
    """The code that an error is known by outside; INTERNAL for one that nobody foresaw."""
    return error.code if isinstance(error, PacelayerError) else "INTERNAL"
