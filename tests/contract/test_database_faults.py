"""A server that is down, changed, impatient or slow: told plainly, and the old snapshot stays."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy

from snapshot.errors import Overdue, SourceChanged, SourceUnavailable
from snapshot.events import Event, TableExported
from tests.servers import run, written

from .sources import check, generations, publish, set_url

SECRET = "correct-horse"  # noqa: S105  it opens nothing


def test_a_server_that_is_down_is_unavailable_and_its_password_is_not_said(
    vault_project: Path, vault: sqlalchemy.URL
) -> None:
    """The old snapshot stays."""
    publish(vault_project)
    set_url(vault_project, written(vault.set(port=1, username="shop", password=SECRET)))
    with pytest.raises(SourceUnavailable) as raised:
        publish(vault_project)
    assert SECRET not in str(raised.value)
    assert generations(vault_project) == 1


CHANGES = {
    "alter table vault rename to safe": "table 'shop.vault' is gone",
    "alter table vault rename column amount to total": "column 'shop.vault.amount' is gone",
    "alter table vault add column more int": "",
    "drop table vault": "table 'shop.vault' is gone",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_source_is_noticed_before_it_is_read(
    vault: sqlalchemy.URL, vault_project: Path, change: str
) -> None:
    """What no metric uses may change."""
    publish(vault_project)
    run(vault, change)
    if not CHANGES[change]:
        publish(vault_project)
        return
    with pytest.raises(SourceChanged, match=CHANGES[change]):
        publish(vault_project)
    assert generations(vault_project) == 1


KILL = {
    "postgresql": "select pg_terminate_backend(pid) from pg_stat_activity "
    "where application_name = 'pacelayer' and datname = current_database()",
    "mysql": "begin not atomic for c in (select id from information_schema.processlist where db = database() "
    "and id <> connection_id()) do kill c.id; end for; end",
}


def test_a_read_that_the_server_ends_fails_the_refresh_and_keeps_the_old_snapshot(
    vault: sqlalchemy.URL, vault_project: Path
) -> None:
    """An administrator who ends our session is obeyed; the next refresh heals."""
    publish(vault_project)

    def kill(event: Event) -> None:
        if isinstance(event, TableExported) and event.position == 1:
            run(vault, KILL[vault.get_backend_name()])

    with pytest.raises(SourceUnavailable):
        publish(vault_project, kill)
    assert generations(vault_project) == 1
    run(vault, "insert into vault values (2, 1, 'more')")
    publish(vault_project)
    assert generations(vault_project) == 2


@pytest.mark.parametrize(("of_source", "of_refresh"), [("1s", "1h"), ("1h", "1s")])
def test_a_read_that_takes_too_long_is_ended(
    vault: sqlalchemy.URL, vault_project: Path, of_source: str, of_refresh: str
) -> None:
    """A table that never ends: the server is not held for longer than the vault_project allows."""
    slow = {
        "postgresql": "create view endless as select 1 as id, pg_sleep(60)::text as waited",
        "mysql": "create view endless as select 1 as id, sleep(60) as waited",
    }
    run(vault, slow[vault.get_backend_name()])
    set_url(vault_project, written(vault), f'read_limit = "{of_source}"')
    with (vault_project / "pacelayer.toml").open("a") as toml:
        toml.write(f'time_limit = "{of_refresh}"\n')
    (vault_project / "metrics" / "held.sql").write_text("select count(*) as n, max(waited) as waited from shop.endless")
    check(vault_project)
    with pytest.raises(SourceUnavailable if of_source == "1s" else Overdue) as caught:
        publish(vault_project)
    assert not {"nanoarrow", "DuckDB", "ADBC"} & set(str(caught.value).split())
    assert generations(vault_project) == 0
