"""What is not published: a failed check keeps the old snapshot, and a file no bytes of what was withdrawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from snapshot.errors import CheckFailed
from snapshot.export import copying
from snapshot.store import Store

from .changing import CHANGED, DAILY, ORDERS, again, shop
from .sources import SETTINGS, check, make_project, run_sqlite

FAILING = {
    "-- @test amount < 1000": (
        "update orders set amount = 5000, changed = '2026-02-02' where id = 9",
        "the test 'amount < 1000' of line 1 does not hold (1 row: day = 2026-01-10)",
    ),
    "-- @test rows >= 0.5 * previous": (
        "delete from orders where placed > '2026-01-03'",
        "the test 'rows >= 0.5 * previous' of line 1 does not hold: it has 3 rows, and had 50",
    ),
}


@pytest.mark.parametrize("test", FAILING)
def test_a_failed_check_names_the_rows_and_keeps_the_old_snapshot(tmp_path: Path, test: str) -> None:
    """Up to ten of them."""
    project = shop(tmp_path)
    (project / "metrics" / "daily.sql").write_text(f"{test}\n{DAILY['daily']}")
    again(project)
    harm, words = FAILING[test]
    run_sqlite(project, harm)
    with pytest.raises(CheckFailed) as caught:
        again(project)
    assert words in str(caught.value)
    assert Store(project / "snapshots", keep=5).current().number == 2


def test_a_test_that_cannot_be_judged_is_one_that_does_not_hold(tmp_path: Path) -> None:
    """With DuckDB's reason, beside the others that do not."""
    project = shop(tmp_path)
    tests = "-- @test 1 // (amount - 160) = 0\n-- @test amount < 200\n-- @test rows // (rows - 50) > 0\n"
    (project / "metrics" / "daily.sql").write_text(tests + DAILY["daily"].replace("sum(amount)", "max(amount)::int"))
    with pytest.raises(CheckFailed) as caught:
        again(project)
    said = "metrics/daily.sql: the test '{}' of line {} does not hold"
    for problem, words in zip(
        caught.value.problems,
        (
            said.format("1 // (amount - 160) = 0", 1) + ": it fails on today's data: Invalid Input Error: Division by",
            said.format("amount < 200", 2) + " (1 row: day = ",
            said.format("rows // (rows - 50) > 0", 3) + ": Invalid Input Error: Division by zero",
        ),
        strict=True,
    ):
        assert problem.startswith(words)


@pytest.mark.parametrize("changed", ["", "update orders set amount = 2, changed = '2026-02-02 00:00:00' where id = 1"])
def test_a_source_that_gets_no_new_rows_any_more_fails_the_check(tmp_path: Path, changed: str) -> None:
    """Also where nothing is published because nothing changed."""
    project = shop(tmp_path)
    settings = project / "pacelayer.toml"
    settings.write_text(settings.read_text() + 'max_source_age = "1h"\n')
    run_sqlite(project, changed)
    with pytest.raises(
        CheckFailed, match=r"the newest row of shop.orders is of 2026-02-0\d .*max_source_age is 3600 s"
    ):
        again(project)


SECRETS = """
create table people (id integer primary key, mail text not null, plan text not null);
insert into people select value, 'secret-' || value || '@example.org', 'p' || value % 3
from (with recursive n(value) as (select 1 union all select value + 1 from n where value < 900) select value from n);
"""


PEOPLE = {
    "plans": "select plan, count(*) as n from shop.people group by all",
    "hidden": "select id, 'hidden-' || id || '@example.org' as mail from shop.people",
}


SHOWN = '[sources.shop.tables.people]\ncolumns = ["mail"]\n'


# What the project says after it, which metrics it does without then, and what is not to be seen any more.
WITHDRAWN: dict[str, tuple[str, tuple[str, ...], bytes]] = {
    "a table that is private now": (SHOWN + "private = true\n", (), b"secret-1@"),
    "a column that is excluded now": ('[sources.shop.tables.people]\nexclude = ["mail"]\n', (), b"secret-1@"),
    "a table that no metric reads any more": ("", ("plans", "hidden"), b"secret-1@"),
    "a metric that is gone": (SHOWN, ("hidden",), b"hidden-1@"),
}


@pytest.mark.parametrize("what", WITHDRAWN)
def test_a_file_keeps_no_bytes_of_what_was_withdrawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """What is dropped from a copied file stays in it until something else is written there."""
    monkeypatch.setattr(copying, "COPIED", 0)
    monkeypatch.setattr(copying, "GROWTH", 100)
    settings, without, secret = WITHDRAWN[what]
    project = make_project(tmp_path / "shop", ORDERS + SECRETS, {**DAILY, **PEOPLE}, CHANGED + SHOWN)
    assert secret in again(project)[0].path.read_bytes()
    (project / "pacelayer.toml").write_text(SETTINGS + CHANGED + settings)
    for name in without:
        (project / "metrics" / f"{name}.sql").unlink()
    check(project)
    generation, _ = again(project)
    assert generation.number == 2
    assert secret not in generation.path.read_bytes()
