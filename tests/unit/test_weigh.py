"""What a table takes beyond what its rows would, written at once, is about what is gone from it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from snapshot.catalog import TableState
from snapshot.export.apart import SAMPLE
from snapshot.export.disorder import is_in_order
from snapshot.export.weigh import leftover
from snapshot.staging import Staging, staging
from snapshot.stored import ROW_GROUP

ROWS = 4 * ROW_GROUP
NOBODY, EVERYBODY = 0, 10**9
# Tables of which half of the bytes are those of the even rows, or of the first ones, or of a few long ones.
HALF = {
    "the even rows": (f"select i as id, hash(i) as a, hash(i + 1) as b from range({ROWS}) t(i)", "id % 2 = 0"),
    "the first rows": (f"select i as id, hash(i) as a, hash(i + 1) as b from range({ROWS}) t(i)", f"id < {ROWS} / 2"),
    "the long rows": (
        f"""select i as id, case when i % 32 = 5 then string_agg(md5((i * 16 + j)::varchar), '') else md5(i::varchar)
        end as a from range({ROWS}) t(i), range(case when i % 32 = 5 then 31 else 1 end) s(j) group by i order by i""",
        "id % 32 = 5",
    ),
}


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Staging]:
    """A build's, with an empty schema."""
    with staging(tmp_path, None, frozenset(), memory="2GB", time_zone="UTC") as found:
        found.open()
        found.connection.execute("create schema staged.shop")
        yield found


def left(files: Staging, allowed: int, ordered_by: tuple[str, ...] = ()) -> int:
    """What the table takes too much, once it is written down."""
    files.checkpoint()
    ((count,),) = files.connection.execute("select count(*) from staged.shop.d").fetchall()
    state = TableState("shop", "d", "", datetime.now(UTC), count, "", "", "", ordered_by)
    return leftover(files, [state], allowed)


@pytest.mark.parametrize("what", HALF)
def test_what_rows_took_that_are_gone_is_seen(files: Staging, what: str) -> None:
    """Whichever they are: about half of all bytes, and no row more than the file holds."""
    rows, gone = HALF[what]
    files.connection.execute(f"create table staged.shop.d as {rows}")
    files.checkpoint()
    files.connection.execute(f"delete from staged.shop.d where {gone}")
    found = left(files, NOBODY)
    stored = files.stored("staged.shop.d")
    # Row groups that are gone as a whole are not in the file any more.
    expected = 0 if what == "the first rows" else stored.bytes / 2
    assert abs(found - expected) < stored.bytes / 8
    assert [file.name for file in files.folder.glob("*.duckdb")] == ["snapshot.duckdb"]


def test_nothing_is_written_to_see_what_is_allowed_anyway(files: Staging, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor where nothing is gone."""
    files.connection.execute(f"create table staged.shop.d as {HALF['the even rows'][0]}")
    assert left(files, NOBODY) == 0
    monkeypatch.setattr("snapshot.export.weigh._packed", None)
    files.connection.execute("delete from staged.shop.d where id % 2 = 0")
    assert left(files, EVERYBODY) == 0


def test_rows_of_long_texts_are_not_all_written_to_see(files: Staging, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many rows as a row group has may be gigabytes."""
    sizes: list[int] = []
    drop = Path.unlink

    def seen(path: Path) -> None:
        sizes.append(path.stat().st_size)
        drop(path)

    monkeypatch.setattr(Path, "unlink", seen)
    body = "string_agg(md5((i * 64 + j)::varchar), '') as body from range(20000) t(i), range(64) s(j) group by i"
    files.connection.execute(f"create table staged.shop.d as select i as id, {body}")
    files.checkpoint()
    assert files.stored("staged.shop.d").bytes > 2 * SAMPLE
    files.connection.execute("delete from staged.shop.d where id % 3 = 0")
    found = left(files, NOBODY)
    stored = files.stored("staged.shop.d").bytes
    assert abs(found - stored / 3) < stored / 8
    assert sizes
    assert max(sizes) < 1.5 * SAMPLE


def test_rows_that_came_late_count_as_much_as_others(files: Staging) -> None:
    """Among those of their key they would be packed with them."""
    values = f"select i as id, i * 100 as a, i * 1000 as b from range({ROWS}) t(i)"
    files.connection.execute(f"create table staged.shop.d as {values}")
    files.checkpoint()
    assert is_in_order(files.connection, "staged.shop.d", ("id",))
    files.connection.execute("create table memory.main.late as from staged.shop.d order by hash(id) limit 150000")
    files.connection.execute("delete from staged.shop.d where id in (select id from memory.main.late)")
    files.connection.execute("insert into staged.shop.d from memory.main.late")
    found = left(files, NOBODY, ordered_by=("id",))
    assert not is_in_order(files.connection, "staged.shop.d", ("id",))
    assert found > files.stored("staged.shop.d").bytes / 2


def test_each_table_is_weighed_by_itself(files: Staging) -> None:
    """One that lost nearly all of what it took is not overlooked among others that did not."""
    files.connection.execute("create table staged.shop.a as select i as id, hash(i) as h from range(1000000) t(i)")
    files.connection.execute(
        "create table staged.shop.b as select i as id, if(i % 9 = 3, md5(i::varchar), 'x') as h from range(300000) t(i)"
    )
    files.connection.execute("create table staged.shop.c as from staged.shop.a")
    files.checkpoint()
    states = []
    for table, gone in (("a", "id % 1000 = 0"), ("b", "id % 9 = 3"), ("c", "id % 1000 = 0")):
        files.connection.execute(f"delete from staged.shop.{table} where {gone}")
        ((count,),) = files.connection.execute(f"select count(*) from staged.shop.{table}").fetchall()
        states.append(TableState("shop", table, "", datetime.now(UTC), count, "", "", ""))
    files.checkpoint()
    took = files.stored("staged.shop.b").bytes
    assert leftover(files, states, allowed=took // 2) > took // 2
