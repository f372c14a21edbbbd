"""A large table of PostgreSQL is read by several connections at once: the same rows as by one, whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from snapshot.errors import SourceUnavailable
from snapshot.settings import SourceSettings
from snapshot.source import Changing, Counts, TableShape, open_source
from snapshot.source.postgres import parts
from tests.servers import run, written

ROWS = 30_000
DEEDS = (
    "create table deeds (id bigint primary key, note text)",
    f"insert into deeds select i, md5(i::text) from generate_series(1, {ROWS}) i",
    # Blocks that no row is in, rows that are further behind than others of their age, and those that never came.
    "delete from deeds where id between 4000 and 9000",
    "vacuum deeds",
    "update deeds set note = 'later' where id % 100 = 7",
    f"insert into deeds select i, 'late' from generate_series({ROWS} + 1, {ROWS} + 900) i",
    f"begin; insert into deeds values ({ROWS} + 1000, 'never'); rollback",
)
WRITES = (
    "update deeds set note = 'changed' where id % 3 = 0",
    "delete from deeds where id % 5 = 0",
    f"insert into deeds select i, 'new' from generate_series({ROWS} + 2000, {ROWS} + 9000) i",
    "vacuum deeds",
    "analyze deeds",
)


@pytest.fixture
def deeds(postgres: sqlalchemy.URL, monkeypatch: pytest.MonkeyPatch) -> sqlalchemy.URL:
    """A table that is large for once, on a machine of many cores."""
    run(postgres, *DEEDS)
    monkeypatch.setattr(parts, "LARGE_BLOCKS", 8)
    monkeypatch.setattr(parts, "PART_BLOCKS", 7)
    monkeypatch.setattr(parts, "wanted", lambda: 3)
    return postgres


def nothing() -> None:
    """What happens while nothing does."""


def read(
    url: sqlalchemy.URL,
    *,
    most: bool,
    meanwhile: Callable[[], object] = nothing,
    where: str = "true",
    limit: int = 60,
    role: str | None = None,
) -> tuple[list[Any], int]:
    """The rows as they come, and the sessions that read them. Something happens once the first of them are there."""
    source = open_source(
        SourceSettings("shop", written(url.set(username=role or url.username)), read_limit=limit), Path()
    )
    columns = source.shapes()["deeds"].columns
    found: list[Any] = []
    with source.read(["deeds"]) as reading:
        assert isinstance(reading, Changing)
        with reading.rows("deeds", TableShape(columns, ("id",)), where, most=most) as batches:
            for batch in batches:
                if not found:
                    sessions = readers(url)
                    meanwhile()
                found += [(row["id"], row["note"]) for row in batch.to_pylist()]
    return found, sessions


def readers(url: sqlalchemy.URL) -> int:
    """The sessions of an export."""
    sql = "select count(*) from pg_stat_activity where application_name = 'pacelayer' and datname = current_database()"
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        return int(connection.exec_driver_sql(sql).scalar_one())


def test_several_connections_read_the_rows_of_one_in_their_order(deeds: sqlalchemy.URL) -> None:
    """Each row once, those of the last block included."""
    alone, one = read(deeds, most=False)
    together, three = read(deeds, most=True)
    assert (one, three) == (1, 3)
    assert together == alone
    assert len(together) == ROWS + 900 - 5001


def test_what_others_write_meanwhile_is_not_seen_by_any_of_them(deeds: sqlalchemy.URL) -> None:
    """All of them see what the first one saw when it began, however long ago that is."""
    alone, _ = read(deeds, most=False)
    together, sessions = read(deeds, most=True, meanwhile=lambda: run(deeds, *WRITES))
    assert sessions == 3
    assert together == alone
    assert read(deeds, most=True)[0] != alone


def test_as_many_connections_read_everything_as_can_be_had(deeds: sqlalchemy.URL) -> None:
    """A role that may have two connections only is no reason to fail."""
    role = f"pair_{(deeds.database or '')[-6:]}"
    run(deeds, f"create role {role} login connection limit 2", f"grant select on deeds to {role}")
    try:
        found, sessions = read(deeds, most=True, role=role)
        assert (len(found), sessions) == (ROWS + 900 - 5001, 2)
    finally:
        run(deeds, f"drop owned by {role}", f"drop role {role}")


def test_a_role_that_may_read_some_columns_only_is_not_asked_where_they_lie(deeds: sqlalchemy.URL) -> None:
    """To see that takes the right to the whole table."""
    role = f"some_{(deeds.database or '')[-6:]}"
    run(deeds, f"create role {role} login", f"grant select (id, note) on deeds to {role}")
    try:
        source = open_source(SourceSettings("shop", written(deeds.set(username=role))), Path())
        with source.read(["deeds"]) as reading:
            assert isinstance(reading, Changing)
            assert reading.counts("deeds", "id < 9", "id = 2") == Counts(8, 1, 0, "1 = 1")
    finally:
        run(deeds, f"drop owned by {role}", f"drop role {role}")


def test_whoever_waits_for_the_table_is_not_waited_for(deeds: sqlalchemy.URL) -> None:
    """Behind the lock of the first connection somebody wants to alter the table, and would hold up the others."""
    alone, _ = read(deeds, most=False)
    source = open_source(SourceSettings("shop", written(deeds)), Path())
    columns = source.shapes()["deeds"].columns
    engine = sqlalchemy.create_engine(deeds, poolclass=sqlalchemy.NullPool)
    with source.read(["deeds"]) as reading, engine.connect() as other:
        assert isinstance(reading, Changing)
        plain = other.connection.dbapi_connection
        assert plain is not None
        waiting = plain.pgconn  # it is sent and not waited for
        waiting.send_query(b"alter table deeds add column more text")
        while not waits(deeds):
            waiting.flush()
        with reading.rows("deeds", TableShape(columns, ("id",)), most=True) as batches:
            found = [(row["id"], row["note"]) for batch in batches for row in batch.to_pylist()]
    assert found == alone


def waits(url: sqlalchemy.URL) -> bool:
    """Whether somebody waits for a lock."""
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        sql = "select count(*) from pg_locks where not granted and relation = 'deeds'::regclass"
        return int(connection.exec_driver_sql(sql).scalar_one()) > 0


def test_a_read_that_takes_too_long_is_ended_in_all_of_them(deeds: sqlalchemy.URL) -> None:
    """The limit is one for the whole of it, not one for each part."""
    with pytest.raises(SourceUnavailable, match=r"read_limit|timeout"):
        read(deeds, most=True, where="pg_sleep(0.001) is not null", limit=1)


def end_the_others(url: sqlalchemy.URL) -> None:
    """An administrator ends two of the three sessions."""
    ours = "application_name = 'pacelayer' and datname = current_database()"
    run(
        url,
        f"select pg_terminate_backend(pid) from pg_stat_activity where {ours} and pid <> "
        f"(select pid from pg_stat_activity where {ours} order by backend_start limit 1)",
    )


def test_a_connection_that_is_lost_ends_the_read(deeds: sqlalchemy.URL) -> None:
    """Its part is not left out."""
    with pytest.raises(SourceUnavailable):
        read(deeds, most=True, meanwhile=lambda: end_the_others(deeds))


def test_a_reader_who_gives_up_leaves_no_session(deeds: sqlalchemy.URL) -> None:
    """Whatever the others have ready is thrown away."""

    def give_up() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read(deeds, most=True, meanwhile=give_up)
    assert readers(deeds) == 0


def test_a_look_tells_where_the_rows_lie_that_it_counts(deeds: sqlalchemy.URL) -> None:
    """All of them, and little else: no other blocks need be read for them."""
    (alone, _), some = read(deeds, most=False), "id between 20010 and 20059"
    with open_source(SourceSettings("shop", written(deeds)), Path()).read(["deeds"]) as reading:
        assert isinstance(reading, Changing)
        counts = reading.counts("deeds", "true", some)
        run(deeds, *WRITES)  # others may do what they want: it is of the same moment
        there = reading.count("deeds", f"{some} and {counts.within}")
        around = reading.count("deeds", counts.within)
    assert (counts.rows, counts.among, there) == (len(alone), 50, 50)
    assert around < len(alone) / 10


@pytest.mark.parametrize("among", ["id < 0", "null"])
def test_a_look_that_counts_none_tells_nothing_of_where_they_lie(deeds: sqlalchemy.URL, among: str) -> None:
    """A condition that is unknown of a row is not fulfilled."""
    with open_source(SourceSettings("shop", written(deeds)), Path()).read(["deeds"]) as reading:
        assert isinstance(reading, Changing)
        assert reading.counts("deeds", "id <= 10", among, "id") == Counts(10, 0, 55)
