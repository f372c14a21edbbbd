"""Metrics into tables: each SELECT as it is written, and the coarser groupings that its measures need."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

import duckdb

from .catalog import BuildRecord, Column, Grain, Metric, literal, quote
from .connect import DISK_ERRORS
from .definition import Definition
from .errors import CheckFailed, MetricFailed
from .events import MetricComputed, Observer

_NUMERIC = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "FLOAT",
    "DOUBLE",
    "DECIMAL",
)

# The columns of `dashboard_metrics` and their types, also where no metric has a number.
_NO_ROWS = (
    "select null::varchar as metric, null::timestamp as period, null::json as dimensions, null::varchar as measure, "
    "null::varchar as value, null::double as number, null::timestamptz as computed_at where false"
)


def aggregate(
    connection: duckdb.DuckDBPyConnection,
    definitions: Sequence[Definition],
    as_of: datetime,
    number: int,
    observe: Observer,
    max_cells: int,
) -> tuple[tuple[Metric, ...], tuple[BuildRecord, ...]]:
    """Compute every metric in the staging file; the metrics with the tables they are stored in.

    Raises MetricFailed with the metric's file and DuckDB's reason, and CheckFailed for one that grows too large.
    """
    connection.execute("create schema if not exists rollup")
    metrics: list[Metric] = []
    builds: list[BuildRecord] = []
    for position, definition in enumerate(definitions, 1):
        begun = time.monotonic()
        try:
            # One transaction, so that all tables of a metric that looks at the clock see the same moment.
            connection.execute("begin")
            metric = replace(definition.metric, grains=tuple(_bounded(connection, definition, as_of, max_cells)))
            connection.execute("commit")
        except DISK_ERRORS:
            raise
        except duckdb.Error as error:
            reason = str(error).split("\n")[0]
            raise MetricFailed(f"{definition.path}: {reason}", "the metric's SELECT fails on today's data") from error
        rows, seconds = metric.grains[0].rows, time.monotonic() - begun
        metrics.append(metric)
        builds.append(BuildRecord(number, "metric", metric.name, "full", rows, seconds))
        observe(MetricComputed(metric.name, rows, seconds, False, position, len(definitions)))
    _comment(connection, metrics)
    return tuple(metrics), tuple(builds)


def _bounded(
    connection: duckdb.DuckDBPyConnection, definition: Definition, as_of: datetime, max_cells: int
) -> Iterator[Grain]:
    """The tables of one metric, until they are too many or too large."""
    cells = 0
    for grain in _grains(connection, definition, as_of):
        cells += grain.cells
        if cells > max_cells:
            way_out = "group it more coarsely, or name the groupings to compute ahead with @rollup"
            what = f"its groupings have more than {max_cells:,} values, which is the 'cells' of [snapshots]"
            raise CheckFailed((f"{definition.path}: {what}; {way_out}",))
        yield grain


def _grains(connection: duckdb.DuckDBPyConnection, definition: Definition, as_of: datetime) -> Iterator[Grain]:
    """Make and fill the tables of one metric, its own grain first."""
    metric = definition.metric
    stored = [f"cast({quote(c.name)} as {c.type}) as {quote(c.name)}" for c in metric.stored]
    order = metric.own_grain if metric.grouped else () if definition.ordered else metric.keys
    own = f"select {', '.join(stored)} from ({metric.sql})"
    yield _table(
        connection, f"main.{quote(metric.name)}", own, order, metric.own_grain, [m.name for m in metric.measures], as_of
    )
    visible = {column.name for column in metric.stored}
    if any(component.name not in visible for component in metric.components):
        components = [(c.name, c.sql, c.type) for c in metric.components]
        yield _rollup(connection, definition, f"rollup.{quote(metric.name)}", metric.own_grain, components, as_of)
    for by in definition.rollups:
        # A name that no metric can have, so that no two tables are ever called alike.
        name = f"rollup.{quote(' '.join((metric.name, 'by', ', '.join(by)) if by else (metric.name, 'in total')))}"
        measures = [(m.name, m.sql, m.type) for m in metric.measures if m.sql]
        hidden = [(c.name, c.sql, c.type) for c in metric.components if c.name not in visible]
        yield _rollup(connection, definition, name, by, [*measures, *hidden], as_of)


def _rollup(
    connection: duckdb.DuckDBPyConnection,
    definition: Definition,
    name: str,
    by: tuple[str, ...],
    columns: Sequence[tuple[str, str, str]],
    as_of: datetime,
) -> Grain:
    """One grouping of a metric, computed from the base tables by the metric's own FROM and WHERE."""
    base = definition.base
    grouped = [(d.name, d.sql, d.type) for d in map(definition.metric.column, by)]
    projections = ", ".join(f"cast({sql} as {kind}) as {quote(column)}" for column, sql, kind in (*grouped, *columns))
    where = f"where {base.where}" if base.where else ""
    group = f"group by {', '.join(str(i + 1) for i in range(len(by)))}" if by else ""
    sql = f"{base.with_} select {projections} from {base.from_} {where} {group}"
    return _table(connection, name, sql, by, by, [column for column, _, _ in columns], as_of)


def _table(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    sql: str,
    order: Sequence[str],
    by: tuple[str, ...],
    columns: Sequence[str],
    as_of: datetime,
) -> Grain:
    ordered = f" order by {', '.join(quote(column) for column in order)}" if order else ""
    connection.execute(f"create table {name} as {sql}{ordered}")
    rows = int(connection.execute(f"select count(*) from {name}").fetchall()[0][0])
    return Grain(name, by, tuple(columns), rows, as_of)


def _comment(connection: duckdb.DuckDBPyConnection, metrics: Sequence[Metric]) -> None:
    """Put the descriptions where an analyst looks for them."""
    for metric in metrics:
        table = f"main.{quote(metric.name)}"
        connection.execute(f"comment on table {table} is {literal(metric.description or metric.name)}")
        for column in metric.stored:
            words = " ".join(filter(None, (column.description, f"[{column.unit}]" if column.unit else "")))
            if words:
                connection.execute(f"comment on column {table}.{quote(column.name)} is {literal(words)}")


def create_dashboard_view(connection: duckdb.DuckDBPyConnection, metrics: Sequence[Metric]) -> None:
    """`main.dashboard_metrics`: metric, period, dimensions, measure, value as exact text and as a number, computed_at.

    It looks at the catalogue, which must be there.
    """
    rows = " union all ".join((_NO_ROWS, *(part for metric in metrics for part in _long_rows(metric))))
    connection.execute(f"create view main.dashboard_metrics as {rows}")
    connection.execute("comment on view main.dashboard_metrics is 'Every metric in one long table: one row a measure'")


def _long_rows(metric: Metric) -> Iterator[str]:
    measures = (
        metric.measures
        if metric.grouped
        else tuple(c for c in metric.stored if _is_number(c) and c.name not in metric.keys)
    )
    names = {measure.name for measure in measures} | {metric.time}
    pairs = ", ".join(f"{literal(c.name)}, {quote(c.name)}" for c in metric.stored if c.name not in names)
    period = f"{quote(metric.time)}::timestamp" if metric.time else "null::timestamp"
    moment = f'(select computed_at from pacelayer.grains where "table" = {literal(metric.grains[0].table)})'
    for measure in measures:
        value = quote(measure.name)
        yield (
            f"select {literal(metric.name)} as metric, {period} as period, json_object({pairs}) as dimensions, "
            f"{literal(measure.name)} as measure, {value}::varchar as value, "
            f"try_cast({value}::varchar as double) as number, "
            f"{moment} as computed_at from main.{quote(metric.name)}"
        )


def _is_number(column: Column) -> bool:
    return column.type.startswith(_NUMERIC)
