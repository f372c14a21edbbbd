"""How the command line shows things: results on standard output, what is said about them on standard error."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from snapshot.errors import Problem, code_of
from snapshot.events import Event, MetricComputed, Observer, RefreshFailed, RowsRead, TableAltered, TableExported

_out = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
_err = Console(soft_wrap=True, highlight=False, markup=False, emoji=False, stderr=True)


def say(text: str) -> None:
    """A line of the result."""
    _out.print(text)


def complain(problem: Problem | Exception | str) -> None:
    """A line about what is wrong."""
    _err.print(str(problem), style="red")


def note(text: str) -> None:
    """A line about what happened, beside the result."""
    _err.print(text)


def show_values(values: Mapping[str, Any], *, as_json: bool) -> None:
    """Named values, one a line."""
    if as_json:
        print(json.dumps({key.replace(" ", "_"): value for key, value in values.items()}, indent=2))
        return
    for key, value in values.items():
        say(f"{key:15}  {'-' if value is None else value}")


def show_data(data: Any) -> None:
    """As JSON."""
    show_json(json.dumps(data, indent=2, ensure_ascii=False))


def show_json(text: str) -> None:
    """JSON as it is, to the last digit."""
    print(text)


def show_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, as_json: bool, as_csv: bool) -> None:
    """Rows as a table, as JSON objects or as CSV."""
    if as_json:
        objects = [dict(zip(columns, row, strict=True)) for row in rows]
        print(json.dumps(objects, default=str, indent=2, ensure_ascii=False))
    elif as_csv:
        csv.writer(sys.stdout).writerows([columns, *rows])
    else:
        table = Table()
        for column in columns:
            table.add_column(Text(column))
        for row in rows:
            table.add_row(*(Text("" if value is None else str(value)) for value in row))
        _out.print(table)


def show_report(
    columns: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str], *, as_markdown: bool
) -> None:
    """A table and what is said of it."""
    if as_markdown:
        for row in (columns, ["---"] * len(columns), *rows):
            print(f"| {' | '.join(row)} |")
    else:
        show_rows(columns, rows, as_json=False, as_csv=False)
    for line in notes:
        print(line if not as_markdown else f"\n{line}")


def _say_event(event: Event, *, to: TextIO) -> None:
    if isinstance(event, RowsRead):  # one line a step
        return
    try:
        print(json.dumps({"event": type(event).__name__, **asdict(event)}), file=to, flush=True)
    except BrokenPipeError:  # a refresh is worth more than whoever reads of it
        stop_saying(to)


def stop_saying(to: TextIO) -> None:
    """Let nothing more be written where nobody reads."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), to.fileno())


@contextmanager
def refresh_observer(*, as_json: bool) -> Iterator[Observer]:
    """How a refresh shows: as a bar on a terminal; else, and where that is asked for, as a JSON line for each step."""
    if as_json or not _err.is_terminal:
        say = partial(_say_event, to=sys.stdout if as_json else sys.stderr)
        try:
            yield say
        except Exception as error:
            if as_json:  # who reads the other lines is told in words
                say(RefreshFailed(code_of(error), str(error), 0.0))
            raise
        return
    with _bar() as bar:
        task = bar.add_task("reading the source", total=None)
        rows = bar.add_task("", visible=False)

        def show(event: Event) -> None:
            if isinstance(event, RowsRead):
                total, what = event.expected or None, f"  {event.table}: {rows_in_words(event)}"
                bar.update(rows, description=what, total=total, completed=event.rows, visible=True)
            elif isinstance(event, TableExported):
                bar.update(rows, visible=False)
                bar.update(task, description=f"exported {event.table}", total=event.total, completed=event.position)
            elif isinstance(event, MetricComputed):
                done = "kept" if event.carried else "computed"
                bar.update(task, description=f"{done} {event.metric}", total=event.total, completed=event.position)
            elif isinstance(event, TableAltered):
                bar.console.print(Text(f"{event.table}: {event.what}"))

        yield show


def rows_in_words(event: RowsRead) -> str:
    """How many have come, how fast, and how long the others take."""
    speed = event.rows / max(event.seconds, 0.001)
    words = f"{event.rows:,} rows, {speed:,.0f} a second"
    left = event.expected - event.rows
    return f"{words}, {timedelta(seconds=round(left / speed))} left" if left > 0 < speed else words


@contextmanager
def progress(what: str) -> Iterator[Callable[[str, int, int], None]]:
    """A bar for something that says what it is at, how much of it is done, and of how much."""
    with _bar() as bar:
        task = bar.add_task(what)
        yield lambda part, done, total: bar.update(task, description=f"{what}: {part}", completed=done, total=total)


def _bar() -> Progress:
    return Progress(TextColumn("{task.description:36}"), BarColumn(), TimeElapsedColumn(), console=_err)
