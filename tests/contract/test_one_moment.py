"""PostgreSQL, MariaDB and SQLite while others write: all tables of a snapshot are of one moment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy

from snapshot.errors import SourceUnavailable
from snapshot.events import Event, TableExported
from snapshot.settings import SourceSettings
from snapshot.source import open_source
from tests.servers import run, written

from .sources import SERVER_VAULT, VAULT_METRICS, make_project, publish, rows
from .sources import VAULT as SQLITE_VAULT

REFRESHES = int(os.environ.get("PACELAYER_TEST_REFRESHES", "15"))
# Another process, as in life. It moves money between the tables, one unit in a transaction, for ever or so often.
WRITER = """
import itertools, sys, sqlalchemy
engine = sqlalchemy.create_engine(sys.argv[1])
with engine.connect() as connection:
    for _ in range(int(sys.argv[2])) if len(sys.argv) > 2 else itertools.count():
        with connection.begin():
            connection.exec_driver_sql("update accounts set amount = amount - 1 where id = 1")
            connection.exec_driver_sql("update vault set amount = amount + 1")
"""


def write(url: sqlalchemy.URL, *times: str) -> subprocess.Popen[bytes]:
    """A writer at work."""
    return subprocess.Popen([sys.executable, "-c", WRITER, url.render_as_string(hide_password=False), *times])


SUMS = "select (select sum(amount) from shop.accounts), (select sum(amount) from shop.vault)"


def test_all_tables_are_of_one_moment_while_others_write(vault: sqlalchemy.URL, vault_project: Path) -> None:
    """Money moves between the tables, fifty times and for good, after the first of them is read."""

    def move(event: Event) -> None:
        if isinstance(event, TableExported) and event.position == 1:
            assert write(vault, "50").wait(60) == 0

    assert rows(publish(vault_project, move).path, SUMS) == [(1000, 1000)]
    assert rows(publish(vault_project).path, SUMS) == [(950, 1050)]


def test_no_snapshot_breaks_the_sum_while_a_writer_never_rests(vault: sqlalchemy.URL, vault_project: Path) -> None:
    """Thirty of them, each of another moment."""
    writer = write(vault)
    try:
        sums = [rows(publish(vault_project).path, SUMS)[0] for _ in range(REFRESHES)]
    finally:
        writer.kill()
        writer.wait()
    assert {a + b for a, b in sums} == {2000}
    assert len(set(sums)) > REFRESHES / 3, "the writer did not write"


def test_no_snapshot_of_sqlite_breaks_the_sum_while_a_writer_never_rests(tmp_path: Path) -> None:
    """Thirty of them, each of another moment."""
    project = make_project(tmp_path / "project", f"pragma journal_mode = wal; {SQLITE_VAULT}", VAULT_METRICS)
    writer = write(sqlalchemy.make_url(f"sqlite:///{project}/shop.sqlite"))
    try:
        sums = [rows(publish(project).path, SUMS)[0] for _ in range(REFRESHES)]
    finally:
        writer.kill()
        writer.wait()
    assert {a + b for a, b in sums} == {2000}
    assert len(set(sums)) > REFRESHES / 3, "the writer did not write"


def test_as_of_is_the_clock_of_the_source(vault: sqlalchemy.URL, vault_project: Path) -> None:
    """Within the second in which it was read."""
    path = publish(vault_project).path
    ((before, as_of),) = rows(path, "select s.built_at, o.as_of from pacelayer.snapshot s, pacelayer.sources o")
    assert abs((before - as_of).total_seconds()) < 60


EXCHANGES = {
    "emptied": ("truncate table vault",),
    "exchanged": ("alter table vault rename to old", "alter table other rename to vault"),
    "gone": ("drop table vault",),
}
PATIENCE = {"postgresql": "set lock_timeout = '300ms'", "mysql": "set lock_wait_timeout = 1"}


@pytest.mark.parametrize("change", EXCHANGES)
def test_a_table_cannot_be_exchanged_while_others_are_read(vault: sqlalchemy.URL, change: str) -> None:
    """No snapshot heeds that: whoever wants it waits for us, who might else read another table as of another moment."""
    run(vault, "create table other (id bigint primary key, amount bigint not null)")
    found = open_source(SourceSettings("shop", written(vault)), Path())
    with (
        found.read(["accounts", "vault"]),
        pytest.raises(sqlalchemy.exc.OperationalError, match=r"(?i)lock (wait )?timeout"),
    ):
        run(vault, PATIENCE[vault.get_backend_name()], *EXCHANGES[change])


def test_a_materialised_view_that_is_refreshed_while_others_are_read_fails_the_read(postgres: sqlalchemy.URL) -> None:
    """It cannot be locked; read afterwards, it would be of a later moment than the rest."""
    run(postgres, *SERVER_VAULT, "create materialized view sums as select sum(amount) as amount from vault")
    run(postgres, "create view shown as select amount from sums")
    found = open_source(SourceSettings("shop", written(postgres)), Path())
    with pytest.raises(SourceUnavailable, match="sums was refreshed"), found.read(["vault", "shown"]):
        run(postgres, "update vault set amount = 5", "refresh materialized view sums")
    with found.read(["vault", "shown"]):
        pass
