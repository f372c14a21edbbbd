"""What must hold before anyone may see a snapshot: every problem found, or none."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb

from .catalog import MAX_SAFE_INTEGER, Catalog, CheckRecord, Metric, is_nested, literal, quote
from .definition import Definition
from .errors import CheckFailed

# A table that had at least so many rows and has none now is rather lost than empty.
MANY = 10
# In JSON: a text, and a whole number that may go beyond 2^53.
_TEXTS = r'"(\\.|[^"\\])*"'
_LARGE = r"(^|[^\d.eE+-])-?(\d{17,}|9\d{15})($|[^\d.eE])"
# The exit code of `python -m gql` where it has printed what is wrong.
BROKEN = 3


def check(
    connection: duckdb.DuckDBPyConnection,
    definitions: Sequence[Definition],
    catalog: Catalog,
    previous: Catalog | None,
    *,
    allow_empty: bool,
) -> tuple[CheckRecord, ...]:
    """What was looked at, and held. Raises CheckFailed with everything that does not."""
    records: list[CheckRecord] = []
    problems: list[str] = []
    metrics = {metric.name: metric for metric in catalog.metrics}
    for definition in definitions:
        metric = metrics[definition.metric.name]
        for rule, failing, words in _rules(definition, metric):
            ((rows,),) = connection.execute(failing).fetchall()
            if rows:
                problems.append(f"{definition.path}: {words} ({rows} {'row' if rows == 1 else 'rows'})")
            records.append(CheckRecord(metric.name, rule))
    if not allow_empty:
        problems.extend(_emptied(catalog, previous))
    if problems:
        raise CheckFailed(tuple(problems))
    return tuple(records)


def check_contract(staged: Path, root: Path) -> None:
    """Make the schema that a closed snapshot gives, and compare it with `schema.graphql` where the project has one.

    Asked of a process of its own, because the refresher does not load GraphQL. Raises CheckFailed with every break, or
    with the column whose type GraphQL cannot show.
    """
    contract = root / "schema.graphql"
    command = [sys.executable, "-m", "gql", str(staged)]
    compared = ["--contract", str(contract)] if contract.exists() else []
    done = subprocess.run([*command, *compared], capture_output=True, text=True, check=False)
    if done.returncode == BROKEN:
        raise CheckFailed(tuple(done.stdout.splitlines()))
    if done.returncode:
        raise CheckFailed((f"the schema cannot be made: {done.stderr.strip().splitlines()[-1]}",))


def _rules(definition: Definition, metric: Metric) -> Iterator[tuple[str, str, str]]:
    """Each rule of a metric: its name, the query that counts the rows that break it, and what is then said."""
    table = f"main.{quote(metric.name)}"
    for column in metric.stored:
        name = quote(column.name)
        if not column.nullable:
            null = f"{name} is null" + (f" or not isfinite({name})" if column.type in ("FLOAT", "DOUBLE") else "")
            yield f"{column.name} is not null", _count(table, null), f"'{column.name}' is null, and must not be"
        if column.type in ("BIGINT", "UBIGINT"):
            beyond = f"{name} not between {-MAX_SAFE_INTEGER} and {MAX_SAFE_INTEGER}"
            advice = f"'{column.name}' goes beyond 2^53, which JSON numbers do not hold; cast it to decimal or varchar"
            yield f"{column.name} fits a JSON number", _count(table, beyond), advice
        if infinite := _infinite(column.type, name):
            advice = f"'{column.name}' is infinite, which GraphQL cannot show; write case when isfinite(x) then x end"
            yield f"{column.name} is finite", _count(table, infinite), advice
        if is_nested(column.type) and "BIGINT" in column.type:
            large = f"regexp_matches(regexp_replace(to_json({name})::varchar, '{_TEXTS}', '', 'g'), '{_LARGE}')"
            advice = f"'{column.name}' holds numbers beyond 9 * 10^15, which JSON numbers may not hold; cast them"
            yield f"{column.name} fits JSON numbers", _count(table, large), advice
    if metric.keys:
        keys = ", ".join(quote(key) for key in metric.keys)
        null = " or ".join(f"{quote(key)} is null" for key in metric.keys)
        yield f"{keys} is never null", _count(table, null), f"the key {keys} is null"
        twice = f"select count(*) from (select 1 from {table} group by {keys} having count(*) > 1)"
        yield f"{keys} is unique", twice, f"the key {keys} is not unique"
    for rule in definition.tests:
        yield rule.sql, _count(table, f"not ({rule.sql})"), f"the test '{rule.sql}' of line {rule.line} does not hold"


def _infinite(duckdb_type: str, sql: str) -> str:
    """The condition that a date or timestamp is infinite, at any depth; empty where there is none."""
    if duckdb_type.startswith(("DATE", "TIMESTAMP")) and not is_nested(duckdb_type):
        return f"isinf({sql})"
    if not is_nested(duckdb_type) or ("DATE" not in duckdb_type and "TIMESTAMP" not in duckdb_type):
        return ""
    parsed: Any = duckdb.sqltype(duckdb_type)
    if parsed.id == "struct":
        parts = [_infinite(str(kind), f"struct_extract({sql}, {literal(child)})") for child, kind in parsed.children]
    elif parsed.id == "map":
        parts = [_infinite(f"{kind}[]", f"map_{name}s({sql})") for name, kind in parsed.children]
    else:
        item = _infinite(str(parsed.children[0][1]), f"x{len(sql)}")
        parts = [f"list_bool_or([{item} for x{len(sql)} in {sql}])"] if item else []
    return " or ".join(filter(None, parts))


def _count(table: str, condition: str) -> str:
    return f"select count(*) from {table} where {condition}"


def _emptied(catalog: Catalog, previous: Catalog | None) -> Iterator[str]:
    """Tables and metrics that had many rows in the last generation and have none now."""
    before = _rows(previous) if previous else {}
    for (kind, name), rows in _rows(catalog).items():
        had = before.get((kind, name), 0)
        if rows == 0 and had >= MANY:
            yield f"{kind} {literal(name)} had {had} rows and has none now; --allow-empty lets it pass"


def _rows(catalog: Catalog) -> dict[tuple[str, str], int]:
    """How many each table and metric has."""
    tables = {("table", f"{table.source}.{table.name}"): table.rows for table in catalog.tables}
    return tables | {("metric", metric.name): metric.grains[0].rows for metric in catalog.metrics}
