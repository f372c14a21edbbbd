"""Metric files read against a shop that exists in memory only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from snapshot.catalog import Column, Metric
from snapshot.definition import Definition, Project, read_project
from snapshot.errors import Problem, ProjectError
from snapshot.settings import Settings, SourceSettings, TableSettings
from snapshot.source import ColumnShape, Shapes, TableShape

JOINED = "from shop.orders o join shop.users u on u.id = o.user_id"


def _table(**columns: str) -> TableShape:
    """A table with the key `id`; a `!` behind a type says that it is never null."""
    shapes = {
        name: ColumnShape(kind.removesuffix("!"), nullable=not kind.endswith("!")) for name, kind in columns.items()
    }
    return TableShape(shapes, ("id",))


SHOP: Shapes = {
    "shop": {
        "orders": _table(
            id="BIGINT!", user_id="BIGINT!", region="VARCHAR", status="VARCHAR!", amount="DECIMAL(10,2)!",
            fee="DECIMAL(10,2)", weight="DOUBLE", paid="BOOLEAN!", created_at="TIMESTAMP!", refunded_at="TIMESTAMP",
            due="DATE",
        ),
        "users": _table(id="BIGINT!", plan="VARCHAR!", referrer="VARCHAR", born="DATE", joined_at="TIMESTAMP!"),
        "ledger": _table(id="BIGINT!", booked_at="TIMESTAMP!", balance="? NUMERIC"),
        "scraps": _table(a="? NULL", b="? NULL"),
    }
}  # fmt: skip


def read(files: Mapping[str, str], private: tuple[str, ...] = (), shapes: Shapes = SHOP) -> Project:
    """The project whose metrics are these files, by their paths below `metrics/`. Raises ProjectError."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        for name, sql in files.items():
            path = root / "metrics" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(sql.encode(errors="surrogateescape"))
        tables = {name: TableSettings(private=True) for name in private}
        source = SourceSettings("shop", "sqlite:///shop.sqlite", tables=tables)
        return read_project(Settings(root, "Shop", sources=(source,)), shapes)


def definition(sql: str, private: tuple[str, ...] = ()) -> Definition:
    """The definition in one file, which has to be right."""
    return read({"sales.sql": sql}, private).definitions[0]


def metric(sql: str, private: tuple[str, ...] = ()) -> Metric:
    """The metric in one file, which has to be right."""
    return definition(sql, private).metric


def definitions(cases: Mapping[str, str]) -> dict[str, Definition]:
    """The definitions of many SELECTs, read together; those that are refused are not among them."""
    names = {f"m{number:03}": case for number, case in enumerate(cases)}
    files = {f"{name}.sql": cases[case] for name, case in names.items()}
    try:
        project = read(files)
    except ProjectError as error:
        refused = {Path(found.path).name for found in error.problems}
        project = read({name: sql for name, sql in files.items() if name not in refused})
    return {names[found.metric.name]: found for found in project.definitions}


def columns(expressions: Iterable[str], tables: str = JOINED) -> dict[str, Column]:
    """The columns that the projections of one SELECT without GROUP BY become."""
    projections = {expression: f"c{index}" for index, expression in enumerate(expressions)}
    listed = ", ".join(f"{expression} as {name}" for expression, name in projections.items())
    found = metric(f"select {listed} {tables}")
    return {expression: found.column(name) for expression, name in projections.items()}


def problems(files: Mapping[str, str] | str) -> tuple[Problem, ...]:
    """Everything that is said of wrong files; a text is that of `metrics/sales.sql`."""
    with pytest.raises(ProjectError) as raised:
        read({"sales.sql": files} if isinstance(files, str) else files)
    return raised.value.problems


def problem(files: Mapping[str, str] | str) -> str:
    """The one thing that is said of wrong files, as the command line says it."""
    (only,) = problems(files)
    return str(only)
