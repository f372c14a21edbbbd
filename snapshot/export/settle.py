"""One table into the new file that is not there yet: as it was, or with its changes."""

from __future__ import annotations

from contextlib import suppress

import duckdb

from ..catalog import quote
from ..connect import bounded
from ..staging import Staging, added, removed
from .copying import is_written_anew
from .rows import JOINING
from .wanted import Change, Wanted

# What the place of a row is called where it may be called so.
_PLACE = "_pacelayer_place"


def settle(staging: Staging, wanted: Wanted, change: Change) -> None:
    """Put it there, unless all of it was read, and is there."""
    if change.whole:
        return
    if is_written_anew(staging, wanted, change):
        _write_anew(staging, wanted, change)
    elif change.mode == "delta":
        place = staging.place(wanted.table)
        staging.delete(place, _is_removed(wanted))
        staging.connection.execute(f"insert into {place} from {added(wanted.table)}")


def _write_anew(staging: Staging, wanted: Wanted, change: Change) -> None:
    """Write all rows in the order in which the source has them: what they take depends on those beside them."""
    rows, order = _rows(staging, wanted, change), _order(wanted, change)
    insertion = f"insert into {staging.make(wanted.table, wanted.shape)} {rows}"
    if order:
        with suppress(duckdb.OutOfMemoryException):  # long texts are sorted unpacked
            staging.connection.execute(f"{insertion} order by {order}")
            return
    # Of rows that are joined, several threads would lose the order.
    with bounded(staging.connection, JOINING, threads=1 if change.mode == "delta" else None):
        staging.connection.execute(insertion)


def _rows(staging: Staging, wanted: Wanted, change: Change) -> str:
    """The SELECT of all rows, those that come with the places of those that they replace, or behind all others."""
    before, come = staging.before(wanted.table), added(wanted.table)
    if change.mode != "delta":
        return f"from {before}"
    # SQLite lets a key be null, of which it is not known whether it is among others.
    stay = f"({_is_removed(wanted)}) is not true"
    if not (wanted.is_placed and change.state.keeps_places):
        return f"from (from {before} where {stay} union all from {come})"
    columns, key = (", ".join(map(quote, names)) for names in (wanted.shape.columns, wanted.shape.key))
    replaced = f"(select rowid as {_PLACE}, {key} from {before} where {_is_removed(wanted)})"
    return f"""select {columns} from (
        select rowid as {_PLACE}, {columns} from {before} where {stay}
        union all select coalesce({_PLACE}, {staging.stored(before).rows} + come.rowid), {columns}
            from {come} as come left join {replaced} using ({key}))"""


def _order(wanted: Wanted, change: Change) -> str:
    if change.mode == "delta" and wanted.is_placed and change.state.keeps_places:
        return _PLACE
    return ", ".join(map(quote, change.state.ordered_by))


def _is_removed(wanted: Wanted) -> str:
    key = ", ".join(map(quote, wanted.shape.key))
    return f"({key}) in (select ({key}) from {removed(wanted.table)})"
