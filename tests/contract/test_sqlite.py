"""A SQLite file as a source: it is only read, at one moment, and never as something else."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from snapshot.errors import PacelayerError, SourceChanged, SourceUnavailable, SourceValueError
from snapshot.events import Event, TableExported
from snapshot.store import Store

from ..projects import pacelayer
from .sources import VAULT, VAULT_METRICS, make_project, publish, rows, run_sqlite


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two tables of which 2,000 is the sum, and a metric of each."""
    return make_project(tmp_path / "project", VAULT, VAULT_METRICS)


def generations(project: Path) -> int:
    """How many are published."""
    return len(Store(project / "snapshots", keep=5).generations())


# Another process, as in life: two copies of SQLite in one process take each other's locks away.
WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
for _ in range(50):
    with connection:
        connection.execute("update accounts set amount = amount - 1 where id = 1")
        connection.execute("update vault set amount = amount + 1")
"""


def test_all_tables_are_of_one_moment_while_others_write(project: Path) -> None:
    """Money moves between the tables, fifty times and for good, after the first of them is read."""
    run_sqlite(project, "pragma journal_mode = wal")

    def move(event: Event) -> None:
        if isinstance(event, TableExported) and event.position == 1:
            subprocess.run([sys.executable, "-c", WRITER, str(project / "shop.sqlite")], check=True)

    sql = "select (select sum(amount) from shop.accounts), (select sum(amount) from shop.vault)"
    assert rows(publish(project, move).path, sql) == [(1000, 1000)]
    assert rows(publish(project).path, sql) == [(950, 1050)]


def test_a_source_is_not_changed_by_an_export(project: Path) -> None:
    """Not a byte, and no file appears beside it."""
    before = (project / "shop.sqlite").read_bytes()
    publish(project)
    assert (project / "shop.sqlite").read_bytes() == before
    assert list(project.glob("shop.sqlite*")) == [project / "shop.sqlite"]


def test_a_source_that_may_only_be_read_is_exported(project: Path) -> None:
    """The refresher needs no right to write to it."""
    (project / "shop.sqlite").chmod(0o444)
    assert rows(publish(project).path, "from stored") == [(1000,)]


def test_a_source_that_is_missing_is_unavailable_and_is_not_created(project: Path) -> None:
    """SQLite itself would make an empty database of that name."""
    (project / "shop.sqlite").unlink()
    with pytest.raises(SourceUnavailable, match=r"there is no file shop\.sqlite"):
        publish(project)
    assert not (project / "shop.sqlite").exists()
    assert generations(project) == 0


def test_a_source_in_a_folder_that_is_missing_is_unavailable(project: Path) -> None:
    """The same, one level up."""
    settings = project / "pacelayer.toml"
    settings.write_text(settings.read_text().replace("///shop.sqlite", "///gone/shop.sqlite"))
    with pytest.raises(SourceUnavailable):
        publish(project)
    assert not (project / "gone").exists()


GARBAGE: dict[str, Callable[[bytes], bytes]] = {
    "text": lambda content: b"not a database" * len(content),
    "empty": lambda content: content[:0],
    "cut in half": lambda content: content[: len(content) // 2],
    "overwritten in the middle": lambda content: content[:4096] + bytes(4096) + content[8192:],
}


@pytest.mark.parametrize("what", GARBAGE)
def test_a_source_that_is_damaged_is_an_error_and_the_old_snapshot_stays(project: Path, what: str) -> None:
    """It is said of the source; nothing new is published."""
    path = publish(project).path
    source = project / "shop.sqlite"
    source.write_bytes(GARBAGE[what](source.read_bytes()))
    with pytest.raises((SourceUnavailable, SourceChanged)):
        publish(project)
    assert Store(project / "snapshots", keep=5).current().path == path
    assert generations(project) == 1


def test_a_source_that_breaks_off_while_a_table_is_read_is_unavailable(project: Path) -> None:
    """Its tables are as they were, and the rows end in a page of zeros: not a row of the table is published."""
    many = "with recursive n(i) as (select 2 union all select i + 1 from n where i < 9999)"
    run_sqlite(project, f"insert into vault {many} select i, 1, 'below' from n")
    source = project / "shop.sqlite"
    content = source.read_bytes()
    source.write_bytes(content[: len(content) // 2] + bytes(8192) + content[len(content) // 2 + 8192 :])
    with pytest.raises(SourceUnavailable, match=r"malformed"):
        publish(project)
    assert generations(project) == 0


def test_a_source_that_somebody_holds_alone_is_unavailable(project: Path) -> None:
    """It waits some seconds for the other to finish, then gives up, and the refresher tries again later."""
    with closing(sqlite3.connect(project / "shop.sqlite")) as writer:
        writer.execute("begin exclusive")
        with pytest.raises(SourceUnavailable, match="locked"):
            publish(project)
    assert generations(project) == 0
    assert rows(publish(project).path, "from stored") == [(1000,)]


REPLACE = "drop table vault; create table vault (id integer primary key, amount"
CHANGES = {
    "alter table vault rename to safe": "table 'shop.vault' is gone",
    "alter table vault rename column amount to total": "column 'shop.vault.amount' is gone",
    "drop table vault": "table 'shop.vault' is gone",
    f"{REPLACE} text not null)": "was BIGINT NOT NULL and is VARCHAR NOT NULL",
    f"{REPLACE} integer)": "was BIGINT NOT NULL and is BIGINT;",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_source_whose_tables_have_changed_is_refused_with_what_changed(project: Path, change: str) -> None:
    """Never a column of nulls, never numbers that have become text."""
    publish(project)
    run_sqlite(project, change)
    with pytest.raises(SourceChanged, match=re.escape(CHANGES[change])):
        publish(project)
    assert generations(project) == 1


def test_every_change_of_a_source_is_said_at_once(project: Path) -> None:
    """Whoever mends it need not come back for the next."""
    run_sqlite(project, "alter table vault rename to safe; alter table accounts rename column owner to holder")
    with pytest.raises(SourceChanged, match=r"'shop\.accounts\.owner' is gone, .*'shop\.vault' is gone"):
        publish(project)


def test_what_no_metric_reads_may_change(project: Path) -> None:
    """A new table, a new column, a column that is gone and was not used."""
    run_sqlite(
        project,
        "create table other (id integer); alter table vault add column more text; alter table vault drop column note",
    )
    assert rows(publish(project).path, "from stored") == [(1000,)]


def test_the_exit_codes_of_the_command_line_tell_what_is_wrong_with_a_source(project: Path) -> None:
    """Unavailable, changed, a bad value: each has its own, and says so without a stack."""
    wrong: dict[type[PacelayerError], str] = {
        SourceValueError: "update vault set amount = 'much'",
        SourceChanged: "drop table vault",
    }
    for error, change in wrong.items():
        run_sqlite(project, change)
        ended = pacelayer(project, "refresh", check=False)
        assert ended.returncode == error.exit_code
        assert "Traceback" not in ended.stderr
    (project / "shop.sqlite").unlink()
    assert pacelayer(project, "refresh", check=False).returncode == SourceUnavailable.exit_code
