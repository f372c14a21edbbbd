"""One table brought up to date: not read where nothing changed, else its changes, else all of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from ..catalog import TableState, quote
from ..definition import digest
from ..settings import TableSettings
from ..source import Changing, Reading, TableShape
from ..staging import Staging, Table, added, removed
from .delta import Delta
from .rows import insert, refuse_doubles

Mode = Literal["full", "delta", "unchanged", "carried over"]


@dataclass(frozen=True)
class Wanted:
    """A table of the project: its shape, what the toml says of it, and a name for both and where it is read from.

    `state` is how the last generation left it; None where there is nothing to go on from. Only where it is `due` is it
    read.
    """

    table: Table
    shape: TableShape
    settings: TableSettings
    definition: str
    state: TableState | None
    due: bool


@dataclass(frozen=True)
class Change:
    """What a read did to a table, and how it left it; `whole` where all of it was read, and is in the new file."""

    mode: Mode
    state: TableState
    whole: bool = False
    read: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    bytes: int = 0


def bring_up_to_date(staging: Staging, reading: Reading, wanted: Wanted, need: Callable[[int], None]) -> Change:
    """Read of a table what there is to read.

    Changes wait in memory, in the tables `added` and `removed`; a table that is read as a whole is in the new file.
    Raises SourceUnavailable and SourceValueError.
    """
    if isinstance(reading, Changing) and wanted.state:
        horizon = reading.horizon(wanted.table[1])
        if wanted.shape.key and (wanted.settings.incremental or wanted.state.horizon):
            if change := _changes(staging, reading, wanted, wanted.state, horizon, need):
                return change
        elif _is_untouched(reading, wanted, wanted.state):
            return Change("unchanged", replace(wanted.state, as_of=reading.as_of, horizon=horizon))
    return _whole(staging, reading, wanted, need)


def _is_untouched(reading: Changing, wanted: Wanted, state: TableState) -> bool:
    """Where the source can tell: no row was written since, and there are as many."""
    name = wanted.table[1]
    since = reading.since(name, state.horizon)
    return bool(since) and reading.count(name, since) == 0 and reading.count(name, alive(reading, wanted)) == state.rows


def alive(reading: Changing, wanted: Wanted) -> str:
    """The condition that a row is not marked as deleted."""
    soft = wanted.settings.soft
    return f"not ({reading.marked(soft, wanted.shape.columns[soft].type)})" if soft else "1 = 1"


def _changes(
    staging: Staging,
    reading: Changing,
    wanted: Wanted,
    state: TableState,
    horizon: str,
    need: Callable[[int], None],
) -> Change | None:
    """The rows that came, changed and went, in memory; None where they cannot be told for certain."""
    found = Delta(staging, reading, wanted.table, wanted.shape, wanted.settings, state, need).find(
        alive(reading, wanted)
    )
    if found is None:
        return None
    rows = state.rows + found.inserted - found.deleted
    mode: Mode = "delta" if found.inserted or found.updated or found.deleted else "unchanged"
    content = digest(f"{state.content} {found.content}") if mode == "delta" else state.content
    new = replace(state, as_of=reading.as_of, horizon=horizon, rows=rows, content=content)
    return Change(mode, new, False, found.read, found.inserted, found.updated, found.deleted, found.bytes)


def _whole(staging: Staging, reading: Reading, wanted: Wanted, need: Callable[[int], None]) -> Change:
    """All rows, into the new file."""
    table, shape = wanted.table, wanted.shape
    place = staging.make(table, shape)
    horizon, rows = "", None
    if isinstance(reading, Changing):
        horizon = reading.horizon(table[1])
        rows = reading.rows(table[1], shape, alive(reading, wanted), most=True)
    rows = rows or reading.rows(table[1], shape)
    received = insert(staging.connection, reading, table, shape, rows, place, need)
    if wanted.settings.key:
        refuse_doubles(staging.connection, table, shape, place)
    ((count,),) = staging.connection.execute(f"select count(*) from {place}").fetchall()
    state = TableState(*table, wanted.definition, reading.as_of, count, horizon, received.content)
    same = wanted.state is not None and (wanted.state.rows, wanted.state.content) == (count, received.content)
    return Change("unchanged" if same else "full", state, True, read=count, inserted=count, bytes=received.bytes)


def settle(staging: Staging, wanted: Wanted, change: Change) -> None:
    """Put a table into the new file that is not there yet: as it was, or with its changes."""
    if change.whole:
        return
    table, execute = wanted.table, staging.connection.execute
    place, key = staging.place(table), ", ".join(map(quote, wanted.shape.key))
    changed = f"({key}) in (select ({key}) from {removed(table)})" if change.mode == "delta" else "false"
    if staging.copies:
        execute(f"delete from {place} where {changed}")
    else:
        staging.make(table, wanted.shape)
        order = f"order by {key}" if key else ""
        execute(f"insert into {place} from {staging.before(table)} where not ({changed}) {order}")
    if change.mode == "delta":
        execute(f"insert into {place} from {added(table)}")
