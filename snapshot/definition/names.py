"""Names as GraphQL sees them: which cannot be, and which collide."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from ..catalog import Column, Metric, field_name, is_served, served_type
from ..errors import Problem

ROOT_FIELDS = frozenset({"snapshot", "status", "metrics"})
# Fields that every row of a grouped metric has or will have, and the connectives of `where`.
ROW_FIELDS = frozenset({"complete", "previous", "change", "share", "and", "or", "not"})
# How the columns begin that a query has for itself.
OWN_PREFIX = "_pacelayer_"
# What `main` has beside the metrics.
RESERVED_TABLES = frozenset({"dashboard_metrics"})


def look_up_field(metric_field: str, keys: Sequence[str]) -> str:
    """`userDashboard` by `user_id` -> `userDashboardByUserId`."""
    parts = [field_name(key) for key in keys]
    return metric_field + "By" + "And".join(part[:1].upper() + part[1:] for part in parts)


def is_name(name: str) -> bool:
    """Whether GraphQL takes it as a name; two leading underscores are its own."""
    return re.fullmatch(r"(?!__)[_A-Za-z][_0-9A-Za-z]*", name) is not None


def column_problems(path: str, columns: Sequence[Column], lines: dict[str, int]) -> list[Problem]:
    """Columns that cannot be fields, by their name or type, or two of which would be one."""
    problems, seen = [], dict[str, Column]()
    for column in columns:
        line = lines.get(column.name, 1)
        if not is_served(column.type):
            what = f"'{column.name}' has the type {column.type}, which no GraphQL scalar stands for"
            problems.append(Problem(path, line, what, f"cast it: {column.name}::{served_type(column.type)}"))
        if not is_name(column.name):
            problems.append(
                Problem(path, line, f"'{column.name}' is not a GraphQL name", "name the column: ... as some_name")
            )
        elif taken := _taken(column):
            problems.append(Problem(path, line, f"'{column.name}' is {taken}", "choose another name"))
        elif other := seen.get(column.field) or seen.get(column.name.lower()):
            problems.append(_collision(path, other, column, lines))
        # DuckDB and the values of `by` take names for equal that differ in case only.
        seen |= {column.field: column, column.name.lower(): column}
    return problems


def _taken(column: Column) -> str:
    """What has the name of a column already; empty where nothing has."""
    if column.field in ROW_FIELDS:
        return "a field that every row has"
    if column.role == "column" and column.name.lower() == "rowid":
        return "what DuckDB calls the number of a row, which a plain table is kept in order by"
    return "a name that pacelayer uses itself" if column.name.lower().startswith(OWN_PREFIX) else ""


def _collision(path: str, one: Column, other: Column, lines: dict[str, int]) -> Problem:
    """Two columns that would be one field; where one is a coarser grain, it is the other that was written."""
    grain, written = (other, one) if other.role == "grain" else (one, other)
    line = lines.get(written.name, 1)
    if grain.role == "grain":
        what = f"'{written.name}' would be the field '{grain.field}', which is a coarser grain of the time dimension"
        return Problem(path, line, what, f"rename '{written.name}'")
    if one.name == other.name:
        return Problem(path, line, f"there are two '{one.name}'", "rename one of them")
    what = f"'{other.name}' and '{one.name}' would both be the field '{one.field}'"
    return Problem(path, line, what, "rename one of them")


def metric_problems(paths: Iterable[str], metrics: Iterable[tuple[str, Metric]]) -> list[Problem]:
    """Files whose metrics cannot be fields of Query, whatever is in them, and look-ups that are fields already."""
    problems, seen = [], dict[str, str]()
    for path in paths:
        name = PurePosixPath(path).stem
        field = field_name(name)
        if not is_name(field):
            problems.append(
                Problem(path, 1, f"'{field}' is not a GraphQL name", "rename the file: letters, digits and _")
            )
        elif field in ROOT_FIELDS or name in RESERVED_TABLES:
            problems.append(Problem(path, 1, f"'{name}' is a name that pacelayer uses itself", "rename the file"))
        elif field.lower() in seen:
            what = f"'{field}' is also a field of {seen[field.lower()]}"
            problems.append(Problem(path, 1, what, "rename one of the files"))
        seen.setdefault(field.lower(), path)
    for path, metric in metrics:
        field = look_up_field(metric.field, metric.keys) if metric.keys else ""
        if field.lower() in seen:
            what = f"'{field}' is also a field of {seen[field.lower()]}"
            problems.append(Problem(path, 1, what, "rename one of the files"))
        elif field:
            seen[field.lower()] = path
    return problems
