"""DuckDB's SQL as sqlglot reads and writes it, so that what was written means the same when it is written again."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.generators.duckdb import DuckDBGenerator
from sqlglot.parsers.duckdb import DuckDBParser

# Functions that sqlglot would write in another way, in which they give other values.
_AS_WRITTEN = ("JARO", "JSON_EXTRACT", "LOG2")


class Faithful(DuckDB):
    """DuckDB's dialect of sqlglot, but for what means something else to DuckDB."""

    def to_json_path(self, path: exp.Expr | None) -> exp.Expr | None:
        """As it is: a text without a dollar is one key, whatever dots are in it."""
        return path

    class Parser(DuckDBParser):
        """Of functions that are as they were written."""

        FUNCTIONS = {  # noqa: RUF012  sqlglot's own way
            name: made for name, made in DuckDBParser.FUNCTIONS.items() if not name.startswith(_AS_WRITTEN)
        }

    class Generator(DuckDBGenerator):
        """Of what DuckDB reads back as it was read."""

        def not_sql(self, expression: exp.Not) -> str:
            """`a not in (1) = b` is a comparison of what is not; NOT before it would be of all."""
            sql = super().not_sql(expression)
            compared = isinstance(expression.parent, exp.Binary) and not isinstance(expression.parent, exp.Connector)
            return f"({sql})" if compared else sql


DIALECT = Faithful
