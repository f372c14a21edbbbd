"""A table's rows off the wire into DuckDB, every value cast strictly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass

import duckdb
import nanoarrow

from ..catalog import literal, quote
from ..connect import DISK_ERRORS
from ..errors import SourceError, SourceUnavailable, SourceValueError
from ..source import Reading, TableShape, bytes_of
from ..staging import Table
from ..stored import VECTOR

# Bytes that DuckDB may hold while tables are only written through; more for rows so wide that it could not write them,
# and while rows are joined and sorted.
MEMORY, JOINING = 100 * 2**20, 300 * 2**20
# DuckDB compresses a vector of rows at once, and holds that twice.
_VECTORS = 2
_FLOATS = ("FLOAT", "DOUBLE")
# What tells that an error is about a value.
_MISFIT = "misfit: "
# The column by which a source tells rows from those that only fix the types; where it is not, all are rows.
MARK = "_pacelayer_row"


@dataclass(frozen=True)
class Received:
    """How many bytes came, and what names the rows: the sum of their hashes as they came."""

    bytes: int
    content: str


def insert(
    connection: duckdb.DuckDBPyConnection,
    reading: Reading,
    table: Table,
    shape: TableShape,
    rows: AbstractContextManager[Iterable[nanoarrow.Array]],
    into: str,
    need: Callable[[int], None],
    tell: Callable[[int], None] = lambda _: None,
) -> Received:
    """Write batches of a table into one of DuckDB's.

    `need` is told how many bytes must fit in memory, `tell` how many rows are written so far. Raises SourceUnavailable,
    and SourceValueError for a value that does not fit its declared type.
    """
    size = summed = count = 0
    projections = ", ".join(_projections(reading, *table, shape))
    content = _content_of(shape)
    # One transaction: what is written of a table at a time is not put into a log as well.
    connection.execute("begin")
    try:
        with rows as batches:
            for batch in batches:
                size += bytes_of(batch)
                need(_VECTORS * VECTOR * bytes_of(batch) // len(batch))
                with _on_the_wire(connection, batch) as wire:
                    connection.execute(f"insert into {into} select {projections} from {wire}")
                    ((hashes, counted),) = connection.execute(f"select {content} from {wire}").fetchall()
                summed, count = summed + int(hashes), count + int(counted)
                tell(count)
        connection.execute("commit")
    except DISK_ERRORS:
        raise
    except duckdb.Error as error:
        raise _source_error(".".join(table), error) from error
    finally:
        with suppress(duckdb.Error):  # after a commit there is nothing to roll back
            connection.execute("rollback")
    return Received(size, str(summed % 2**64))


class _Wire:
    """A batch as DuckDB scans it, by Arrow's PyCapsule interface."""

    def __init__(self, batch: nanoarrow.Array) -> None:
        self.batch = batch

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.batch.__arrow_c_stream__(requested_schema)


@contextmanager
def _on_the_wire(connection: duckdb.DuckDBPyConnection, batch: nanoarrow.Array) -> Iterator[str]:
    """Its FROM for the rows of a batch. It holds what it knew until its transaction ends, so not the batch itself."""
    wire = _Wire(batch)
    connection.register("wire", wire)
    try:
        yield f"wire where {MARK} = 1" if batch.schema.field(0).name == MARK else "wire"
        connection.unregister("wire")
    finally:
        wire.batch = None


def _content_of(shape: TableShape) -> str:
    """The hashes of a batch's rows, added up, so that the order of the rows does not count.

    0.0 and -0.0 have the same hash, so signs are beside it; a float may be a text on the wire. Columns are named one by
    one: a row as a whole goes by a name that one of them may have.
    """
    signs = (
        f"signbit(try_cast({quote(name)} as double))"
        for name, column in shape.columns.items()
        if column.type in _FLOATS
    )
    values = ", ".join((*map(quote, shape.columns), *signs))
    return f"coalesce(sum(hash({values})), 0), count(*)"


def refuse_doubles(connection: duckdb.DuckDBPyConnection, table: Table, shape: TableShape, place: str) -> None:
    """A key has to name one row. Raises SourceValueError where it does not."""
    key = ", ".join(map(quote, shape.key))
    null = " or ".join(f"{quote(name)} is null" for name in shape.key)
    sql = f"select {key} from {place} group by {key} having count(*) > 1 or {null} limit 1"
    for row in connection.execute(sql).fetchall():
        words = ", ".join(map(str, row))
        raise SourceValueError(f"{'.'.join(table)}: {', '.join(shape.key)} is no key: {words} is there twice, or null")


def _projections(reading: Reading, source: str, table: str, shape: TableShape) -> Iterator[str]:
    """The strict cast of each column: a value that does not fit raises an error that names its column and key."""
    written = {name: reading.written(table, name, column.type) for name, column in shape.columns.items()}
    key = " || ', ' || ".join(f"coalesce({written[name]}, 'null')" for name in shape.key) or "'unknown'"
    names = ", ".join(shape.key) or "row"
    for name, column in shape.columns.items():
        wire, fitting = quote(name), reading.fitting(table, name, column.type)
        if fitting == wire:
            yield wire
            continue
        before, between, after = (
            literal(words)
            for words in (
                f"{_MISFIT}{source}.{table}.{name}: the value '",
                f"' at {names} = ",
                f" does not fit {column.type}",
            )
        )
        message = f"{before} || left({written[name]}, 80) || {between} || {key} || {after}"
        yield f"case when {wire} is null then null else coalesce({fitting}, error({message})) end"


def _source_error(table: str, error: duckdb.Error) -> SourceError:
    """Our own message where a value did not fit; else DuckDB's or the driver's first line, with the table's name."""
    _, misfit, said = str(error).partition(_MISFIT)
    if misfit:
        return SourceValueError(said.replace("\n", "\\n"))
    text = str(error).split("\n")[0]
    if isinstance(error, duckdb.ConstraintException | duckdb.ConversionException):
        return SourceValueError(f"{table}: {text}")
    return SourceUnavailable(f"{table} could not be read to the end: {text}")
