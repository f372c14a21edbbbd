"""DuckDB's SQL as sqlglot reads and writes it, so that what was written means the same when it is written again.

Of functions only those are understood that pacelayer looks into; all others are written as they were. What is written
again is held against DuckDB's own reading by `alike`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.generators.duckdb import DuckDBGenerator
from sqlglot.parsers.duckdb import DuckDBParser
from sqlglot.tokenizer_core import TokenType

# The functions that roll up, truncate, keep a moment as it is, are null only where an argument is, or name columns.
_UNDERSTOOD = frozenset((
    "ABS", "AVG", "BOOL_AND", "BOOL_OR", "COALESCE", "COLUMNS", "CONCAT", "COUNT", "COUNTIF", "COUNT_IF", "DATETRUNC",
    "DATE_ADD", "DATE_TRUNC", "EPOCH_MS", "GREATEST", "IFNULL", "LEAST", "LOWER", "MAX", "MIN", "ROUND", "STRPTIME",
    "SUM", "TIME_BUCKET", "TO_TIMESTAMP", "UPPER",
))  # fmt: skip
# Those whose arguments are written with words between them.
_WITH_WORDS = frozenset(("CAST", "EXTRACT", "OVERLAY", "POSITION", "SUBSTRING", "TRIM", "TRY_CAST"))


def _time_bucket(args: list[exp.Expr]) -> exp.DateBin:
    """Of a width, a moment, and a zone by its name or what buckets are counted from."""
    bucket = exp.DateBin(this=args[0], expression=args[1])
    for third in args[2:]:
        bucket.set("zone" if third.is_string else "origin", third)
    return bucket


class Faithful(DuckDB):
    """DuckDB's dialect of sqlglot, but for what means something else to DuckDB."""

    INDEX_OFFSET = 0  # as it is: sqlglot would count otherwise, where it knows the type of what is looked into

    def to_json_path(self, path: exp.Expr | None) -> exp.Expr | None:
        """As it is: a text without a dollar is one key, whatever dots are in it."""
        return path

    class Parser(DuckDBParser):
        """Of functions that are as they were written."""

        FUNCTIONS = {name: made for name, made in DuckDBParser.FUNCTIONS.items() if name in _UNDERSTOOD} | {
            "TIME_BUCKET": _time_bucket
        }
        FUNCTION_PARSERS = {  # noqa: RUF012
            name: parse for name, parse in DuckDBParser.FUNCTION_PARSERS.items() if name in _UNDERSTOOD | _WITH_WORDS
        }

        ARRAY_CONSTRUCTORS: ClassVar = {"ARRAY": exp.Array}  # `list(x)[1]` takes one of what a call gives

        def _parse_primary(self) -> Any:
            """`.5` has one digit, `0.5` two."""
            if self._match_pair(TokenType.DOT, TokenType.NUMBER):
                return exp.Literal.number(f".{self._prev.text}")
            return super()._parse_primary()

        def _parse_in(self, this: exp.Expr | None, *args: bool) -> Any:
            """Without parentheses it is one list: without what is asked for it is false, whatever nulls it has."""
            if self._match(TokenType.L_PAREN, advance=False):
                return super()._parse_in(this, *args)
            return self.expression(exp.Anonymous(this="contains", expressions=[self._parse_bitwise(), this]))

        def _parse_interval(self, *args: bool, **options: bool) -> Any:
            """A text of its own, as in `interval '3 days ago'`, is a cast."""
            found = super()._parse_interval(*args, **options)
            if isinstance(found, exp.Interval) and self._prev.token_type is TokenType.STRING:
                return exp.cast(exp.Literal.string(self._prev.text), exp.DType.INTERVAL)
            return found

    class Generator(DuckDBGenerator):
        """Of what DuckDB reads back as it was read."""

        MULTI_ARG_DISTINCT = True
        TRANSFORMS = DuckDBGenerator.TRANSFORMS | {
            exp.LogicalAnd: lambda self, call: self.func("bool_and", call.this),
            exp.LogicalOr: lambda self, call: self.func("bool_or", call.this),
        }

        def not_sql(self, expression: exp.Not) -> str:
            """`a not in (1) = b` is a comparison of what is not; NOT before it would be of all."""
            sql = super().not_sql(expression)
            compared = isinstance(expression.parent, exp.Binary) and not isinstance(expression.parent, exp.Connector)
            return f"({sql})" if compared else sql

        def withingroup_sql(self, expression: exp.WithinGroup) -> str:
            """As it was written."""
            return f"{self.sql(expression, 'this')} WITHIN GROUP ({self.sql(expression, 'expression').lstrip()})"

        def if_sql(self, expression: exp.If) -> str:
            """A call, as it was written: a CASE has its own tests."""
            return self.func("if", expression.this, expression.args.get("true"), expression.args.get("false"))


DIALECT = Faithful
