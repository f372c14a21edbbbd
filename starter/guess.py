"""Which table of a database makes a first metric, from what its tables look like.

A metric needs something to count, and becomes a chart by a column of time, an amount and a category. The table that has
most of these is the best guess; whoever knows better names another.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy

from snapshot.source import ColumnShape, Database, TableShape

# Rows of a table that are looked at, to tell a category from a text.
LOOKED_AT = 10_000
CATEGORY = range(2, 51)
CATEGORIES = 2
_TIMES = ("TIMESTAMP", "TIMESTAMPTZ", "DATE")
_TIME_NAMES = re.compile(r"creat|order|plac|purchas|paid|sold|date|time|_at$|_on$", re.IGNORECASE)
_MONEY_NAMES = re.compile(r"amount|total|price|revenue|sales|cost|gross|value|fee|budget|paid|net", re.IGNORECASE)
_NO_AMOUNT = re.compile(r"(^|_)(id|lat|lon|latitude|longitude|year|zip|code)$", re.IGNORECASE)


@dataclass(frozen=True)
class Guess:
    """A table and what a metric could be made of: a time, an amount, categories, and whom its rows refer to."""

    table: str
    shape: TableShape
    time: str
    amount: str
    categories: tuple[str, ...]
    references: tuple[str, ...]
    rows: int

    @property
    def score(self) -> tuple[int, int]:
        """How much of a chart it has, and rows to tell equals apart."""
        found = 3 * bool(self.time) + 3 * bool(self.amount) + 2 * bool(self.categories) + 2 * bool(self.references)
        return (found if self.rows else 0, self.rows)


def guesses(database: Database, schema: str, shapes: Mapping[str, TableShape]) -> list[Guess]:
    """Every table of which a column can be kept, the best guess first. Raises SQLAlchemyError."""
    engine = database.engine()
    with engine.connect() as connection:
        inspector = sqlalchemy.inspect(connection)
        found = []
        for name, shape in shapes.items():
            if all(column.type.startswith("?") for column in shape.columns.values()):
                continue
            try:
                with warnings.catch_warnings():  # of types that SQLAlchemy does not know
                    warnings.simplefilter("ignore", sqlalchemy.exc.SAWarning)
                    keys = inspector.get_foreign_keys(name, schema or None)
                single = (key["constrained_columns"] for key in keys if len(key["constrained_columns"]) == 1)
                found.append(_guess(connection, schema, name, shape, tuple(column for (column,) in single)))
            except sqlalchemy.exc.DBAPIError:  # a table that may not be read is nobody's first metric
                connection.rollback()
    return sorted(found, key=lambda guess: guess.score, reverse=True)


def _guess(
    connection: sqlalchemy.Connection, schema: str, name: str, shape: TableShape, references: tuple[str, ...]
) -> Guess:
    known = {column: c for column, c in shape.columns.items() if not c.type.startswith("?")}
    times = [column for column, c in known.items() if c.type in _TIMES]
    numbers = [
        column for column in known if _is_amount(column, known[column]) and column not in (*shape.key, *references)
    ]
    texts = [column for column, c in known.items() if c.type in ("VARCHAR", "BOOLEAN") and column not in shape.key]
    rows, distinct = _look(connection, schema, name, texts)
    categories = tuple(column for column in texts if distinct[column] in CATEGORY)[:CATEGORIES]
    return Guess(
        name,
        shape,
        next(iter(sorted(times, key=lambda column: (not _TIME_NAMES.search(column), "updat" in column))), ""),
        next(iter(sorted(numbers, key=lambda column: _likeness(column, known[column]), reverse=True)), ""),
        categories,
        tuple(column for column in references if column in known),
        rows,
    )


def _is_amount(name: str, column: ColumnShape) -> bool:
    fraction = column.type.startswith(("DECIMAL", "DOUBLE", "FLOAT"))
    whole = column.type.endswith(("INT", "INTEGER")) and _MONEY_NAMES.search(name) is not None
    return (fraction or whole) and not _NO_AMOUNT.search(name)


def _likeness(name: str, column: ColumnShape) -> tuple[bool, bool]:
    return (_MONEY_NAMES.search(name) is not None, column.type.startswith("DECIMAL"))


def _look(
    connection: sqlalchemy.Connection, schema: str, name: str, texts: Sequence[str]
) -> tuple[int, Mapping[str, int]]:
    """How many rows there are, up to LOOKED_AT, and how many values the columns have in those."""
    columns: list[sqlalchemy.ColumnClause[Any]] = [sqlalchemy.column(text) for text in texts]
    table = sqlalchemy.table(name, *columns, schema=schema or None)
    one: sqlalchemy.ColumnElement[int] = sqlalchemy.literal_column("1").label("one")
    some = sqlalchemy.select(one, *columns).select_from(table)
    looked = some.limit(LOOKED_AT).subquery("looked")
    counts = (sqlalchemy.func.count(sqlalchemy.distinct(looked.c[text])) for text in texts)
    row = connection.execute(sqlalchemy.select(sqlalchemy.func.count(), *counts).select_from(looked)).one()
    return int(row[0]), dict(zip(texts, map(int, row[1:]), strict=True))
