"""The three questions of `pacelayer init`, and what follows from the answers."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import sqlalchemy

import terminal
from snapshot.errors import Problem, ProjectError, SourceUnavailable
from snapshot.project import check
from snapshot.settings import FILE_NAME, SourceSettings
from snapshot.source import LOCK_NAME, URL_HINT, open_source, url_of

from .guess import Guess, guesses
from .text import metrics, source_name, toml, written_url

EXAMPLE = "postgresql://user@host/shop"


def command(arguments: argparse.Namespace) -> bool:
    """Write a project into the folder; whether it is to be started now.

    Raises ProjectError where there is one already, and where the database is none, SourceUnavailable where it is not
    to be reached.
    """
    root: Path = arguments.project
    if (root / FILE_NAME).exists() or list((root / "metrics").rglob("*.sql")):
        raise ProjectError((Problem(FILE_NAME, 0, "there is a project already", "name another folder with --project"),))
    url = _url(arguments.source or _ask(f"Which database? (like {EXAMPLE})", ""))
    name = source_name(url)
    expanded = os.path.expandvars(url.render_as_string(hide_password=False))
    source = SourceSettings(name, expanded, schema=arguments.schema)
    database = open_source(source, root)
    shapes = database.shapes()
    try:
        found = guesses(database, source.schema, shapes)
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise SourceUnavailable(f"source '{name}' cannot be read: {str(error).splitlines()[0]}") from error
    if not found:
        raise ProjectError((Problem("init", 0, "the database has no table", "name its schema with --schema"),))
    guess = _chosen(found, arguments.table or _ask(_tables(found), found[0].table))
    _write(root, name, url, source.schema, guess)
    return _yes(arguments.up)


def _write(root: Path, name: str, url: sqlalchemy.URL, schema: str, guess: Guess) -> None:
    """The files, then sources.lock by the check of them; what is wrong is a fault of ours, and said as such."""
    text, variable = written_url(url, name)
    if variable:
        os.environ[variable] = url.render_as_string(hide_password=False)
        terminal.note(f"the URL has a password, so {FILE_NAME} takes it from the environment: export {variable}=...")
    files = {root / FILE_NAME: toml(root.name, name, text, schema)}
    files |= {root / "metrics" / f"{file}.sql": sql for file, sql in metrics(name, guess).items()}
    (root / "metrics").mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        path.write_text(content, encoding="utf-8")
    report = check(root)
    if report.problems:
        for path in (*files, root / LOCK_NAME):
            path.unlink(missing_ok=True)
        raise ProjectError(report.problems)
    for definition in report.definitions:
        terminal.say(f"{definition.path}  {definition.metric.why}")


def _url(text: str) -> sqlalchemy.URL:
    try:
        return url_of(text)
    except ValueError as error:
        raise ProjectError((Problem("init", 0, str(error), URL_HINT),)) from None


def _chosen(found: list[Guess], table: str) -> Guess:
    for guess in found:
        if guess.table == table:
            return guess
    known = ", ".join(guess.table for guess in found)
    raise ProjectError((Problem("init", 0, f"there is no table '{table}'", f"there are {known}"),))


def _tables(found: list[Guess]) -> str:
    lines = [f"  {guess.table}: {_words(guess)}" for guess in found[:10]]
    return "\n".join(["Which table holds what you count?", *lines])


def _words(guess: Guess) -> str:
    parts = [f"time {guess.time}" if guess.time else "", f"amount {guess.amount}" if guess.amount else ""]
    parts.append(f"by {', '.join(guess.categories)}" if guess.categories else "")
    return "; ".join(filter(None, parts)) or "rows to count"


def _ask(question: str, default: str) -> str:
    """The answer on a terminal; without one, or with nothing said, the default."""
    if not sys.stdin.isatty():
        if not default:
            raise ProjectError((Problem("init", 0, "no database is named", "name one with --source"),))
        return default
    terminal.note(question)
    return input(f"[{default}] " if default else "> ").strip() or default


def _yes(up: bool | None) -> bool:
    return up if up is not None else _ask("Start it now? (yes or no)", "yes").lower().startswith("y")
