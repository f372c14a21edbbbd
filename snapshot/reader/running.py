"""A query that runs, and what DuckDB says of one, in our words."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb

from ..errors import DeadlineExceeded, NotComputable, OutOfRange, QueryFailed
from .watchdog import Watchdog


@contextmanager
def in_our_words() -> Iterator[None]:
    """Raises DeadlineExceeded, OutOfRange, NotComputable and QueryFailed for DuckDB's errors."""
    try:
        yield
    except duckdb.InterruptException as error:
        raise DeadlineExceeded("the query took longer than it may", "ask for less") from error
    except (duckdb.ConversionException, duckdb.OutOfRangeException) as error:
        raise OutOfRange(str(error).splitlines()[0]) from error
    except duckdb.InvalidInputException as error:
        raise NotComputable(str(error).splitlines()[0]) from error
    except duckdb.Error as error:
        raise QueryFailed(str(error).splitlines()[0]) from error


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
        """The Arrow PyCapsule interface. What fails later is told by whoever takes the stream, in words of its own."""
        with in_our_words():
            relation = self._cursor.sql(self._sql, params=list(self._parameters))
            return relation.__arrow_c_stream__(requested_schema)
