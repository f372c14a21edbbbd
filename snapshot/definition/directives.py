"""What the `@` lines of a metric say, applied to its columns; each mistake with its line."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..catalog import Column, is_key, quote
from ..errors import Problem
from ..settings import parse_pace
from .text import Directive, MetricText


@dataclass(frozen=True)
class Rule:
    """`@test`: a condition that every row of the metric's table fulfils, or the counts of its `rows` and `previous`."""

    sql: str
    line: int
    of_counts: bool = False


# The rows that a metric has, and had in the last generation.
_COUNTS = "(select 1::bigint as rows, 1::bigint as previous)"


class Directives:
    """The directives of one file, read against its columns; `problems` grows while they are."""

    def __init__(self, text: MetricText, columns: Sequence[Column]) -> None:
        self.text, self.columns = text, columns
        self.names = [column.name for column in columns]
        self.measures = {column.name for column in columns if column.role == "measure"}
        self.problems: list[Problem] = []
        for name in ("pace", "time", "key"):
            for again in self.text.all(name)[1:]:
                self.problem(again, f"@{name} is said twice", "keep one of them")

    def pace(self, default: int) -> int:
        """Seconds between two computations of the metric."""
        for directive in self.text.all("pace"):
            try:
                return parse_pace(directive.argument)
            except ValueError as error:
                self.problem(directive, str(error))
        return default

    def time(self) -> str:
        """The time dimension's name; empty where the metric has none.

        It is one of those that have a unit, and without a directive the truncated one where there is one.
        """
        of_time = [column for column in self.columns if column.role == "dimension" and column.grain]
        candidates = [column for column in of_time if column.grain != "second"] or of_time
        for directive in self.text.all("time"):
            if directive.argument in [column.name for column in of_time]:
                return directive.argument
            self.problem(
                directive,
                f"'{directive.argument}' is not a dimension of time",
                "name a DATE or TIMESTAMP that is grouped by",
            )
            return ""
        if len(candidates) > 1:
            names = " or ".join(column.name for column in candidates)
            hint = f"say which with '-- @time {candidates[0].name}'"
            self.problems.append(Problem(self.text.path, 1, f"it could be {names} that is the time dimension", hint))
        return candidates[0].name if len(candidates) == 1 else ""

    def keys(self, grouped: bool) -> tuple[str, ...]:
        """The columns that look up a row of a plain table."""
        for directive in self.text.all("key"):
            if grouped:
                self.problem(
                    directive, "@key is for plain tables; a grouped metric is found by its dimensions", "use 'where'"
                )
            found = self.named(directive, directive.argument)
            for column in self.columns:
                if column.name in found and not is_key(column.type):
                    what = f"'{column.name}' has the type {column.type}, by whose values no row can be found"
                    self.problem(directive, what, f"name another column, or cast it: {column.name}::varchar")
            return found
        return ()

    def rollups(self, dimensions: Sequence[Column]) -> tuple[tuple[str, ...], ...]:
        """The groupings to compute ahead."""
        known = [column.name for column in dimensions]
        return tuple(self.named(d, d.argument, known) for d in self.text.all("rollup"))

    def tests(self, accepts: Callable[[str, str], bool]) -> tuple[Rule, ...]:
        """The rules that every row has to fulfil, or their number.

        `accepts` tells whether DuckDB takes a condition over a FROM, which is the metric itself where it is empty.
        """
        rules = []
        for directive in self.text.all("test"):
            of_rows = accepts(directive.argument, "")
            if not of_rows and not accepts(directive.argument, _COUNTS):
                hint = "write a condition over this metric's columns, or over rows and previous"
                self.problem(directive, f"DuckDB does not take '{directive.argument}' as a condition", hint)
            rules.append(Rule(directive.argument, directive.line, of_counts=not of_rows))
        never = [
            Rule(f"{quote(name)} is not null", directive.line)
            for directive in self.text.all("not_null")
            for name in directive.argument.replace(",", " ").split()
            if name in self.measures
        ]
        return (*rules, *never)

    def annotate(self, columns: Sequence[Column]) -> tuple[Column, ...]:
        """The columns with units, deprecations and promises that they are never null.

        A measure that is never null in the metric's rows still is in a total over nothing: its promise is a test.
        """
        never = {name for d in self.text.all("not_null") for name in self.named(d, d.argument)}
        units, deprecated = self._words("unit"), self._words("deprecated")
        return tuple(
            replace(
                column,
                nullable=column.nullable and (column.name not in never or column.name in self.measures),
                unit=units.get(column.name, ""),
                deprecated=deprecated.get(column.name, ""),
            )
            for column in columns
        )

    def named(self, directive: Directive, names: str, known: Sequence[str] | None = None) -> tuple[str, ...]:
        """The columns that an argument names, separated by commas or blanks."""
        found = []
        for name in names.replace(",", " ").split():
            if name in (known if known is not None else self.names):
                found.append(name)
                continue
            what = "a column" if known is None else "a dimension or grain"
            near = difflib.get_close_matches(name, known if known is not None else self.names, 1, cutoff=0)
            self.problem(
                directive, f"'{name}' is not {what} of this metric", f"did you mean '{near[0]}'?" if near else ""
            )
        return tuple(found)

    def _words(self, name: str) -> dict[str, str]:
        """What `@unit` or `@deprecated` say of columns."""
        said = {}
        for directive in self.text.all(name):
            column, _, words = directive.argument.partition(" ")
            for known in self.named(directive, column):
                said[known] = words.strip() or "No longer supported"
        return said

    def problem(self, directive: Directive, message: str, hint: str = "") -> None:
        """Note a mistake at the directive's line."""
        self.problems.append(Problem(self.text.path, directive.line, message, hint))
