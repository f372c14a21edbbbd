"""The forms of a table as a file: each writes the rows of a query as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, cast

import orjson

from snapshot.catalog import Column, quote
from snapshot.errors import PacelayerError, QueryFailed
from snapshot.reader import Running, of_stream

from ..extras import shown
from ..plan import Plan
from ..table import Table, table
from .body import Body

# Rows that are made ready at once; a row is some hundred bytes in Python.
BATCH_ROWS = 2_000
# What a writer of Parquet gathers before it writes: as many rows as DuckDB gives at once.
GROUP_ROWS = 122_880
_QUOTED = frozenset('",\r\n')


@dataclass(frozen=True)
class Format:
    """How a table is written. `shown` is the SQL by which a column is fetched."""

    media: str
    write: Callable[[Plan, Running, Body], None]
    shown: Callable[[Column], str] = shown


def _tables(plan: Plan, running: Running) -> Iterator[Table]:
    """The rows as the API gives them. Raises GraphQLError for what it would refuse."""
    for batch in running.rows(BATCH_ROWS):
        found = table(plan, batch)
        if found.broken:
            raise QueryFailed("a column that is never null has a null")
        yield found


def _write_json(plan: Plan, running: Running, body: Body) -> None:
    """An array of objects by field."""
    before = b"["
    for found in _tables(plan, running):
        body.write(before + orjson.dumps(found.dicts())[1:-1])
        before = b",\n"
    body.write(b"]" if before == b",\n" else b"[]")


def _write_csv(plan: Plan, running: Running, body: Body) -> None:
    """RFC 4180: lines end with CRLF, the first has the fields; null is nothing, and the empty text is `""`."""
    body.write(_line([column.field for column in plan.columns]))
    for found in _tables(plan, running):
        body.write(b"".join(map(_line, found.rows)))


def _line(values: Any) -> bytes:
    return (",".join(map(_cell, values)) + "\r\n").encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return '"' + text.replace('"', '""') + '"' if not text or not _QUOTED.isdisjoint(text) else text


def _write_arrow(_: Plan, running: Running, body: Body) -> None:
    """Arrow's IPC stream, not compressed, which all readers take."""
    from arro3.io import write_ipc_stream

    with _streaming():
        write_ipc_stream(running, cast("IO[bytes]", body), compression=None)


def _write_parquet(_: Plan, running: Running, body: Body) -> None:
    from arro3.io import write_parquet

    with _streaming():
        write_parquet(running, cast("IO[bytes]", body), max_row_group_size=GROUP_ROWS, compression="snappy")


@contextmanager
def _streaming() -> Iterator[None]:
    try:
        yield
    except PacelayerError:
        raise
    except Exception as error:
        raise of_stream(error) from error


def _as_it_is(column: Column) -> str:
    return f"page.{quote(column.name)}"


def _for_parquet(column: Column) -> str:
    """A length of time in months, days and microseconds has no type in Parquet."""
    return f"cast({_as_it_is(column)} as varchar)" if column.type == "INTERVAL" else _as_it_is(column)


FORMATS: Mapping[str, Format] = {
    "csv": Format("text/csv; charset=utf-8; header=present", _write_csv),
    "json": Format("application/json", _write_json),
    "arrow": Format("application/vnd.apache.arrow.stream", _write_arrow, _as_it_is),
    "parquet": Format("application/vnd.apache.parquet", _write_parquet, _for_parquet),
}
