"""What the rows of a table should take in their source's order is told by what they take in that of their key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from snapshot import connect
from snapshot.catalog import TableState
from snapshot.connect import PREVIOUS
from snapshot.export import disorder as of_disorder
from snapshot.export.disorder import SEEN_AGAIN, SLACK, disorder, expected
from snapshot.export.wanted import Change, Mode, Wanted
from snapshot.settings import TableSettings
from snapshot.source import ColumnShape, TableShape
from snapshot.staging import Staging, added, removed, staging
from snapshot.stored import BLOCK_BYTES, ROW_GROUP, Stored

ROWS = 4 * ROW_GROUP
D = ("shop", "d")
STATE = TableState(*D, "", datetime.now(UTC), ROWS, "a mark of its own", "", "")
COLUMNS = {"i": "BIGINT", "a": "UBIGINT", "n": "UBIGINT"}
WANTED = Wanted(
    D,
    TableShape({name: ColumnShape(kind, False) for name, kind in COLUMNS.items()}, ("i",)),
    TableSettings(),
    "",
    None,
    due=True,
)


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Staging]:
    """A build's, with empty schemas."""
    with staging(tmp_path, None, frozenset(), memory="2GB", time_zone="UTC") as found:
        found.open()
        connect.attach(found.connection, PREVIOUS, found.folder / "last.duckdb")
        for database in ("staged", PREVIOUS):
            found.connection.execute(f"create schema {database}.shop")
        yield found


def changed(files: Staging, before: str, after: str, rows: int, state: TableState = STATE) -> TableState:
    """What is known of the table that had the one SELECT's rows and has the other's, as many of which changed."""
    files.connection.execute(f"create or replace table {PREVIOUS}.shop.d as {before}")
    files.connection.execute(f"checkpoint {PREVIOUS}")
    files.connection.execute(f"create or replace table staged.shop.d as {after}")
    ((count,),) = files.connection.execute("select count(*) from staged.shop.d").fetchall()
    found = expected(files, WANTED, Change("delta", replace(state, rows=count), updated=rows))
    assert sorted(file.name for file in files.folder.glob("*.duckdb")) == ["last.duckdb", "snapshot.duckdb"]
    return found


def test_rows_that_take_more_than_once_are_in_disorder(files: Staging) -> None:
    """Or larger than they were, which nothing but reading them again can tell."""
    files.connection.execute(
        f"create table staged.shop.d as select i // 9 as a from range({ROWS}) t(i) order by hash(i)"
    )
    files.checkpoint()
    (bytes_,) = files.stored("staged.shop.d").columns
    state = TableState("shop", "d", "", datetime.now(UTC), ROWS, "", "", "", (), (bytes_ / ROWS / 3,))
    assert abs(disorder(files, state) - bytes_ * 2 / 3) <= SLACK + 1
    assert disorder(files, replace(state, row_bytes=(bytes_ / ROWS,))) == 0
    assert disorder(files, replace(state, row_bytes=())) == 0


def test_what_one_column_takes_less_hides_no_disorder_of_another(files: Staging) -> None:
    """Nulls are packed the best, whatever their rows take for other columns."""
    values = f"select i // 9 as a, null::varchar as b from range({ROWS}) t(i) order by hash(i)"
    files.connection.execute(f"create table staged.shop.d as {values}")
    files.checkpoint()
    a, b = files.stored("staged.shop.d").columns
    assert b <= BLOCK_BYTES
    state = TableState("shop", "d", "", datetime.now(UTC), ROWS, "", "", "", (), (a / ROWS / 3, 64.0))
    assert disorder(files, state) > a / 3


def test_a_table_without_rows_is_in_no_disorder(files: Staging) -> None:
    """Nothing is in its file."""
    files.connection.execute("create table staged.shop.d as select 1 as a limit 0")
    files.checkpoint()
    state = TableState("shop", "d", "", datetime.now(UTC), 0, "", "", "", (), (64.0,))
    assert disorder(files, state) == 0


NUMBERS = f"select i, hash(i) as a, 0::ubigint as n from range({ROWS}) t(i)"
# What becomes of their rows, and what one should take of `a` and `n` then, of which it took 8 bytes and none.
CHANGES = {
    "nothing": (NUMBERS, 8, 0),
    "they are in another order": (f"{NUMBERS} order by hash(i)", 8, 0),
    "light ones come": (f"{NUMBERS} union all select i + {ROWS}, 7, 0 from range({ROWS}) t(i)", 4, 0),
    "heavy ones come": (f"{NUMBERS} union all select i + {ROWS}, hash(i), hash(i) from range({ROWS}) t(i)", 8, 4),
    "heavy ones go": (f"select i, if(i % 4096 < 2048, 7, hash(i)) as a, 0 as n from range({ROWS}) t(i)", 4, 0),
    "they become heavier": (f"select i, hash(i) as a, hash(i) as n from range({ROWS}) t(i)", 8, 8),
    "they become as those beside them": (f"select i, hash(i // 4096) as a, 0 as n from range({ROWS}) t(i)", 0, 0),
}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("sample", [2**20, 2**30])
def test_what_rows_should_take_follows_what_becomes_of_them(
    files: Staging, monkeypatch: pytest.MonkeyPatch, what: str, sample: int
) -> None:
    """Seen by some of them, or by all."""
    monkeypatch.setattr(of_disorder, "SAMPLE", sample)
    after, *bytes_ = CHANGES[what]
    state = changed(files, NUMBERS, after, ROWS)
    assert state.changed == 0
    assert state.row_bytes[1:] == pytest.approx(bytes_, abs=0.6)


def test_it_is_seen_once_enough_rows_changed(files: Staging, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few make no difference, however often few change it is seen at last, and once more only from then on."""
    few = int(SEEN_AGAIN * ROWS * 0.4)
    heavier = f"select i, hash(i) as a, hash(i) as n from range({ROWS}) t(i)"
    state = STATE
    for rows in (few, 2 * few):
        state = changed(files, NUMBERS, heavier, few, state)
        assert state.changed == rows
        assert state.row_bytes[2] == 0
        assert state.sorted_bytes == ()
    state = changed(files, NUMBERS, heavier, few, state)
    assert state.changed == 0
    assert state.row_bytes[2] == pytest.approx(8, rel=0.02)
    monkeypatch.setattr(of_disorder, "apart", None)
    assert changed(files, NUMBERS, heavier, few, state).changed == few


def test_rows_too_long_to_be_sorted_are_as_they_were(files: Staging, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not end the refresh."""

    def full(files: Staging, rows: str) -> Stored:
        raise duckdb.OutOfMemoryException(rows)

    monkeypatch.setattr(of_disorder, "apart", full)
    state = changed(files, NUMBERS, f"select i, hash(i) as a, hash(i) as n from range({ROWS}) t(i)", ROWS)
    assert state.row_bytes[1:] == pytest.approx([8, 0], abs=0.3)
    assert state.changed == ROWS


@pytest.mark.parametrize(
    ("before", "mode"),
    [
        (NUMBERS, "unchanged"),
        ("select i, 7::ubigint as a, 0::ubigint as n from range(99) t(i)", "delta"),
    ],
)
def test_nothing_is_expected_of_what_did_not_change_and_of_small_tables(
    files: Staging, monkeypatch: pytest.MonkeyPatch, before: str, mode: Mode
) -> None:
    """Nor is anything written to see."""
    monkeypatch.setattr(of_disorder, "apart", None)
    files.connection.execute(f"create table {PREVIOUS}.shop.d as {before}")
    files.connection.execute(f"checkpoint {PREVIOUS}")
    assert expected(files, WANTED, Change(mode, STATE, updated=ROWS)).row_bytes == ()


def test_rows_follow_the_key_or_a_time(files: Staging) -> None:
    """Whichever orders more of them: beside others are packed that came with them, whatever their key."""
    columns = {"i": "UBIGINT", "one": "DATE", "no": "TIMESTAMP", "day": "DATE", "at": "TIMESTAMP", "a": "UBIGINT"}
    shape = TableShape({name: ColumnShape(kind, True) for name, kind in columns.items()}, ("i",))
    times = "date '2026-01-01' as one, null::timestamp as no, date '2026-01-01' + (hash(i + 1) % 9)::int as day"
    nearly = "make_timestamp(i * 1000 + (hash(i + 2) % 1500)::int) as at"
    for database, a in ((PREVIOUS, "i"), ("staged", "i // 20")):
        rows = f"select hash(i) as i, {times}, {nearly}, hash({a}) as a from range({ROWS}) t(i)"
        files.connection.execute(f"create table {database}.shop.d as {rows}")
        files.connection.execute(f"checkpoint {database}")
    state = expected(files, replace(WANTED, shape=shape), Change("delta", STATE, updated=ROWS))
    assert state.follows == ("at",)
    assert state.row_bytes[5] < 2


# What becomes of rows in the order of nothing that is known, and what one should take of `a` and `n`: 8 bytes and none.
UNKNOWN = {
    "they become lighter": ("i, 7::ubigint as a, 0 as n", 0, 0, 0),
    "they become heavier": ("i, hash(i) as a, hash(i) as n", 0, 8, 0),
    "alike ones come": ("i, hash(i // 4096) as a, hash(i) as n", ROWS, 4, 4),
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_rows_that_follow_nothing_should_become_lighter_only(files: Staging, what: str) -> None:
    """In another order than theirs they may take more than beside each other; those that came are seen as they came."""
    change, inserted, *bytes_ = UNKNOWN[what]
    execute = files.connection.execute
    some = f"from range({ROWS if inserted else 0}, {ROWS + inserted}) t(i)"
    execute(f"create table {added(D)} as select hash(i) as i, * exclude (i) from (select {change} {some})")
    execute(f"create table {removed(D)} as from {added(D)} limit 0")
    execute(f"create table {PREVIOUS}.shop.d as select hash(i) as i, hash(i) as a, 0 as n from range({ROWS}) t(i)")
    execute(f"checkpoint {PREVIOUS}")
    there = f"from {PREVIOUS}.shop.d union all from {added(D)}" if inserted else f"from {added(D)}"
    execute(f"create table staged.shop.d as {there}")
    rows = ROWS + inserted
    state = expected(files, WANTED, Change("delta", replace(STATE, rows=rows), inserted=inserted, updated=ROWS))
    assert state.follows == ()
    assert state.row_bytes[1:] == pytest.approx(bytes_, abs=0.3)
