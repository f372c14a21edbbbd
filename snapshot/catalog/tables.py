"""The catalogue's tables in the file: `write` and `read` are each other's inverse."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, TypeVar

import duckdb

from ..errors import Damaged, FormatUnknown
from .generation import BuildRecord, Catalog, CheckRecord, Pending, SnapshotInfo, SourceInfo, TableState
from .metric import Column, Component, Grain, Metric
from .names import quote

FORMAT = 7

_TABLES = """
create schema if not exists pacelayer;
create or replace table pacelayer.snapshot (
    number bigint, id varchar, format integer, project varchar, as_of timestamptz, built_at timestamptz,
    stale_after timestamptz, pace bigint, time_zone varchar, definition_hash varchar, tool varchar);
comment on table pacelayer.snapshot is 'The constants of this generation, one row; pace in seconds';
create or replace table pacelayer.sources (name varchar, as_of timestamptz, tables bigint, rows bigint);
comment on table pacelayer.sources is 'Each source database: the moment its data is of, and what was exported';
create or replace table pacelayer.metrics (
    name varchar, field varchar, grouped boolean, why varchar, description varchar, sql varchar,
    definition_hash varchar, pace bigint, time varchar, moment varchar, keys varchar[], base_with varchar,
    base_from varchar, base_where varchar);
comment on table pacelayer.metrics is 'Each metric: the table main.<name> here, the field <field> in GraphQL';
create or replace table pacelayer.columns (
    metric varchar, name varchar, field varchar, type varchar, nullable boolean, role varchar, description varchar,
    unit varchar, deprecated varchar, grain varchar, rollup varchar, sql varchar, formula varchar, lineage varchar[]);
comment on table pacelayer.columns is
    'Each column of each metric: what it means, how it rolls up, which source columns feed it';
create or replace table pacelayer.components (metric varchar, name varchar, type varchar, sql varchar, merge varchar);
comment on table pacelayer.components is 'The parts of measures that re-aggregate exactly, and by which function';
create or replace table pacelayer.grains (
    metric varchar, "table" varchar, "by" varchar[], columns varchar[], rows bigint, computed_at timestamptz);
comment on table pacelayer.grains is 'Each stored grouping of each metric';
create or replace table pacelayer.tables (
    source varchar, name varchar, definition varchar, as_of timestamptz, rows bigint, horizon varchar, content varchar,
    declared varchar, ordered_by varchar[], row_bytes double[],
    follows varchar[], sorted_bytes double[], changed bigint);
comment on table pacelayer.tables is 'Each exported table: the moment it is of, and what its next read goes on from';
create or replace table pacelayer.pending (metric varchar, everything boolean, periods varchar[]);
comment on table pacelayer.pending is 'What changed beneath a metric since it was computed';
create or replace table pacelayer.builds (
    number bigint, kind varchar, name varchar, mode varchar, rows bigint, seconds double, read bigint, inserted bigint,
    updated bigint, deleted bigint, bytes bigint, content varchar);
comment on table pacelayer.builds is 'What each refresh did to each table and metric, kept over generations';
create or replace table pacelayer.checks (subject varchar, rule varchar);
comment on table pacelayer.checks is 'What was checked before this generation was published';
"""


def write(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> None:
    """Write the catalogue into the schema `pacelayer` of the current database."""
    connection.execute(_TABLES)
    _insert(connection, "snapshot", [_row(catalog.snapshot)])
    _insert(connection, "sources", [_row(source) for source in catalog.sources])
    _insert(connection, "metrics", [_row(metric) for metric in catalog.metrics])
    for table, of in (("columns", "columns"), ("components", "components"), ("grains", "grains")):
        _insert(connection, table, [(m.name, *_row(part)) for m in catalog.metrics for part in getattr(m, of)])
    _insert(connection, "builds", [_row(build) for build in catalog.builds])
    _insert(connection, "checks", [_row(check) for check in catalog.checks])
    _insert(connection, "tables", [_row(table) for table in catalog.tables])
    _insert(connection, "pending", [_row(pending) for pending in catalog.pending])


def read(connection: duckdb.DuckDBPyConnection) -> Catalog:
    """The catalogue of the current database. Raises Damaged where there is none, FormatUnknown for another format."""
    try:
        found = connection.execute("select format, tool from pacelayer.snapshot").fetchall()
        if [row[0] for row in found] == [FORMAT]:
            return _read(connection)
    except duckdb.Error as error:
        raise Damaged(f"the file has no catalogue that can be read: {str(error).splitlines()[0]}") from error
    raise FormatUnknown(
        f"the snapshot is of format {found[0][0] if found else 'none'}, this version reads {FORMAT}",
        f"it was written by {found[0][1] if found else 'nobody'}",
    )


def _read(connection: duckdb.DuckDBPyConnection) -> Catalog:
    columns, components, grains = (
        _parts(connection, *part) for part in (("columns", Column), ("components", Component), ("grains", Grain))
    )
    metrics = tuple(
        Metric(*row, *(tuple(parts.get(row[0], ())) for parts in (columns, components, grains)))
        for row in _select(connection, "metrics", Metric, 3)
    )
    return Catalog(
        SnapshotInfo(*_select(connection, "snapshot", SnapshotInfo)[0]),
        tuple(SourceInfo(*row) for row in _select(connection, "sources", SourceInfo)),
        metrics,
        tuple(BuildRecord(*row) for row in _select(connection, "builds", BuildRecord)),
        tuple(CheckRecord(*row) for row in _select(connection, "checks", CheckRecord)),
        tuple(TableState(*row) for row in _select(connection, "tables", TableState)),
        tuple(Pending(*row) for row in _select(connection, "pending", Pending)),
    )


_Part = TypeVar("_Part", Column, Component, Grain)


def _row(record: Any) -> tuple[Any, ...]:
    """The stored values of a record: all its fields but the nested parts of a metric."""
    nested = ("columns", "components", "grains") if isinstance(record, Metric) else ()
    return tuple(_plain(getattr(record, item.name)) for item in fields(record) if item.name not in nested)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """A list for each column: a statement for each row takes a millisecond, and there are thousands of records."""
    if rows:
        columns = [list(values) for values in zip(*rows, strict=True)]
        connection.execute(f"insert into pacelayer.{table} select {', '.join(['unnest(?)'] * len(columns))}", columns)


def _select(
    connection: duckdb.DuckDBPyConnection, table: str, shape: type[Any], without: int = 0
) -> list[tuple[Any, ...]]:
    names = [item.name for item in fields(shape)]
    wanted = ", ".join(quote(name) for name in names[: len(names) - without])
    return [_frozen(row) for row in connection.execute(f"select {wanted} from pacelayer.{table}").fetchall()]


def _parts(connection: duckdb.DuckDBPyConnection, table: str, shape: type[_Part]) -> dict[str, list[_Part]]:
    found: dict[str, list[_Part]] = {}
    wanted = ", ".join(quote(item.name) for item in fields(shape))
    for metric, *row in connection.execute(f"select metric, {wanted} from pacelayer.{table}").fetchall():
        found.setdefault(metric, []).append(shape(*_frozen(row)))
    return found


def _frozen(row: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(tuple(value) if isinstance(value, list) else value for value in row)
