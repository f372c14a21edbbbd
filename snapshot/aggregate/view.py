"""`main.dashboard_metrics`: every metric in one long table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import duckdb

from ..catalog import Column, Metric, literal, quote

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


def create_dashboard_view(connection: duckdb.DuckDBPyConnection, metrics: Sequence[Metric]) -> None:
    """`main.dashboard_metrics`: metric, period, dimensions, measure, value as exact text and as a number, computed_at.

    It looks at the catalogue, which must be there.
    """
    rows = " union all ".join((_NO_ROWS, *(part for metric in metrics for part in _long_rows(metric))))
    connection.execute(f"create or replace view main.dashboard_metrics as {rows}")
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
