"""How the toml says that changes are found: what cannot be is told by `pacelayer check`, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from snapshot import settings as project_settings
from snapshot.definition import Project, read_project
from snapshot.errors import ProjectError
from snapshot.source import ColumnShape, Shapes, TableShape

TYPES = {
    "id": "BIGINT",
    "text": "VARCHAR",
    "at": "TIMESTAMP",
    "zoned": "TIMESTAMPTZ",
    "odd": "? NUMERIC",
    "a point": "? unknown to SQLAlchemy",
    "bytes": "? LONGBLOB",
    "gone": "DATE",
}
COLUMNS = {name: ColumnShape(kind, nullable=name != "id") for name, kind in TYPES.items()}
SHAPES: Shapes = {"shop": {"orders": TableShape(COLUMNS, ("id",)), "notes": TableShape(COLUMNS, ())}}
# The settings of a table -> what is wrong with them.
WRONG = {
    'changed = "text"': "would be read by a column of the type VARCHAR; name a time or a whole number",
    'changed = "zoned"': "has moments as texts, whose offsets keep them from being compared; read it as a whole",
    'changed = "at"\nappend_only = true': "cannot have changes where rows are only appended",
    'append_only = true\nkey = ["text"]': "would be read by a column of the type VARCHAR",
    'changed = "at"\nexclude = ["at"]': "needs its column 'at'",
    'changed = "at"\ndeletes = "soft:odd"': "needs its column 'odd'; name its type in 'types'",
    'columns = ["odd"]': 'has the type NUMERIC, which cannot be kept exactly; name one: types = { odd = "DECIMAL',
    'columns = ["a point"]': 'name one: types = { "a point" = "VARCHAR" }',
    'columns = ["bytes"]': 'name one: types = { bytes = "BLOB" }',
    'changed = "when"': "has no column 'when'",
    'changed = "at"\ndeletes = "soft:when"': "has no column 'when'",
    'key = ["number"]': "has no column 'number'",
}


def read(folder: Path, table: str, said: str) -> Project:
    """A project whose toml says that of a table. Raises ProjectError."""
    (folder / "metrics").mkdir()
    (folder / "metrics" / "counted.sql").write_text("select text, count(*) as n from shop.orders group by all")
    text = f'[sources.shop]\nurl = "sqlite:///shop.sqlite"\n[sources.shop.tables.{table}]\n{said}\n'
    (folder / "pacelayer.toml").write_text(text)
    return read_project(project_settings.load(folder), SHAPES)


@pytest.mark.parametrize("said", WRONG)
def test_changes_that_cannot_be_found_are_a_problem(tmp_path: Path, said: str) -> None:
    """Each with the table, and a way out."""
    with pytest.raises(ProjectError, match=r"pacelayer\.toml:\d+: .*shop\.orders") as caught:
        read(tmp_path, "orders", said)
    assert WRONG[said] in str(caught.value)


def test_a_table_without_a_key_needs_one(tmp_path: Path) -> None:
    """Its rows cannot be told apart."""
    with pytest.raises(ProjectError, match=r"'shop.notes' has no primary key .*; name one: key = "):
        read(tmp_path, "notes", 'changed = "at"')


def test_what_tells_of_changes_is_exported(tmp_path: Path) -> None:
    """Though no metric reads it."""
    project = read(tmp_path, "orders", 'changed = "at"\ndeletes = "soft:gone"\nkey = ["id"]')
    assert set(project.exports["shop"]["orders"].columns) == {"id", "text", "at", "gone"}
    assert project.exports["shop"]["orders"].key == ("id",)
