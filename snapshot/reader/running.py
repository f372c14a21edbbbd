"""A query that runs, and what DuckDB says of one, in our words."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb

from ..errors import DeadlineExceeded, NotComputable, OutOfRange, PacelayerError, QueryFailed
from .watchdog import Watchdog

_SAID = {
    "Conversion Error:": OutOfRange,
    "Out of Range Error:": OutOfRange,
    "Invalid Input Error:": NotComputable,
    "Not implemented Error:": NotComputable,
}


@contextmanager
def in_our_words() -> Iterator[None]:
    """Raises DeadlineExceeded, OutOfRange, NotComputable and QueryFailed for DuckDB's errors."""
    try:
        yield
    except duckdb.InterruptException as error:
        raise DeadlineExceeded("the query took longer than it may", "ask for less") from error
    except (duckdb.ConversionException, duckdb.OutOfRangeException) as error:
        raise OutOfRange(str(error).splitlines()[0]) from error
    except (duckdb.InvalidInputException, duckdb.NotImplementedException) as error:  # the latter: an unknown zone
        raise NotComputable(str(error).splitlines()[0]) from error
    except duckdb.Error as error:
        raise QueryFailed(str(error).splitlines()[0]) from error


def of_stream(error: Exception) -> PacelayerError:
    """What broke a stream of Arrow off, in our words: its reader has DuckDB's words, and no kind of error."""
    words = str(error).splitlines()[0] if str(error) else type(error).__name__
    kind = next((kind for said, kind in _SAID.items() if said in words), QueryFailed)
    return kind(words)


class Running:
    """The result of one query, to be taken once: as rows, or by whoever takes a stream of Arrow."""

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        sql: str,
        parameters: Sequence[Any],
        deadline: float,
        watchdog: Watchdog,
    ) -> None:
        self._cursor, self._sql, self._parameters = cursor, sql, parameters
        self._deadline, self._watchdog = deadline, watchdog

    @property
    def is_overdue(self) -> bool:
        """Whether its time is up."""
        return time.monotonic() >= self._deadline

    def until(self, deadline: float) -> None:
        """Let it have another deadline, a moment of time.monotonic(); from any thread."""
        self._deadline = deadline
        self._watchdog.move(self._cursor, deadline)

    def rows(self, size: int) -> Iterator[list[tuple[Any, ...]]]:
        """So many rows at a time. Raises DeadlineExceeded, OutOfRange, NotComputable and QueryFailed."""
        with in_our_words():
            self._cursor.execute(self._sql, self._parameters)
            while batch := self._cursor.fetchmany(size):
                yield batch

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        """The Arrow PyCapsule interface. What fails later is raised by whoever takes the stream: see `of_stream`."""
        with in_our_words():
            relation = self._cursor.sql(self._sql, params=list(self._parameters))
            return relation.__arrow_c_stream__(requested_schema)
