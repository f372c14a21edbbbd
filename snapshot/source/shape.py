"""What a source's tables look like, in DuckDB's types, and `sources.lock`, which remembers it for work offline."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import Problem, ProjectError

FILE_NAME = "sources.lock"
# How SQLAlchemy writes types of texts, and those that it does not know.
_TEXT = re.compile(r"^\w*(CHAR|TEXT|ENUM|DOMAIN|NullType|BINARY|BLOB|BYTEA|JSON)")
_HINT = "run 'pacelayer check' where the sources can be reached; it writes the file"


@dataclass(frozen=True)
class ColumnShape:
    """A column's DuckDB type and whether the source's constraints let it be null.

    `declared` is what the source itself calls its type; empty where it was not asked, as in `sources.lock`.
    """

    type: str
    nullable: bool
    declared: str = field(default="", compare=False, repr=False)

    @property
    def is_written(self) -> bool:
        """Whether its values are texts at the source and none here, so that several may be one: 01 and 1."""
        return self.type != "VARCHAR" and _TEXT.search(self.declared) is not None

    @property
    def definition(self) -> str:
        """As in CREATE TABLE: `BIGINT NOT NULL`."""
        return self.type if self.nullable else f"{self.type} NOT NULL"


@dataclass(frozen=True)
class TableShape:
    """A table's columns in their order, and its primary key (empty where it has none)."""

    columns: Mapping[str, ColumnShape]
    key: tuple[str, ...]


# source name -> table name -> shape
Shapes = Mapping[str, Mapping[str, TableShape]]


def read_lock(root: Path) -> Shapes:
    """The shapes in `sources.lock`. Raises ProjectError where the file is missing or not ours."""
    try:
        data = json.loads((root / FILE_NAME).read_text(encoding="utf-8"))
        return {source: {name: _table(table) for name, table in tables.items()} for source, tables in data.items()}
    except FileNotFoundError:
        raise ProjectError((Problem(FILE_NAME, 0, "the file is missing", _HINT),)) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProjectError((Problem(FILE_NAME, 0, f"the file cannot be read: {error}", _HINT),)) from error


def write_lock(root: Path, shapes: Shapes) -> bool:
    """Write `sources.lock`, one column a line so that a change reads well; whether it differs from what was there."""
    data = {
        source: {
            name: {
                "key": list(table.key),
                "columns": {column: c.definition for column, c in table.columns.items()},
            }
            for name, table in sorted(tables.items())
        }
        for source, tables in sorted(shapes.items())
    }
    path, text = root / FILE_NAME, json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.write_text(text, encoding="utf-8")
    return True


def _table(data: dict[str, Any]) -> TableShape:
    columns = {
        name: ColumnShape(text.removesuffix(" NOT NULL"), not text.endswith(" NOT NULL"))
        for name, text in data["columns"].items()
    }
    return TableShape(columns, tuple(data["key"]))
