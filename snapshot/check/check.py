"""The rows of every metric, how many there are, and how old the newest of a source is: all problems at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import duckdb

from ..catalog import Catalog, CheckRecord, Metric, literal, quote
from ..connect import DISK_ERRORS
from ..definition import Definition
from ..errors import CheckFailed
from ..export import Wanted
from ..staging import Staging, Table
from .rules import RowRule, rules_of

# A table that had at least so many rows and has none now is rather lost than empty.
MANY = 10
# So many rows that break a rule are named, each by so many columns at most.
SHOWN, NAMED = 10, 3


def check(
    files: Staging,
    definitions: Sequence[Definition],
    tables: Sequence[Wanted],
    catalog: Catalog,
    previous: Catalog | None,
    *,
    allow_empty: bool,
) -> tuple[CheckRecord, ...]:
    """What was looked at, and held. Raises CheckFailed with everything that does not."""
    records: list[CheckRecord] = []
    problems: list[str] = []
    metrics = {metric.name: metric for metric in catalog.metrics}
    before = _rows(previous) if previous else {}
    for definition in definitions:
        metric = metrics[definition.metric.name]
        rules = list(rules_of(definition, metric))
        records += [CheckRecord(metric.name, rule.name) for rule in rules]
        problems += (f"{definition.path}: {found}" for found in _broken(files.connection, metric, rules))
        counted = before.get(("metric", metric.name))
        problems += (f"{definition.path}: {found}" for found in _counts(files.connection, definition, metric, counted))
        records += [CheckRecord(metric.name, rule.sql) for rule in definition.tests if rule.of_counts]
    if not allow_empty:
        problems += _emptied(catalog, before)
    moments = {(state.source, state.name): state.as_of for state in catalog.tables}
    problems += too_old(files.connection, {files.place(t.table): t for t in tables}, moments)
    records += [CheckRecord(".".join(t.table), "max_source_age") for t in tables if t.settings.max_source_age]
    if problems:
        raise CheckFailed(tuple(problems))
    return tuple(records)


def _broken(connection: duckdb.DuckDBPyConnection, metric: Metric, rules: Sequence[RowRule]) -> Iterator[str]:
    """Each rule that rows break, how many do, and which; or that it cannot be judged."""
    table = metric.grains[0].table
    for rule, rows in zip(rules, _failing(connection, table, rules), strict=True):
        if isinstance(rows, str):
            yield f"{rule.words}: it fails on today's data: {rows}"
        elif rows:
            names = (metric.own_grain or metric.keys or tuple(c.name for c in metric.stored))[:NAMED]
            shown = ", ".join(f"coalesce(left({quote(name)}::varchar, 40), 'null')" for name in names)
            sql = f"select {shown} from {table} where {rule.failing} limit {SHOWN}"
            which = (
                ", ".join(f"{name} = {value}" for name, value in zip(names, row, strict=True))
                for row in connection.execute(sql).fetchall()
            )
            more = "; ..." if rows > SHOWN else ""
            yield f"{rule.words} ({rows} {'row' if rows == 1 else 'rows'}: {'; '.join(which)}{more})"


def _failing(connection: duckdb.DuckDBPyConnection, table: str, rules: Sequence[RowRule]) -> Sequence[int | str]:
    """How many rows break each rule, counted at once; where DuckDB cannot, its reason."""
    counts = ", ".join(f"count(*) filter (where {rule.failing})" for rule in rules)
    try:
        return connection.execute(f"select {counts} from {table}").fetchall()[0] if rules else ()
    except DISK_ERRORS:
        raise
    except duckdb.Error as error:
        if len(rules) == 1:
            return (str(error).splitlines()[0],)
        return [_failing(connection, table, [rule])[0] for rule in rules]


def _counts(
    connection: duckdb.DuckDBPyConnection, definition: Definition, metric: Metric, before: int | None
) -> Iterator[str]:
    """The tests of how many rows there are that do not hold; without a last generation there is nothing to compare."""
    rows = metric.grains[0].rows
    for rule in definition.tests:
        if rule.of_counts and before is not None:
            failing = RowRule(rule.sql, f"not ({rule.sql})", "")
            (broken,) = _failing(connection, f"(select {rows} as rows, {before} as previous)", [failing])
            if broken:
                why = broken if isinstance(broken, str) else f"it has {rows} rows, and had {before}"
                yield f"the test '{rule.sql}' of line {rule.line} does not hold: {why}"


def too_old(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Wanted], moments: Mapping[Table, datetime]
) -> Iterator[str]:
    """The tables, by their places, that got no new rows any more by the moments at which they were read.

    A time without a zone is of the project's.
    """
    for place, wanted in tables.items():
        if not (limit := wanted.settings.max_source_age) or not wanted.due:
            continue
        newest = f"max({quote(wanted.settings.changed)})"
        sql = f"select epoch(?::timestamptz) - epoch({newest}::timestamptz), {newest}::varchar from {place}"
        ((age, moment),) = connection.execute(sql, [moments[wanted.table]]).fetchall()
        if age is not None and age > limit:
            name = ".".join(wanted.table)
            yield f"the newest row of {name} is of {moment}, {age:.0f} s before the read; max_source_age is {limit} s"


def _emptied(catalog: Catalog, before: dict[tuple[str, str], int]) -> Iterator[str]:
    """Tables and metrics that had many rows in the last generation and have none now."""
    for (kind, name), rows in _rows(catalog).items():
        had = before.get((kind, name), 0)
        if rows == 0 and had >= MANY:
            yield f"{kind} {literal(name)} had {had} rows and has none now; --allow-empty lets it pass"


def _rows(catalog: Catalog) -> dict[tuple[str, str], int]:
    """How many each table and metric has."""
    tables = {("table", f"{table.source}.{table.name}"): table.rows for table in catalog.tables}
    return tables | {("metric", metric.name): metric.grains[0].rows for metric in catalog.metrics}
