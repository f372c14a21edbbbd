"""Source tables into the staging file: one consistent read of each source, every value cast strictly."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from .catalog import BuildRecord, SourceInfo, literal, quote
from .connect import DISK_ERRORS, PRIVATE, STAGED, bounded
from .errors import SourceChanged, SourceError, SourceUnavailable, SourceValueError
from .events import Observer, TableExported
from .source import Reading, Source, TableShape, bytes_of

# Bytes that DuckDB may hold while tables are only written through; more for rows so wide that it could not write them:
# it compresses a vector of rows at once, and holds that twice.
MEMORY = 100 * 2**20
_VECTOR_ROWS, _VECTORS = 2048, 2


@dataclass(frozen=True)
class Export:
    """What was exported: each source as of its moment, and what was done to each table."""

    sources: tuple[SourceInfo, ...]
    builds: tuple[BuildRecord, ...]


def export(
    connection: duckdb.DuckDBPyConnection,
    sources: Sequence[Source],
    exports: Mapping[str, Mapping[str, TableShape]],
    private: frozenset[tuple[str, str]],
    number: int,
    observe: Observer,
) -> Export:
    """Fill the staging file from the sources; private tables go to their own file, seen through a view meanwhile.

    Raises SourceUnavailable, SourceChanged (a table is not as `sources.lock` says) and SourceValueError (a value does
    not fit its declared type).
    """
    position, total = 0, sum(len(tables) for tables in exports.values())
    infos: list[SourceInfo] = []
    builds: list[BuildRecord] = []
    for source in sources:
        tables = exports.get(source.name, {})
        _refuse_changes(source, tables)
        connection.execute(f"create schema if not exists {STAGED}.{quote(source.name)}")
        connection.execute(f"create schema if not exists {PRIVATE}.{quote(source.name)}")
        with bounded(connection, MEMORY) as need, source.read(tables) as reading:
            for name, shape in tables.items():
                begun = time.monotonic()
                database = PRIVATE if (source.name, name) in private else STAGED
                rows = _copy(connection, reading, source.name, name, shape, database, need)
                position, seconds = position + 1, time.monotonic() - begun
                builds.append(BuildRecord(number, "table", f"{source.name}.{name}", "full", rows, seconds))
                observe(TableExported(f"{source.name}.{name}", rows, seconds, position, total))
            rows = sum(build.rows for build in builds[len(builds) - len(tables) :])
            infos.append(SourceInfo(source.name, reading.as_of, len(tables), rows))
            for database in (STAGED, PRIVATE):
                connection.execute(f"checkpoint {database}")
    return Export(tuple(infos), tuple(builds))


def drop_private_views(connection: duckdb.DuckDBPyConnection, private: frozenset[tuple[str, str]]) -> None:
    """Take the views on private tables out of the staging file: readers do not have what they look at."""
    for source, table in sorted(private):
        connection.execute(f"drop view if exists {STAGED}.{quote(source)}.{quote(table)}")


def _refuse_changes(source: Source, wanted: Mapping[str, TableShape]) -> None:
    """Compare what the source has now with what the metrics were read against."""
    found = source.shapes()
    changes = []
    for name, shape in wanted.items():
        now = found.get(name)
        if now is None:
            changes.append(f"table '{source.name}.{name}' is gone")
            continue
        for column, was in shape.columns.items():
            place, has = f"column '{source.name}.{name}.{column}'", now.columns.get(column)
            if has is None:
                changes.append(f"{place} is gone")
            elif has.type != was.type or (has.nullable and not was.nullable):
                changes.append(f"{place} was {was.definition} and is {has.definition}")
    if changes:
        raise SourceChanged("the source has changed: " + ", ".join(changes), "run 'pacelayer check' to take it up")


def _copy(
    connection: duckdb.DuckDBPyConnection,
    reading: Reading,
    source: str,
    table: str,
    shape: TableShape,
    database: str,
    need: Callable[[int], None],
) -> int:
    """One table, every value strictly; the number of rows."""
    place = f"{quote(source)}.{quote(table)}"
    definition = ", ".join(f"{quote(column)} {c.definition}" for column, c in shape.columns.items())
    connection.execute(f"create table {database}.{place} ({definition})")
    if database == PRIVATE:
        connection.execute(f"create view {STAGED}.{place} as from {PRIVATE}.{place}")
    try:
        projections = ", ".join(_projections(reading, source, table, shape))
        insert = f"insert into {database}.{place} select {projections} from wire where _pacelayer_row = 1"
        with reading.rows(table, shape) as batches:
            for batch in batches:
                need(_VECTORS * _VECTOR_ROWS * bytes_of(batch) // len(batch))
                connection.register("wire", batch)
                connection.execute(insert)
                connection.unregister("wire")
    except DISK_ERRORS:
        raise
    except duckdb.Error as error:
        raise _source_error(f"{source}.{table}", error) from error
    return int(connection.execute(f"select count(*) from {database}.{place}").fetchall()[0][0])


def _projections(reading: Reading, source: str, table: str, shape: TableShape) -> Iterator[str]:
    """The strict cast of each column: a value that does not fit raises an error that names its column and key."""
    key = " || ', ' || ".join(f"coalesce({quote(name)}::varchar, 'null')" for name in shape.key) or "'unknown'"
    names = ", ".join(shape.key) or "row"
    for name, column in shape.columns.items():
        wire, fitting = quote(name), reading.fitting(table, name, column.type)
        if fitting == wire:
            yield wire
            continue
        before, between, after = (
            literal(words)
            for words in (
                f"{_MARK}{source}.{table}.{name}: the value '",
                f"' at {names} = ",
                f" does not fit {column.type}",
            )
        )
        message = f"{before} || left({wire}::varchar, 80) || {between} || {key} || {after}"
        yield f"case when {wire} is null then null else coalesce({fitting}, error({message})) end"


# What tells an error of ours from DuckDB's own among the messages of one exception type.
_MARK = "misfit: "


def _source_error(table: str, error: duckdb.Error) -> SourceError:
    """Our own message where a value did not fit; else DuckDB's or the driver's first line, with the table's name."""
    text = str(error).split("\n")[0]
    if _MARK in text:
        return SourceValueError(text.split(_MARK, 1)[1])
    if isinstance(error, duckdb.ConstraintException | duckdb.ConversionException):
        return SourceValueError(f"{table}: {text}")
    return SourceUnavailable(f"{table} could not be read to the end: {text}")
