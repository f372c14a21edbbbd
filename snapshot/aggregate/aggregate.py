"""Each metric in its way: in full, only the periods that changed, or as it was."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import duckdb

from ..catalog import BuildRecord, Grain, Metric, Pending, literal, quote
from ..connect import DISK_ERRORS
from ..definition import Definition
from ..errors import CheckFailed, MetricFailed
from ..events import MetricComputed, Observer
from ..export import Change
from ..staging import Staging, Table
from .periods import Periods, everything, nothing
from .tables import Tables, content_of


@dataclass(frozen=True)
class Aggregated:
    """The metrics with the tables they are stored in, what changed beneath those not due, and a record of each."""

    metrics: tuple[Metric, ...]
    pending: tuple[Pending, ...]
    builds: tuple[BuildRecord, ...]


def aggregate(
    staging: Staging,
    definitions: Sequence[Definition],
    due: Collection[str],
    changes: Mapping[Table, Change],
    as_of: datetime,
    number: int,
    observe: Observer,
    max_cells: int,
) -> Aggregated:
    """Bring every metric up to date that is due; `as_of` is the moment of those that read no table.

    Raises MetricFailed with the metric's file and DuckDB's reason, and CheckFailed for one that grows too large.
    """
    staging.connection.execute("create schema if not exists rollup")
    known = {metric.name: metric for metric in staging.previous.catalog.metrics} if staging.previous else {}
    left = {pending.metric: pending for pending in staging.previous.catalog.pending} if staging.previous else {}
    before_it = staging.previous.catalog.builds if staging.previous else ()
    contents = {record.name: record.content for record in before_it if record.kind == "metric"}
    metrics: list[Metric] = []
    pending: list[Pending] = []
    builds: list[BuildRecord] = []
    for position, definition in enumerate(definitions, 1):
        begun, name = time.monotonic(), definition.metric.name
        before = known.get(name) if is_same(known.get(name), definition) else None
        touched = Periods(staging, definition).touched(changes, left.get(name)) if before else everything(name)
        mode = mode_of(definition, touched, is_due=before is None or name in due)
        moment = min((changes[table].state.as_of for table in definition.tables), default=as_of)
        metric = _made(Tables(staging, definition, moment), mode, before, touched, max_cells)
        if mode == "carried over" and touched != nothing(name):
            pending.append(touched)
        seconds, rows = time.monotonic() - begun, metric.grains[0].rows
        carried = mode in ("carried over", "unchanged")
        content = (contents.get(name) if carried else "") or content_of(staging, metric)
        builds.append(BuildRecord(number, "metric", name, mode, rows, seconds, content=content))
        metrics.append(metric)
        observe(MetricComputed(name, rows, seconds, carried, position, len(definitions)))
    _drop_others(staging.connection, metrics)
    _comment(staging.connection, metrics)
    return Aggregated(tuple(metrics), tuple(pending), tuple(builds))


def is_same(before: Metric | None, definition: Definition) -> bool:
    """Whether a metric of the last generation is what the project says now, with the same stored groupings."""
    if before is None or replace(before, grains=(), pace=0) != replace(definition.metric, pace=0):
        return False
    return {grain.by for grain in before.grains} == {before.own_grain, *definition.rollups}


def mode_of(definition: Definition, touched: Pending, *, is_due: bool) -> str:
    """How a metric is brought into the new snapshot."""
    if not is_due:
        return "carried over"
    if definition.unstable or touched.everything:
        return "full"
    return "delta" if touched.periods else "unchanged"


def _made(tables: Tables, mode: str, before: Metric | None, touched: Pending, max_cells: int) -> Metric:
    definition, connection = tables.definition, tables.staging.connection
    if mode == "delta":
        tables.note(touched)
    try:
        # One transaction, so that all tables of a metric that looks at the clock see the same moment.
        connection.execute("begin")
        if before is None or mode == "full":
            grains = tuple(_bounded(definition, tables.compute(), max_cells))
        elif mode == "delta":
            grains = tuple(_bounded(definition, tables.renew(), max_cells))
        else:
            grains = tuple(tables.keep(before, computed_anew=mode == "unchanged"))
        connection.execute("commit")
    except DISK_ERRORS:
        raise
    except duckdb.Error as error:
        reason = str(error).split("\n")[0]
        raise MetricFailed(f"{definition.path}: {reason}", "the metric's SELECT fails on today's data") from error
    return replace(definition.metric, grains=grains)


def _bounded(definition: Definition, grains: Iterable[Grain], max_cells: int) -> Iterator[Grain]:
    """The tables of one metric, until they are too many or too large."""
    cells = 0
    for grain in grains:
        cells += grain.cells
        if cells > max_cells:
            way_out = "group it more coarsely, or name the groupings to compute ahead with @rollup"
            what = f"its groupings have more than {max_cells:,} values, which is the 'cells' of [snapshots]"
            raise CheckFailed((f"{definition.path}: {what}; {way_out}",))
        yield grain


def _drop_others(connection: duckdb.DuckDBPyConnection, metrics: Sequence[Metric]) -> None:
    """Take out of a copied file the tables of metrics that are no more."""
    wanted = {grain.table for metric in metrics for grain in metric.grains}
    found = connection.execute(
        "select schema_name, table_name from duckdb_tables() "
        "where database_name = current_database() and schema_name in ('main', 'rollup')"
    ).fetchall()
    for schema, name in found:
        if f"{schema}.{quote(name)}" not in wanted:
            connection.execute(f"drop table {schema}.{quote(name)}")


def _comment(connection: duckdb.DuckDBPyConnection, metrics: Sequence[Metric]) -> None:
    """Put the descriptions where an analyst looks for them."""
    for metric in metrics:
        table = f"main.{quote(metric.name)}"
        connection.execute(f"comment on table {table} is {literal(metric.description or metric.name)}")
        for column in metric.stored:
            words = " ".join(filter(None, (column.description, f"[{column.unit}]" if column.unit else "")))
            if words:
                connection.execute(f"comment on column {table}.{quote(column.name)} is {literal(words)}")
