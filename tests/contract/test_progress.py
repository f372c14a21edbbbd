"""How far an export has come: rows, of how many by the source's statistics, and how long the others take."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy

from snapshot.events import Event, RowsRead, TableExported
from terminal import refresh_observer, rows_in_words
from tests.servers import run

from .sources import VAULT, VAULT_METRICS, make_project, publish, run_sqlite

ANALYSE = {"postgresql": "analyze", "mysql": "analyze table accounts, vault"}


def told(project: Path) -> dict[str, tuple[int, int]]:
    """Of each table that a refresh reads as a whole: the rows that came, and those that were expected."""
    said: list[Event] = []
    publish(project, said.append)
    return {event.table: (event.rows, event.expected) for event in said if isinstance(event, RowsRead)}


def test_a_server_says_how_many_rows_are_to_come(vault: sqlalchemy.URL, vault_project: Path) -> None:
    """By what it plans with, which costs nothing to ask."""
    run(vault, "insert into vault values (2, 0, 'empty'), (3, 0, 'empty')", ANALYSE[vault.get_backend_name()])
    assert told(vault_project) == {"shop.accounts": (2, 2), "shop.vault": (3, 3)}


def test_without_statistics_as_many_are_expected_as_there_were(tmp_path: Path) -> None:
    """A file of SQLite has none; at first nobody knows."""
    project = make_project(tmp_path / "project", VAULT, VAULT_METRICS)
    assert told(project) == {"shop.accounts": (2, 0), "shop.vault": (1, 0)}
    run_sqlite(project, "insert into vault values (2, 0, 'empty')")
    assert told(project) == {"shop.accounts": (2, 2), "shop.vault": (2, 1)}


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (RowsRead("shop.orders", 1_500_000, 6_000_000, 3.0), "1,500,000 rows, 500,000 a second, 0:00:09 left"),
        (RowsRead("shop.orders", 1_500_000, 0, 3.0), "1,500,000 rows, 500,000 a second"),
        (RowsRead("shop.orders", 7_000_000, 6_000_000, 3.5), "7,000,000 rows, 2,000,000 a second"),
        (RowsRead("shop.orders", 0, 6_000_000, 0.0), "0 rows, 0 a second"),
    ],
)
def test_what_a_terminal_says_of_it(event: RowsRead, words: str) -> None:
    """The remaining time only where the source has said how many there are, and they are not all there."""
    assert rows_in_words(event) == words


def test_json_has_a_line_for_each_table_and_none_for_its_batches(capsys: pytest.CaptureFixture[str]) -> None:
    """A step is a line."""
    with refresh_observer(as_json=True) as observe:
        observe(RowsRead("shop.orders", 1, 2, 0.5))
        observe(TableExported("shop.orders", 2, 1.0, 1, 1))
    assert [line.split('"')[3] for line in capsys.readouterr().out.splitlines()] == ["TableExported"]
