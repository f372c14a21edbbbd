"""`refresh` by hand: what it prints, and with which code it ends where it fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from snapshot import settings
from snapshot.errors import NoSnapshot
from snapshot.store import locked
from tests.projects import pacelayer

from .shops import COUNTED, ORDERS, Publisher, add_order, change, make_project
from .test_command_line import current, run


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project of twelve orders; nothing is published yet."""
    project = make_project(tmp_path / "shop", ORDERS, COUNTED)
    for _ in range(12):
        add_order(project)
    return project


def test_refresh_publishes_and_says_where(shop: Path) -> None:
    """The path of the new generation is all there is on standard output."""
    done = run(shop, "refresh")

    assert done.code == 0
    assert done.out == f"published {(shop / 'snapshots' / 'current.duckdb').resolve()}\n"
    assert current(shop).endswith("-000001")


def test_refresh_as_json_prints_one_line_for_each_event(shop: Path) -> None:
    """For a program that watches: what was exported, what was computed, what was published."""
    done = run(shop, "refresh", "--json")
    events = [json.loads(line) for line in done.out.splitlines()]

    assert [event["table"] for event in events if event["event"] == "TableExported"] == ["shop.orders"]
    assert [event["metric"] for event in events if event["event"] == "MetricComputed"] == ["latest", "sales"]
    assert next(event["step"] for event in events if event["event"] == "StepReached") == "locked"
    assert {"event": "Published", "number": 1, "id": current(shop)}.items() <= events[-1].items()


def test_refresh_as_json_tells_of_its_failure_last(shop: Path) -> None:
    """So that a program can tell it from an end without a word."""
    break_a_test(shop)

    events = [json.loads(line) for line in run(shop, "refresh", "--json").out.splitlines()]

    assert {"event": "RefreshFailed", "code": "CHECK_FAILED"}.items() <= events[-1].items()
    assert "orders > 100" in events[-1]["message"]


@pytest.mark.parametrize("code", ["PROJECT_INVALID", "LOCKED"])
def test_refresh_as_json_tells_of_a_failure_before_its_first_step(shop: Path, code: str) -> None:
    """Where the project cannot be read, or another process has the directory."""
    (shop / "snapshots").mkdir()
    if code == "LOCKED":
        with locked(shop / "snapshots"):
            (line,) = run(shop, "refresh", "--json").out.splitlines()
    else:
        break_the_project(shop)
        (line,) = run(shop, "refresh", "--json").out.splitlines()

    assert {"event": "RefreshFailed", "code": code}.items() <= json.loads(line).items()


def lose_source(shop: Path) -> None:
    """The source's file is not there."""
    (shop / "shop.sqlite").unlink()


def fill_source_with_garbage(shop: Path) -> None:
    """It is there and no database."""
    (shop / "shop.sqlite").write_bytes(b"garbage" * 1000)


def drop_column(shop: Path) -> None:
    """A column that a metric uses is gone."""
    change(shop, "alter table orders drop column amount")


def put_in_a_text(shop: Path) -> None:
    """SQLite takes a text for a number."""
    change(shop, "insert into orders (amount, created_at) values ('much', '2026-01-01 10:00:00')")


def fail_a_metric(shop: Path) -> None:
    """A SELECT that DuckDB takes fails on today's rows."""
    (shop / "metrics" / "latest.sql").write_text(
        "select ('x' || id)::integer as orders, id as last_id from shop.orders"
    )


def break_the_contract(shop: Path) -> None:
    """A field that clients know is not made any more."""
    assert run(shop, "schema").code == 0
    (shop / "metrics" / "latest.sql").write_text("select count(*) as orders from shop.orders")


def lose_all_rows(shop: Path) -> None:
    """A table that had many rows has none."""
    change(shop, "delete from orders")


def break_a_test(shop: Path) -> None:
    """What the metric says of its own rows does not hold."""
    (shop / "metrics" / "latest.sql").write_text(
        "-- @test orders > 100\nselect count(*) as orders, max(id) as last_id from shop.orders"
    )


@pytest.mark.parametrize(
    ("fault", "exit_code", "code", "words"),
    [
        (lose_source, 10, "SOURCE_UNAVAILABLE", "there is no file shop.sqlite"),
        (fill_source_with_garbage, 10, "SOURCE_UNAVAILABLE", "source 'shop' cannot be read"),
        (drop_column, 11, "SOURCE_CHANGED", "column 'shop.orders.amount' is gone"),
        (put_in_a_text, 12, "SOURCE_VALUE", "shop.orders.amount: the value 'much' at id = 13"),
        (fail_a_metric, 20, "METRIC_FAILED", "metrics/latest.sql: "),
        (break_the_contract, 21, "CHECK_FAILED", "LatestRow.lastId"),
        (lose_all_rows, 21, "CHECK_FAILED", "had 12 rows and has none now"),
        (break_a_test, 21, "CHECK_FAILED", "the test 'orders > 100' of line 1 does not hold"),
    ],
)
def test_a_refresh_that_fails_keeps_the_old_snapshot_and_says_why(
    shop: Path, fault: Callable[[Path], None], exit_code: int, code: str, words: str
) -> None:
    """Each kind of failure has an exit code of its own, and the status has the words for it."""
    Publisher(shop).publish()
    before = current(shop)
    fault(shop)

    done = run(shop, "refresh")

    assert (done.code, done.out) == (exit_code, "")
    assert words in done.err
    assert current(shop) == before
    failure = json.loads((shop / "snapshots" / "status.json").read_text())["last_failure"]
    assert failure["code"] == code
    assert words in failure["message"]


def test_refresh_publishes_a_table_without_rows_where_that_is_allowed(shop: Path) -> None:
    """Whoever emptied it on purpose says so."""
    Publisher(shop).publish()
    lose_all_rows(shop)

    assert run(shop, "refresh", "--allow-empty").code == 0
    assert current(shop).endswith("-000002")


def test_refresh_says_where_nothing_has_changed_and_publishes_all_the_same_when_told(shop: Path) -> None:
    """What is current is named either way."""
    Publisher(shop).publish()
    unchanged, anew = run(shop, "refresh"), run(shop, "refresh", "--full")

    assert unchanged.out.startswith("nothing has changed since ")
    assert "-000001.duckdb" in unchanged.out
    assert anew.out.startswith("published ")
    assert "-000002.duckdb" in anew.out


def test_a_project_is_the_same_to_every_process(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However a process orders its sets: none publishes, where nothing has changed since another one did."""
    (shop / "metrics" / "days.sql").write_text(
        "select created_at::date as day, max(id) as last, count(*) as n, sum(amount) as amount "
        "from shop.orders group by all"
    )
    run(shop, "check")
    for seed in "12345":
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        pacelayer(shop, "refresh")
    assert current(shop).endswith("-000001")


def test_a_dry_run_says_what_would_be_read(shop: Path) -> None:
    """And of which metrics how much would be computed; nothing is done."""
    (shop / "pacelayer.toml").write_text(
        (shop / "pacelayer.toml").read_text() + "[sources.shop.tables.orders]\nappend_only = true\n"
    )
    Publisher(shop).publish()
    (shop / "metrics" / "new.sql").write_text("select id, now() as at from shop.orders")
    run(shop, "check")
    done = run(shop, "refresh", "--dry-run", "--json")

    assert json.loads(done.out) == {
        "shop.orders": "rows by id, from 600 before the last that was seen; all keys where rows are missing",
        "latest": "all of it, where its tables have changed",
        "new": "all of it: it is not there as it is now",
        "sales": "the periods of day that changed rows touch",
    }
    assert current(shop).endswith("-000001")


def test_refresh_gives_way_to_a_refresher_at_work(shop: Path) -> None:
    """One at a time; it names the process that is in the way."""
    with locked(settings.load(shop).directory):
        done = run(shop, "refresh")

    assert done.code == 30
    assert "another refresher (process " in done.err


def test_a_dry_run_of_everything_says_that_it_was_asked_for(shop: Path) -> None:
    """There may be a snapshot to go on from."""
    Publisher(shop).publish()
    done = run(shop, "refresh", "--dry-run", "--full", "--json")
    words = "all of it: --full was asked for"
    assert json.loads(done.out) == {"shop.orders": words, "latest": words, "sales": words}


def test_a_failure_before_the_first_snapshot_is_in_the_status(shop: Path) -> None:
    """There is nothing else to show, and the exit code says so."""
    break_the_project(shop)
    assert run(shop, "refresh").code == 2
    done = run(shop, "status", "--json")
    assert done.code == NoSnapshot.exit_code
    said = json.loads(done.out)
    assert (said["snapshot"], said["failures_since"]) == (None, 1)
    assert "PROJECT_INVALID: " in said["last_failure"]
    assert "PROJECT_INVALID: " in run(shop, "status").out


def break_the_project(project: Path) -> None:
    """A metric that nobody can read."""
    (project / "metrics" / "broken.sql").write_text("selct 1")


def test_a_refresh_by_hand_tells_of_the_first_failure_of_a_row(shop: Path) -> None:
    """As the refresher does, and of one that is mended and comes again."""
    toml, told = shop / "pacelayer.toml", shop / "told"
    toml.write_text(f'on_failure = "echo $PACELAYER_CODE | tee -a {told}"\n{toml.read_text()}')
    broken = shop / "metrics" / "broken.sql"
    for _ in range(2):
        break_the_project(shop)
        first, second = run(shop, "refresh"), run(shop, "refresh")
        assert (first.code, second.code, first.out) == (2, 2, "")
        broken.unlink()
        assert run(shop, "refresh").code == 0
    assert told.read_text().split() == ["PROJECT_INVALID", "PROJECT_INVALID"]
