"""Whether the rows of a table lie in another order than at its source: they take more then than they should.

Where a row lies there once it changed, no snapshot knows. But what all of them take in the order of a key or a time is
to be seen, and by how much that becomes more or less, the table should.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import zip_longest

import duckdb

from ..catalog import TableState, quote
from ..staging import Staging, added, removed
from ..stored import BLOCK_BYTES, VECTOR
from .apart import SAMPLE, apart
from .wanted import Change, Wanted

# So many bytes are never too much.
SLACK = BLOCK_BYTES // 4
# What a table should take is seen again once such a part of its rows changed.
SEEN_AGAIN = 1 / 32
# Where as many of two rows beside each other are in the one order as in the other, or nearly, they follow none.
_AT_RANDOM = 0.45
_TIMES = ("DATE", "TIMESTAMP")
# What no column is called.
_VECTOR = "_pacelayer_vector"


def expected(staging: Staging, wanted: Wanted, change: Change) -> TableState:
    """What is known of a table in the new files, with its changes: of a large one, what a row should take as well."""
    state, before = change.state, staging.before(wanted.table)
    if change.mode != "delta":
        return state
    stored = staging.stored(before)
    if sum(stored.columns) <= SLACK:
        return replace(state, row_bytes=(), follows=(), sorted_bytes=(), changed=0)
    now = tuple(bytes_ / stored.rows for bytes_ in stored.columns)
    changed = state.changed + change.inserted + change.updated + change.deleted
    state = replace(state, row_bytes=tuple(map(min, now, state.row_bytes or now)), changed=changed)
    if changed > SEEN_AGAIN * state.rows:
        with suppress(duckdb.OutOfMemoryException):  # long texts are sorted unpacked
            return _seen_again(staging, wanted, state, change.inserted)
    return state


def disorder(staging: Staging, state: TableState) -> int:
    """What columns of a table take beyond what they should.

    Each column by itself, for what one takes less says nothing of others.
    """
    if not state.row_bytes:
        return 0
    stored = staging.stored(staging.place(state.table))
    # A table has no columns yet, or none any more where it has no rows.
    columns = zip(stored.columns, state.row_bytes, strict=False)
    return max(0, int(sum(max(0, now - stored.left - each * state.rows) for now, each in columns)) - SLACK)


def is_in_order(connection: duckdb.DuckDBPyConnection, table: str, key: Sequence[str]) -> bool:
    """Whether no row of a table lies behind one that comes after it by the key."""
    value = f"({', '.join(map(quote, key))})"
    behind = f"select {value} < lag({value}) over () as behind from {table}"
    return connection.execute(f"select not coalesce(bool_or(behind), false) from ({behind})").fetchall() == [(True,)]


def _seen_again(staging: Staging, wanted: Wanted, state: TableState, inserted: int) -> TableState:
    """With what a row should take by what it took, and what all take in the order that they follow, then and now."""
    place, before = staging.place(wanted.table), staging.before(wanted.table)
    stored = staging.stored(before)
    every = max(1, min(-(-stored.bytes // SAMPLE), min(stored.rows, state.rows) // VECTOR))
    # But for PostgreSQL, rows are kept by their key, in whichever order of it, or stay at their places.
    found = _follows(staging, wanted, before) if state.horizon and not state.sorted_bytes else state.follows
    follows = found if state.horizon else wanted.shape.key
    then = state.sorted_bytes or _sorted(staging, wanted, before, follows, every)
    now = _sorted(staging, wanted, place, follows, every)
    came = () if follows else _came(staging, wanted, SAMPLE * stored.rows // stored.bytes)
    share = inserted / max(1, state.rows)
    # Of a table without rows there are no columns.
    columns = zip_longest(state.row_bytes, then, now, came, fillvalue=0)
    takes = tuple(
        _should_take(row, *seen) if follows else row * _lighter(*seen) * (1 - share) + new * share
        for row, *seen, new in columns
    )
    return replace(state, row_bytes=takes, follows=follows, sorted_bytes=now, changed=0)


def _follows(staging: Staging, wanted: Wanted, table: str) -> tuple[str, ...]:
    """The columns in whose order most rows are: the key, or a time. None where they are in the order of none.

    A column of one value orders none, nor does a null.
    """
    times = [(name,) for name, column in wanted.shape.columns.items() if column.type.startswith(_TIMES)]
    orders = [wanted.shape.key, *times]
    values = [f"({', '.join(map(quote, order))})" for order in orders]
    lagged = ", ".join(f"{value} as v{n}, lag({value}) over () as l{n}" for n, value in enumerate(values))
    behind = (f"avg(case when v{n} < l{n} then 1 when v{n} > l{n} then 0 else 0.49 end)" for n in range(len(values)))
    (found,) = staging.connection.execute(f"select {', '.join(behind)} from (select {lagged} from {table})").fetchall()
    return orders[found.index(min(found))] if min(found) < _AT_RANDOM else ()


def _came(staging: Staging, wanted: Wanted, most: int) -> tuple[float, ...]:
    """What each column takes for one of the rows that came, as they came."""
    key = ", ".join(map(quote, wanted.shape.key))
    rows = f"from {added(wanted.table)} anti join {removed(wanted.table)} using ({key}) limit {most}"
    stored = apart(staging, rows)
    return tuple(bytes_ / stored.rows for bytes_ in stored.columns)


def _sorted(staging: Staging, wanted: Wanted, table: str, follows: Sequence[str], every: int) -> tuple[float, ...]:
    """What each column takes for a row in that order.

    Seen by some of them, as many beside each other as are packed at once: of so many such, any one.
    """
    key = ", ".join(map(quote, wanted.shape.key))
    order = ", ".join(map(quote, dict.fromkeys((*follows, *wanted.shape.key))))
    ranked = f"select {key}, (row_number() over (order by {order}) - 1) // {VECTOR} as {_VECTOR} from {table}"
    any_one = f"{_VECTOR} % {every} = hash({_VECTOR} // {every}) % {every}"
    some = f"semi join (from ({ranked}) where {any_one}) using ({key})" if every > 1 else ""
    stored = apart(staging, f"from {table} {some} order by {order}")
    return tuple(bytes_ / stored.rows for bytes_ in stored.columns)


def _should_take(row: float, then: float, now: float) -> float:
    """What a row should take of a column, of which it took so much; and sorted so much then, and so much now."""
    if now < then:
        return row * _lighter(then, now)
    return min(row * now / then, row + now - then) if then else row + now


def _lighter(then: float, now: float) -> float:
    """What is left of what it took."""
    return now / then if now < then else 1.0
