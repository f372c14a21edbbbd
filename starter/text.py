"""The texts of a first project's files."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import duckdb
import sqlalchemy

from snapshot.catalog import is_key
from snapshot.settings import RESERVED_SCHEMAS

from .guess import Guess

# Parameters of a URL that open something.
_SECRETS = frozenset({"password", "passwd", "sslpassword", "passfile"})
# Names that a row of a metric has anyway, or gets with a day.
_TAKEN = frozenset({"complete", "previous", "change", "share", "rowid", "day", "week", "month", "quarter", "year"})


def metrics(source: str, guess: Guess) -> dict[str, str]:
    """The texts of two or three metrics, by their file's name."""
    table, quoted = _alias(guess.table), f"{_quote(source)}.{_quote(guess.table)}"
    time = f"date_trunc('day', t.{_quote(guess.time)})::date as day" if guess.time else ""
    categories = [f"t.{_quote(column)} as {_alias(column)}" for column in guess.categories]
    measures = [f"count(*) as {table}_count", *_sums(guess)]
    measures += [f"count(distinct t.{_quote(column)}) as distinct_{_alias(column)}" for column in guess.references[:2]]
    by = [*filter(None, [time]), *categories]
    words = " and ".join([*(["day"] if time else []), *map(_alias, guess.categories)])
    found = {}
    if by:
        found[f"{table}_by_{'day' if time else _alias(guess.categories[0])}"] = _select(
            f"{guess.table}, by {words}.", [*by, *measures], quoted, "group by all"
        )
    if guess.amount:
        amount = f"t.{_quote(guess.amount)}"
        month = [f"date_trunc('month', t.{_quote(guess.time)})::date as month"] if guess.time else []
        sizes = [
            f"median({amount}) as median_{_alias(guess.amount)}",
            f"max({amount}) as largest_{_alias(guess.amount)}",
        ]
        grouped = [*month, *categories[:1]]
        text = f"How large {guess.amount} is{', by month' if month else ''}."
        found[f"{table}_sizes"] = _select(text, [*grouped, *sizes], quoted, "group by all" if grouped else "")
    if guess.time and guess.shape.key and all(is_key(guess.shape.columns[key].type) for key in guess.shape.key):
        shown = [*guess.shape.key, guess.time, *guess.categories, *filter(None, [guess.amount])]
        columns = [f"t.{_quote(column)} as {_alias(column)}" for column in dict.fromkeys(shown)]
        keys = ", ".join(f"t.{_quote(key)}" for key in guess.shape.key)
        end = f"order by t.{_quote(guess.time)} desc, {keys} limit 100"
        key = f"\n-- @key {', '.join(map(_alias, guess.shape.key))}"
        found[f"latest_{table}"] = _select(f"The latest hundred of {guess.table}.{key}", columns, quoted, end)
    return found or {f"{table}_total": _select(f"How many {guess.table} there are.", measures, quoted, "")}


def _sums(guess: Guess) -> list[str]:
    if not guess.amount:
        return []
    amount, alias = f"t.{_quote(guess.amount)}", _alias(guess.amount)
    return [f"sum({amount}) as total_{alias}", f"avg({amount}) as average_{alias}"]


def _select(comment: str, projections: Sequence[str], table: str, end: str) -> str:
    lines = ",\n  ".join(_distinct(projections))
    return f"-- {comment}\nselect\n  {lines}\nfrom {table} t\n{end}".rstrip() + "\n"


def _distinct(projections: Sequence[str]) -> list[str]:
    """Two columns whose names are one to GraphQL are told apart by a number."""
    seen = dict[str, int]()
    found = []
    for projection in projections:
        alias = projection.rpartition(" as ")[2]
        seen[alias] = seen.get(alias, 0) + 1
        found.append(projection if seen[alias] == 1 else f"{projection}_{seen[alias]}")
    return found


def toml(name: str, source: str, url: str, schema: str) -> str:
    """The text of `pacelayer.toml`."""
    lines = [
        f"name = {json.dumps(name, ensure_ascii=False)}",
        "# How often the numbers are computed.",
        'pace = "5m"',
        "",
        f"[sources.{source}]",
    ]
    lines.append(f"url = {json.dumps(url, ensure_ascii=False)}")
    if schema:
        lines.append(f"schema = {json.dumps(schema, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def source_name(url: sqlalchemy.URL) -> str:
    """A schema's name for a database: that of the database itself, as far as it is one."""
    stem = re.sub(r"[^a-z0-9_]+", "_", Path(url.database or "").stem.lower()).strip("_")
    return stem if re.match(r"[a-z]", stem) and stem not in RESERVED_SCHEMAS | _keywords() else "source"


def written_url(url: sqlalchemy.URL, source: str) -> tuple[str, str]:
    """The URL as the file has it, and the environment variable that holds it where it has a password."""
    if not url.password and _SECRETS.isdisjoint(url.query):
        return url.render_as_string(hide_password=False), ""
    variable = f"{source.upper()}_URL"
    return f"${{{variable}}}", variable


@cache
def _keywords() -> frozenset[str]:
    """What DuckDB needs quotes for."""
    with duckdb.connect() as connection:
        sql = "select keyword_name from duckdb_keywords() where keyword_category <> 'unreserved'"
        return frozenset(name for (name,) in connection.execute(sql).fetchall())


def _quote(name: str) -> str:
    plain = re.fullmatch(r"[a-z_][a-z0-9_]*", name) and name not in _keywords()
    return name if plain else '"' + name.replace('"', '""') + '"'


def _alias(name: str) -> str:
    """A name that DuckDB needs no quotes for and GraphQL takes."""
    alias = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower() or "value"
    return alias if not alias[0].isdigit() and alias not in _keywords() | _TAKEN else f"the_{alias}"
