"""One table: looked at for what changed of it, or read as a whole."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import duckdb

from ..catalog import TableState
from ..definition import digest
from ..events import Observer, RowsRead
from ..source import Changing, Counts, Reading
from ..staging import Staging
from .delta import Delta
from .disorder import is_in_order
from .rows import insert, refuse_doubles
from .wanted import Change, Mode, Wanted


def horizon_of(reading: Reading, wanted: Wanted) -> str:
    """The source's mark of what this read sees of a table; empty where it has none."""
    return reading.horizon(wanted.table[1]) if isinstance(reading, Changing) else ""


def is_another(reading: Reading, wanted: Wanted, horizon: str) -> bool:
    """Whether the source has a mark of a table, but it is none of the one that was read before."""
    before = wanted.state.horizon if wanted.state else ""
    return isinstance(reading, Changing) and bool(before and horizon) and not reading.since(before, horizon)


def look(
    staging: Staging, reading: Reading, wanted: Wanted, horizon: str, need: Callable[[int], None]
) -> Change | None:
    """What changed of a table since the last generation; None where that is not certain without all of it.

    Changes wait in memory, in the tables `added` and `removed`. Raises SourceUnavailable and SourceValueError.
    """
    if not isinstance(reading, Changing) or not wanted.state:
        return None
    if wanted.shape.key and (wanted.settings.incremental or wanted.state.horizon):
        return _changes(staging, reading, wanted, wanted.state, horizon, need)
    if _is_untouched(reading, wanted, wanted.state, horizon):
        state = replace(wanted.state, as_of=reading.as_of, horizon=horizon, declared=wanted.declared)
        return Change("unchanged", state)
    return None


def _is_untouched(reading: Changing, wanted: Wanted, state: TableState, horizon: str) -> bool:
    """Where the source can tell: no row was written since, and there are as many."""
    name, since = wanted.table[1], reading.since(state.horizon, horizon)
    return bool(since) and reading.counts(name, alive(reading, wanted), since) == Counts(state.rows, 0, 0)


def alive(reading: Changing, wanted: Wanted) -> str:
    """The condition that a row is not marked as deleted."""
    soft = wanted.settings.soft
    return f"not ({reading.marked(wanted.table[1], soft, wanted.shape.columns[soft])})" if soft else "1 = 1"


def _changes(
    staging: Staging,
    reading: Changing,
    wanted: Wanted,
    state: TableState,
    horizon: str,
    need: Callable[[int], None],
) -> Change | None:
    delta = Delta(staging, reading, wanted, state, need)
    try:
        found = delta.find(alive(reading, wanted), horizon)
    except duckdb.OutOfMemoryException:  # too many long texts to be compared
        delta.forget()
        return None
    if found is None:
        return None
    rows = state.rows + found.inserted - found.deleted
    mode: Mode = "delta" if found.changed else "unchanged"
    content = digest(f"{state.content} {found.content}") if found.changed else state.content
    new = replace(state, as_of=reading.as_of, horizon=horizon, rows=rows, content=content, declared=wanted.declared)
    counts = found.read, found.inserted, found.updated, found.deleted, found.bytes
    return Change(mode, new, False, *counts)


def read_whole(
    staging: Staging,
    reading: Reading,
    wanted: Wanted,
    horizon: str,
    need: Callable[[int], None],
    observe: Observer,
) -> Change:
    """All rows, into the new file. Raises SourceUnavailable and SourceValueError."""
    table, shape = wanted.table, wanted.shape
    place, tell = staging.make(table, shape), _teller(reading, wanted, observe)
    rows = (
        reading.rows(table[1], shape, alive(reading, wanted), most=True)
        if isinstance(reading, Changing)
        else reading.rows(table[1], shape)
    )
    received = insert(staging.connection, reading, table, shape, rows, place, need, tell)
    if wanted.settings.key:
        refuse_doubles(staging.connection, table, shape, place)
    ((count,),) = staging.connection.execute(f"select count(*) from {place}").fetchall()
    marks, order = (horizon, received.content, wanted.declared), _order(staging, wanted, place, horizon)
    state = TableState(*table, wanted.definition, reading.as_of, count, *marks, order)
    before = wanted.state
    same = before is not None and (before.rows, before.content) == (count, received.content)
    marked = before is not None and bool(horizon) and horizon != before.horizon
    mode: Mode = "unchanged" if same else "full"
    inserted = 0 if same else count
    return Change(mode, state, True, read=count, inserted=inserted, bytes=received.bytes, marked=marked)


def _order(staging: Staging, wanted: Wanted, place: str, horizon: str) -> tuple[str, ...]:
    """The columns that the source keeps a table's rows in the order of; one that has a horizon lets them lie."""
    follows = wanted.shape.key and wanted.settings.incremental and wanted.is_placed and not horizon
    return wanted.shape.key if follows and is_in_order(staging.connection, place, wanted.shape.key) else ()


def _teller(reading: Reading, wanted: Wanted, observe: Observer) -> Callable[[int], None]:
    """What tells of the rows that have come, of those that the source says it has, or that there were before."""
    begun, name = time.monotonic(), ".".join(wanted.table)
    known = reading.estimate(wanted.table[1]) if isinstance(reading, Changing) else 0
    expected = known or (wanted.state.rows if wanted.state else 0)
    return lambda rows: observe(RowsRead(name, rows, expected, time.monotonic() - begun))
