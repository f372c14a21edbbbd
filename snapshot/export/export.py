"""The sources, one after the other: each in one consistent read, each table as far as it has changed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from ..catalog import BuildRecord, SourceInfo, TableState
from ..connect import bounded
from ..definition import digest
from ..errors import SourceChanged
from ..events import Observer, TableAltered, TableExported
from ..source import Reading, Source, TableShape
from ..staging import Staging, Table
from .copying import decide
from .disorder import expected
from .rows import JOINING, MEMORY
from .settle import settle
from .table import horizon_of, is_another, look, read_whole
from .wanted import Change, Wanted


@dataclass(frozen=True)
class Export:
    """Each source as of its moment, what changed of each table, a record of each, and as of when that is.

    `as_of` is the earliest moment of the sources that were read; None where none was.
    """

    sources: tuple[SourceInfo, ...]
    changes: Mapping[Table, Change]
    builds: tuple[BuildRecord, ...]
    as_of: datetime | None

    @property
    def changed(self) -> bool:
        """Whether any table has."""
        return any(change.mode in ("full", "delta") for change in self.changes.values())

    @property
    def marked(self) -> bool:
        """Whether a table has a new mark to look from: all of it was read, only to find it as it was."""
        return any(change.marked for change in self.changes.values())


def export(
    staging: Staging,
    sources: Sequence[Source],
    tables: Sequence[Wanted],
    number: int,
    observe: Observer,
    end: float = math.inf,
) -> Export:
    """Read what is due of the sources, until `end` (a moment of time.monotonic()) at most.

    Raises SourceUnavailable, SourceChanged (a table is not as `sources.lock` says) and SourceValueError (a value does
    not fit its declared type).
    """
    infos = {info.name: info for info in staging.previous.catalog.sources} if staging.previous else {}
    changes: dict[Table, Change] = {}
    builds: list[BuildRecord] = []
    moments: list[datetime] = []
    total = sum(wanted.due for wanted in tables)
    for source in sources:
        due = [wanted for wanted in tables if wanted.table[0] == source.name and wanted.due]
        if not due and source.name in infos:
            continue
        shapes = {wanted.table[1]: wanted.shape for wanted in due}
        found = source.shapes()
        _refuse_changes(source.name, found, shapes)
        # Several threads would write row groups that are not full, which a checkpoint writes again.
        one_thread = bounded(staging.connection, MEMORY, threads=1)
        with one_thread as need, source.read(shapes, end) as reading:
            now = [_as_declared(wanted, found[wanted.table[1]], observe) for wanted in due]
            known = partial(decide, staging, tables, changes)
            for wanted, change, seconds in _read(staging, reading, now, need, known, observe):
                changes[wanted.table] = change
                builds.append(_record(number, change, seconds))
                observe(TableExported(builds[-1].name, builds[-1].rows, builds[-1].seconds, len(builds), total))
            infos[source.name] = SourceInfo(source.name, reading.as_of, 0, 0)
            moments.append(reading.as_of)
    for wanted in tables:
        if not wanted.due and wanted.state:
            changes[wanted.table] = Change("carried over", wanted.state)
            builds.append(_record(number, changes[wanted.table], 0.0))
    counted = tuple(_counted(infos[source.name], changes) for source in sources)
    return Export(counted, changes, tuple(builds), min(moments, default=None))


def _read(
    staging: Staging,
    reading: Reading,
    due: Sequence[Wanted],
    need: Callable[[int], None],
    known: Callable[[Collection[Table]], None],
    observe: Observer,
) -> Iterator[tuple[Wanted, Change, float]]:
    """Each table's change, and how long it took. `known` is called after the looks, if some are to be read whole."""
    left: list[tuple[Wanted, str, float]] = []
    for wanted in due:
        begun = time.monotonic()
        horizon = horizon_of(reading, wanted)
        if is_another(reading, wanted, horizon):
            what = "it was altered, written anew or exchanged at its source, so all of it is read"
            observe(TableAltered(".".join(wanted.table), what))
        change = look(staging, reading, wanted, horizon, need)
        if change:
            yield wanted, change, time.monotonic() - begun
        else:
            left.append((wanted, horizon, time.monotonic() - begun))
    if left:
        known({wanted.table for wanted, _, _ in left})
    for wanted, horizon, looked in left:
        begun = time.monotonic()
        change = read_whole(staging, reading, wanted, horizon, need, observe)
        yield wanted, change, looked + time.monotonic() - begun


def write(staging: Staging, tables: Sequence[Wanted], changes: Mapping[Table, Change]) -> tuple[TableState, ...]:
    """Have every table in the new files as it is now, and nothing else. What is known of each then."""
    decide(staging, tables, changes)
    staging.open()
    with bounded(staging.connection, JOINING):
        for wanted in tables:
            settle(staging, wanted, changes[wanted.table])
        found = tuple(expected(staging, wanted, changes[wanted.table]) for wanted in tables)
    staging.drop_others({wanted.table: wanted.shape for wanted in tables})
    staging.show_private()
    return found


def _counted(info: SourceInfo, changes: Mapping[Table, Change]) -> SourceInfo:
    rows = [change.state.rows for table, change in changes.items() if table[0] == info.name]
    return replace(info, tables=len(rows), rows=sum(rows))


def _record(number: int, change: Change, seconds: float) -> BuildRecord:
    state = change.state
    counts = (change.read, change.inserted, change.updated, change.deleted, change.bytes)
    name = f"{state.source}.{state.name}"
    return BuildRecord(number, "table", name, change.mode, state.rows, seconds, *counts, state.content)


def _as_declared(wanted: Wanted, now: TableShape, observe: Observer) -> Wanted:
    """A table whose types are not those any more that it was read with is nothing to go on from.

    Its values may be others though nobody wrote a row. By a key that it has no more, its rows cannot be told apart.
    Columns that are not exported change nothing, but somebody may want them.
    """
    columns = {name: replace(c, declared=now.columns[name].declared) for name, c in wanted.shape.columns.items()}
    types, names = digest(repr([column.declared for column in columns.values()])), digest(repr(sorted(now.columns)))
    types_before, _, names_before = (wanted.state.declared if wanted.state else "").partition(".")
    is_key = wanted.settings.key or now.key == wanted.shape.key
    state = wanted.state if types_before == types else None
    shape = replace(wanted.shape, columns=columns, key=wanted.shape.key if is_key else ())
    said = {
        "it has other columns than before: 'pacelayer check' takes them up": names_before not in ("", names),
        "its columns are declared in another way, so all of it is read": state != wanted.state,
        f"{', '.join(wanted.shape.key)} is not its primary key any more, so its changes cannot be told": not is_key,
    }
    for what in (what for what, is_so in said.items() if is_so):
        observe(TableAltered(".".join(wanted.table), what))
    return replace(wanted, declared=f"{types}.{names}", state=state, shape=shape)


def _refuse_changes(source: str, found: Mapping[str, TableShape], wanted: Mapping[str, TableShape]) -> None:
    """Compare what the source has now with what the metrics were read against."""
    changes = []
    for name, shape in wanted.items():
        now = found.get(name)
        if now is None:
            changes.append(f"table '{source}.{name}' is gone")
            continue
        for column, was in shape.columns.items():
            place, has = f"column '{source}.{name}.{column}'", now.columns.get(column)
            if has is None:
                changes.append(f"{place} is gone")
            elif has.type != was.type or (has.nullable and not was.nullable):
                changes.append(f"{place} was {was.definition} and is {has.definition}")
    if changes:
        raise SourceChanged("the source has changed: " + ", ".join(changes), "run 'pacelayer check' to take it up")
