"""What a question has in it that two databases are known to answer differently."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy
import sqlglot
from sqlglot import exp

from .translate import DIALECTS

# The columns of a table whose texts are not compared exactly, as DuckDB does, and by which collation.
_FOLDED = {
    "mysql": (
        "select column_name, collation_name from information_schema.columns where table_name = :table "
        "and table_schema = coalesce(:schema, database()) "
        "and collation_name not regexp '(_bin|_cs)$'"
    ),
    "postgres": (
        "select attname, collname from pg_attribute a join pg_collation c on c.oid = attcollation "
        "join pg_class t on t.oid = attrelid join pg_namespace n on n.oid = relnamespace "
        "where relname = :table and nspname = coalesce(:schema, current_schema()) and not collisdeterministic"
    ),
    "sqlite": (
        "select c.name, 'NOCASE' from sqlite_master t, pragma_table_info(t.name) c where t.name = :table "
        "and :schema is null and t.sql like '%' || c.name || '%collate nocase%'"
    ),
}


def known_causes(engine: sqlalchemy.Engine, sql: str) -> Iterator[str]:
    """In words, for a SELECT in the words of its database."""
    dialect = DIALECTS[engine.dialect.name]
    tree = sqlglot.parse_one(sql, read=dialect)
    named = {column.name for column in tree.find_all(exp.Column)}
    with engine.connect() as connection:
        for table in tree.find_all(exp.Table):
            place = {"table": table.name, "schema": table.db or None}
            for column, collation in connection.execute(sqlalchemy.text(_FOLDED[dialect]), place):
                if column in named:
                    yield f"'{table.name}.{column}' compares by {collation}, a snapshot compares texts exactly"
    if tree.find(exp.Limit):
        yield "rows that tie at the LIMIT may be others"
