"""What a refresh reads of tables that changed a little, and what it says that it did."""

from __future__ import annotations

from pathlib import Path

import pytest

from snapshot.events import Published, Unchanged
from snapshot.export import delta
from snapshot.store import read_status

from .changing import CHANGED, ORDERS, again, both_ways, done, shop
from .sources import check, make_project, rows, run_sqlite


def test_only_what_changed_is_read_and_only_its_periods_are_computed(tmp_path: Path) -> None:
    """Behind the last change that was seen, less the overlap."""
    project = shop(tmp_path)
    run_sqlite(project, "update orders set amount = 0, changed = '2026-02-01 13:00:00' where id in (7, 8)")
    run_sqlite(project, "insert into orders values (201, 5, '2026-01-01', '2026-02-01 12:30:00')")
    generation, _ = again(project)
    assert done(generation, "shop.orders") == ("delta", 201, 1, 2, 0)
    assert done(generation, "daily")[0] == "delta"
    run_sqlite(project, "update orders set amount = 1, changed = '2026-02-01 14:00:00' where id = 7")
    assert done(again(project)[0], "shop.orders") == ("delta", 2, 0, 1, 0)


def test_a_commit_that_is_late_within_the_overlap_is_found(tmp_path: Path) -> None:
    """Its time is before that of a row that was seen."""
    project = shop(tmp_path, CHANGED + 'overlap = "1h"\n')
    run_sqlite(project, "update orders set amount = 0, changed = '2026-02-01 13:00:00' where id = 1")
    again(project)
    run_sqlite(project, "update orders set amount = 0, changed = '2026-02-01 12:05:00' where id = 2")
    assert done(again(project)[0], "shop.orders")[3] == 1


def test_rows_that_went_are_found_by_their_keys(tmp_path: Path) -> None:
    """Also where as many came."""
    project = shop(tmp_path)
    run_sqlite(
        project, "delete from orders where id = 3; insert into orders values (300, 1, '2026-01-01', '2026-02-02')"
    )
    generation, _ = again(project)
    assert done(generation, "shop.orders")[2:] == (1, 0, 1)
    assert rows(generation.path, "select count(*) from shop.orders where id in (3, 300)") == [(1,)]


def test_a_table_whose_rows_do_not_add_up_is_read_as_a_whole(tmp_path: Path) -> None:
    """A row that came without a change of its column is missed by no means."""
    project = shop(tmp_path)
    run_sqlite(project, "update orders set changed = '2026-02-01 20:00:00' where id = 1")
    again(project)
    run_sqlite(project, "insert into orders values (400, 1, '2026-01-01', '2026-01-01 00:00:00')")
    generation, _ = again(project)
    assert done(generation, "shop.orders")[0] == "full"
    assert rows(generation.path, "select count(*) from shop.orders") == [(201,)]


def test_nothing_changed_publishes_nothing_and_moves_the_moment_on(tmp_path: Path) -> None:
    """`status.json` says as of when the current generation is true."""
    project = shop(tmp_path)
    before = read_status(project / "snapshots")
    generation, said = again(project)
    after = read_status(project / "snapshots")
    assert generation.number == after.number == 1
    assert isinstance(said[-1], Unchanged)
    assert before.as_of is not None
    assert after.as_of is not None
    assert after.as_of > before.as_of


def test_a_table_that_is_read_as_a_whole_and_is_the_same_publishes_nothing(tmp_path: Path) -> None:
    """Its rows are compared by their hashes."""
    project = shop(tmp_path, "")
    assert isinstance(again(project)[1][-1], Unchanged)
    (project / "metrics" / "other.sql").write_text("select placed, count(*) as n from shop.orders group by all")
    assert done(again(project)[0], "shop.orders") == ("unchanged", 200, 0, 0, 0)
    run_sqlite(project, "update orders set amount = amount + 1 where id = 1; update orders set amount = 1 where id = 2")
    assert isinstance(again(project)[1][-1], Published)


def test_a_full_refresh_reads_everything_and_publishes(tmp_path: Path) -> None:
    """After a restored backup, say, whose times are older."""
    project = shop(tmp_path)
    generation, _ = again(project, full=True)
    assert (generation.number, done(generation, "shop.orders")[0]) == (2, "full")


def test_a_column_that_is_new_in_the_export_has_its_table_read_as_a_whole(tmp_path: Path) -> None:
    """There is nothing to go on from; other values never become nulls."""
    script = ORDERS + "alter table orders add column note text; update orders set note = 'n' || id;"
    project = shop(tmp_path, CHANGED, script)
    (project / "metrics" / "noted.sql").write_text("select note, count(*) as n from shop.orders group by all")
    check(project)
    generation, _ = again(project)
    assert done(generation, "shop.orders")[0] == "full"
    assert rows(generation.path, "select count(note) from shop.orders") == [(200,)]


def test_a_slow_metric_is_carried_over_and_catches_up_with_all_that_changed(tmp_path: Path) -> None:
    """Every change between is made up for, though each was seen by one refresh only."""
    project = shop(tmp_path)
    (project / "metrics" / "slow.sql").write_text(
        "-- @pace 1h\nselect placed as day, count(*) as n from shop.orders group by all"
    )
    again(project)
    for number in (500, 501):
        run_sqlite(project, f"insert into orders values ({number}, 1, '2026-01-0{number - 498}', '2026-02-03')")
        generation, _ = again(project, due={"daily"})
    assert done(generation, "slow")[0] == "carried over"
    assert rows(generation.path, "select sum(n) from slow") == [(200,)]
    assert rows(generation.path, "select periods from pacelayer.pending") == [(["2026-01-02", "2026-01-03"],)]
    generation, _ = again(project, due={"slow"})
    assert done(generation, "slow")[0] == "delta"
    assert rows(generation.path, "select sum(n) from slow") == [(202,)]


def test_records_are_kept_over_generations(tmp_path: Path) -> None:
    """What each refresh did."""
    project = shop(tmp_path)
    generation, _ = again(project, full=True)
    counted = "select number, count(*) from pacelayer.builds group by all order by all"
    assert rows(generation.path, counted) == [(1, 2), (2, 2)]


@pytest.mark.parametrize(("written", "mode"), [(39, "delta"), (40, "full")])
def test_a_large_table_of_which_much_was_written_is_read_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int, mode: str
) -> None:
    """From more than a fifth on, the last of those seen before among them; the source counts them first."""
    monkeypatch.setattr(delta, "LARGE", 10)
    project = shop(tmp_path, CHANGED, ORDERS + "update orders set changed = date('2025-01-01', id || ' days');")
    run_sqlite(project, f"update orders set amount = 7, changed = '2026-02-01' where id <= {written}")
    generation, _ = again(project)
    assert done(generation, "shop.orders")[0] == mode
    assert rows(generation.path, "select count(*) from shop.orders where amount = 7") == [(written,)]


CHAIN = """
create table o (id integer primary key, cal integer not null, amt integer not null);
create table r (id integer primary key, oid integer not null, cal integer not null);
create table c (id integer primary key, day date not null);
insert into o values (1, 1, 10), (2, 2, 20);
insert into r values (1, 1, 2);
insert into c values (1, '2026-01-01'), (2, '2026-01-02'), (3, '2026-01-03');
"""


KEYED = "".join(f'[sources.shop.tables.{name}]\nchanged = "id"\n' for name in "orc")


@pytest.mark.parametrize("harm", ["delete from r", "delete from r; insert into r values (2, 2, 99)"])
def test_a_join_behind_an_optional_table_has_the_metric_computed_in_full(tmp_path: Path, harm: str) -> None:
    """A row without the optional table's takes part in other rows of the later one."""
    sql = (
        "select c.day, sum(o.amt) as amt from shop.o o left join shop.r r on r.oid = o.id "
        "join shop.c c on c.id = coalesce(r.cal, o.cal) group by all"
    )
    project = make_project(tmp_path / "shop", CHAIN, {"chain": sql}, KEYED)
    again(project)
    run_sqlite(project, harm)
    found, expected = both_ways(project, "from chain order by all")
    assert found == expected
