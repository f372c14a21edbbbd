"""The text of one metric file: its header, its directives, and the comment that trails each projection.

Comments are read by position (between which tokens, on which line), because a parser hangs them on odd nodes.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot.tokenizer_core import Token, TokenType

from ..errors import Problem
from .dialect import DIALECT

# Directive -> how it is written; `access` and `compute` are reserved words of the format that this version refuses.
DIRECTIVES = {
    "pace": "@pace 5m",
    "time": "@time day",
    "key": "@key user_id",
    "rollup": "@rollup month, plan",
    "not_null": "@not_null region",
    "test": "@test revenue >= 0",
    "unit": "@unit revenue EUR",
    "deprecated": "@deprecated orders use order_count",
}
RESERVED_DIRECTIVES = ("access", "compute")

_COMMENT = re.compile(r"--([^\n]*)|/\*(.*?)\*/", re.DOTALL)
_OPEN = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE}
_CLOSE = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE}
_END = {
    TokenType.FROM, TokenType.WHERE, TokenType.GROUP_BY, TokenType.HAVING, TokenType.QUALIFY, TokenType.ORDER_BY,
    TokenType.LIMIT, TokenType.WINDOW, TokenType.UNION, TokenType.INTERSECT, TokenType.EXCEPT, TokenType.SEMICOLON,
}  # fmt: skip


@dataclass(frozen=True)
class Directive:
    """`-- @name argument` and the line it stands on."""

    name: str
    argument: str
    line: int


@dataclass(frozen=True)
class MetricText:
    """One file: `path` as messages show it, `sql` as written without a closing semicolon.

    `comments` and `lines` are one a projection; `with_`, `from_` and `where` are those clauses of the outermost SELECT
    as written (`from_` and `where` without their keyword), empty where there is none.
    """

    path: str
    name: str
    sql: str
    description: str
    directives: tuple[Directive, ...]
    comments: tuple[str, ...]
    lines: tuple[int, ...]
    with_: str
    from_: str
    where: str

    def all(self, name: str) -> tuple[Directive, ...]:
        """The directives of one name, in their order."""
        return tuple(directive for directive in self.directives if directive.name == name)


def read(path: str, name: str, sql: str) -> tuple[MetricText, list[Problem]]:
    """Read one file's text; problems are unknown and malformed directives.

    Raises sqlglot's TokenError for broken text.
    """
    tokens = sqlglot.tokenize(sql, read=DIALECT)
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        sql, tokens = sql[: tokens[-1].start] + sql[tokens[-1].end + 1 :], tokens[:-1]
    start = tokens[0].start if tokens else len(sql)
    header, directives, problems = _header(path, sql[:start])
    problems += _misplaced(path, sql, tokens)
    spans = list(_projections(tokens))
    comments = tuple(_trailing(sql, tokens, last) for _, last in spans)
    lines = tuple(_line(sql, tokens[first].start) for first, _ in spans)
    text = sql.rstrip() + "\n"
    return MetricText(path, name, text, header, tuple(directives), comments, lines, *_clauses(text, tokens)), problems


def _header(path: str, text: str) -> tuple[str, list[Directive], list[Problem]]:
    """Description and directives in the comments before the statement."""
    prose: list[str] = []
    directives: list[Directive] = []
    problems: list[Problem] = []
    for comment in _COMMENT.finditer(text):
        first = text.count("\n", 0, comment.start()) + 1
        for offset, raw in enumerate((comment[1] or comment[2] or "").split("\n")):
            line = raw.strip().removeprefix("* ").strip()
            if not line.startswith("@"):
                prose.append(line)
                continue
            name, _, argument = line[1:].partition(" ")
            if problem := _directive_problem(name, argument.strip()):
                problems.append(Problem(path, first + offset, *problem))
            else:
                directives.append(Directive(name, argument.strip(), first + offset))
    return "\n".join(prose).strip(), directives, problems


def _directive_problem(name: str, argument: str) -> tuple[str, str] | None:
    if name in RESERVED_DIRECTIVES:
        return f"@{name} is not supported by this version", "remove the line"
    if name not in DIRECTIVES:
        near = difflib.get_close_matches(name, DIRECTIVES, 1, cutoff=0)
        return f"@{name} is not a directive", f"did you mean @{near[0]}, as in '{DIRECTIVES[near[0]]}'?"
    if not argument or (name == "unit" and " " not in argument):
        return f"@{name} {argument} says nothing".replace("  ", " "), f"write it like '{DIRECTIVES[name]}'"
    return None


def _misplaced(path: str, sql: str, tokens: list[Token]) -> Iterator[Problem]:
    """Directives below the first word of the statement: they would look as if they said something."""
    for index, token in enumerate(tokens):
        begin, gap = token.end + 1, _gap(sql, tokens, index)
        for comment in _COMMENT.finditer(gap):
            name = _words(comment).removeprefix("@").partition(" ")[0]
            if _words(comment).startswith("@") and name in (*DIRECTIVES, *RESERVED_DIRECTIVES):
                line = _line(sql, begin + comment.start())
                yield Problem(path, line, f"@{name} stands within the statement", "write directives before it")


def _projections(tokens: list[Token]) -> Iterator[tuple[int, int]]:
    """First and last token of each projection of the outermost SELECT, without the comma that ends it."""
    first: int | None = None
    for index, token in _outermost(tokens):
        if first is None:
            if token.token_type is TokenType.SELECT:
                first = index + 1
        elif token.token_type in _END or token.token_type is TokenType.COMMA:
            if first < index:  # DuckDB allows a comma behind the last one
                yield first, index - 1
            if token.token_type in _END:
                return
            first = index + 1
    if first is not None and first < len(tokens):
        yield first, len(tokens) - 1


def _clauses(sql: str, tokens: list[Token]) -> tuple[str, str, str]:
    """The text of WITH (keyword included), FROM and WHERE of the outermost SELECT."""
    opened, found = TokenType.WITH, {TokenType.WITH: "", TokenType.FROM: "", TokenType.WHERE: ""}
    begin = tokens[0].start if tokens else 0
    for _, token in _outermost(tokens):
        if token.token_type in _END or token.token_type is TokenType.SELECT:
            if opened in found:
                found[opened] = sql[begin : token.start]
            opened, begin = token.token_type, token.end + 1
    if opened in found:
        found[opened] = sql[begin:]
    return found[TokenType.WITH], found[TokenType.FROM], found[TokenType.WHERE]


def _outermost(tokens: list[Token]) -> Iterator[tuple[int, Token]]:
    """The tokens outside of all brackets, but for the FROM of IS DISTINCT FROM, which begins no clause."""
    depth = 0
    for index, token in enumerate(tokens):
        depth += (token.token_type in _OPEN) - (token.token_type in _CLOSE)
        compares = token.token_type is TokenType.FROM and tokens[index - 1].token_type is TokenType.DISTINCT
        if not depth and not compares:
            yield index, token


def _trailing(sql: str, tokens: list[Token], last: int) -> str:
    """The comment that follows token `last` on its line, before or behind a comma."""
    gap = _gap(sql, tokens, last)
    comment = _COMMENT.search(gap)
    if comment is None and last + 1 < len(tokens) and tokens[last + 1].token_type is TokenType.COMMA:
        behind = _gap(sql, tokens, last + 1)
        if "\n" in behind and "\n" not in gap:  # what stands between two columns on one line is said of neither
            gap, comment = behind, _COMMENT.search(behind)
    if comment is None or "\n" in gap[: comment.start()]:
        return ""
    return _words(comment)


def _gap(sql: str, tokens: list[Token], index: int) -> str:
    """What stands between a token and the next one: blanks and comments."""
    after = tokens[index + 1].start if index + 1 < len(tokens) else len(sql)
    return sql[tokens[index].end + 1 : after]


def _words(comment: re.Match[str]) -> str:
    return (comment[1] if comment[1] is not None else comment[2]).strip()


def _line(sql: str, position: int) -> int:
    return sql.count("\n", 0, position) + 1
