"""`check` and `schema`: everything that is wrong with a project, at once and with its place; and nothing secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .shops import COUNTED, ORDERS, make_project
from .test_command_line import run

BROKEN = {
    "pacelayer.toml": """\
name = "A"
space = "5m"
[sources.shop]
url = "sqlite:///shop.sqlite"
[sources.past]
url = "sqlite:///${NO_SUCH_VARIABLE}.sqlite"
[sources.shop.tables.ordres]
private = true
[sources.shop.tables.orders]
columns = ["amuont"]
[server]
port = "x"
""",
    "metrics/a.sql": """\
select
  count(*) as orders,
  sum(amuont) as revenue,
  max(creatd_at) as last
from shop.orders
""",
    "metrics/b.sql": "-- @pase 5m\nselect count(*) as orders from shop.orders\n",
    "metrics/c.sql": "select count(*) as orders\nform shop.orders\n",
    "metrics/d.sql": "select count(*) as orders from shop.odrers\n",
    "metrics/e.sql": "select id,\n  [interval 1 day] as waited\nfrom shop.orders\n",
}
PLACES = {
    ("pacelayer.toml", 2),
    ("pacelayer.toml", 6),
    ("pacelayer.toml", 7),
    ("pacelayer.toml", 10),
    ("pacelayer.toml", 12),
    ("metrics/a.sql", 3),
    ("metrics/a.sql", 4),
    ("metrics/b.sql", 1),
    ("metrics/c.sql", 2),
    ("metrics/d.sql", 1),
    ("metrics/e.sql", 2),
}


@pytest.fixture
def broken(shop: Path) -> Path:
    """A project with problems in four of its files."""
    for path, text in BROKEN.items():
        (shop / path).write_text(text)
    return shop


def test_check_tells_what_each_metric_is_and_why(shop: Path) -> None:
    """Grouped or plain."""
    done = run(shop, "check")

    assert done.code == 0
    assert done.out.splitlines() == [
        "latest: plain table: it has no GROUP BY",
        "  stored its rows: not built yet",
        "sales: grouped metric: it groups by day, exactly what it projects beside aggregates",
        "  any grouping is added up from its table",
        "  stored by day: not built yet",
    ]


def test_check_tells_how_many_values_each_stored_grouping_has(tmp_path: Path) -> None:
    """In the current generation, which is what the next one is expected to have."""
    days = ", ".join(f"({n}, 1, '202{n}-01-01 10:00:00')" for n in (5, 6, 7))
    shop = make_project(tmp_path / "shop", f"{ORDERS} insert into orders values {days};", COUNTED)
    (shop / "metrics" / "buyers.sql").write_text(
        "-- @rollup year\n"
        "select created_at::date as day, count(distinct amount) as buyers from shop.orders group by all"
    )
    assert run(shop, "check").code == 0
    assert run(shop, "schema", "--accept").code == 0
    assert run(shop, "refresh").code == 0

    found = json.loads(run(shop, "check", "--json").out)["metrics"]

    stored = next(metric["stored"] for metric in found if metric["name"] == "buyers")
    assert [(part["by"], part["cells"]) for part in stored][:2] == [(["day"], 6), (["year"], 6)]


def test_check_tells_which_groupings_are_computed_ahead_and_where_others_come_from(shop: Path) -> None:
    """For measures that cannot be added up, over tables that everybody may read and over private ones."""
    (shop / "metrics" / "latest.sql").write_text(
        "select created_at::date as day, count(distinct id) as ids from shop.orders group by all"
    )
    ahead = "  5 groupings are computed ahead for ids; others and filters"

    assert f"{ahead} come from the base tables" in run(shop, "check").out
    with (shop / "pacelayer.toml").open("a") as settings:
        settings.write("\n[sources.shop.tables.orders]\nprivate = true\n")
    assert f"{ahead} are refused" in run(shop, "check").out


def test_check_reports_all_problems_of_all_files_with_their_lines(broken: Path) -> None:
    """One run is enough to see everything."""
    done = run(broken, "check")

    assert done.code == 2
    places = {tuple(line.split(": ")[0].rsplit(":", 1)) for line in done.err.splitlines()}
    assert places == {(path, str(line)) for path, line in PLACES}


def test_check_says_what_was_probably_meant(broken: Path) -> None:
    """Whoever mistyped sees it at once."""
    said = run(broken, "check").err

    for word in ("pace", "orders", "amount", "@pace", "shop.orders"):
        assert f"did you mean {word}" in said.replace('"', "").replace("'", "")


def test_check_as_json_has_the_same_problems_as_data(broken: Path) -> None:
    """For an editor or a pipeline."""
    done = run(broken, "check", "--json")
    found = json.loads(done.out)

    assert done.code == 2
    assert {(problem["path"], problem["line"]) for problem in found["problems"]} == PLACES
    assert all(problem["message"] and problem["warning"] is False for problem in found["problems"])


def test_check_as_json_has_the_metrics_as_data(shop: Path) -> None:
    """Where there is no problem."""
    found = json.loads(run(shop, "check", "--json").out)

    assert found["problems"] == []
    assert [(metric["name"], metric["grouped"]) for metric in found["metrics"]] == [("latest", False), ("sales", True)]


def test_check_takes_a_change_of_the_source_up_and_says_so(shop: Path) -> None:
    """sources.lock is to be committed."""
    (shop / "sources.lock").unlink()

    done = run(shop, "check")

    assert done.code == 0
    assert "sources.lock has changed" in done.err
    assert (shop / "sources.lock").exists()


def test_check_without_its_source_reports_that_and_the_problems_of_the_metrics(broken: Path) -> None:
    """From what sources.lock remembers."""
    (broken / "pacelayer.toml").write_text('[sources.shop]\nurl = "sqlite:///nowhere.sqlite"\n')

    done = run(broken, "check")

    assert done.code == 2
    for words in ("there is no file nowhere.sqlite", "metrics/a.sql:3: ", "metrics/b.sql:1: "):
        assert words in done.err
    assert not (broken / "nowhere.sqlite").exists()


def test_check_before_the_first_lock_reports_what_it_can_although_a_source_is_missing(broken: Path) -> None:
    """Whoever begins has no sources.lock yet."""
    (broken / "sources.lock").unlink()

    done = run(broken, "check")

    assert {tuple(line.split(": ")[0].rsplit(":", 1)) for line in done.err.splitlines()} == {
        (path, str(line)) for path, line in PLACES
    }


def test_check_judges_the_text_of_a_metric_whose_source_cannot_be_asked(shop: Path) -> None:
    """Its SELECT is left alone, its directives are not."""
    (shop / "sources.lock").unlink()
    (shop / "pacelayer.toml").write_text('[sources.shop]\nurl = "${NO_SUCH_VARIABLE}"\n')
    (shop / "metrics" / "sales.sql").write_text("-- @pase 5m\nselect count(*) as orders from shop.orders")

    done = run(shop, "check")

    places = [line.split(": ")[0] for line in done.err.splitlines()]
    assert places == ["pacelayer.toml:2", "metrics/sales.sql:1"]


def test_check_reports_a_type_that_duckdb_does_not_have_and_everything_else(broken: Path) -> None:
    """At its line, and it hides nothing."""
    types = '[sources.shop.tables.orders]\ntypes = { id = "FROB" }\n'
    (broken / "pacelayer.toml").write_text(f'[sources.shop]\nurl = "sqlite:///shop.sqlite"\n{types}')

    done = run(broken, "check")

    assert "pacelayer.toml:4: DuckDB has no type 'FROB'" in done.err
    assert "metrics/a.sql:3: " in done.err


def test_check_reports_a_file_that_cannot_be_read(shop: Path) -> None:
    """A folder, or a link to nowhere."""
    (shop / "metrics" / "folder.sql").mkdir()
    (shop / "metrics" / "link.sql").symlink_to("nowhere")

    done = run(shop, "check")

    assert done.code == 2
    assert [line.split(": ")[0] for line in done.err.splitlines()] == ["metrics/folder.sql:1", "metrics/link.sql:1"]


@pytest.mark.parametrize("name", ["memory", "system", "snapshot", "main"])
def test_check_refuses_a_source_with_a_name_that_duckdb_has(shop: Path, name: str) -> None:
    """Before anything of that name is made."""
    settings = shop / "pacelayer.toml"
    settings.write_text(settings.read_text().replace("[sources.shop", f"[sources.{name}"))

    done = run(shop, "check")

    assert done.code == 2
    assert f"'{name}' cannot be a source's name" in done.err
    assert "fault of pacelayer" not in done.err


@pytest.mark.parametrize("verb", ["check", "refresh", "schema", "status", "serve"])
def test_where_there_is_no_project_a_verb_says_so(tmp_path: Path, verb: str) -> None:
    """With the way out."""
    done = run(tmp_path, verb)

    assert done.code == 2
    assert "there is no pacelayer.toml" in done.err
    assert "--project" in done.err


def test_check_warns_of_a_zone_that_the_select_does_not_name(shop: Path) -> None:
    """And is content: the project's zone applies."""
    (shop / "metrics" / "cut.sql").write_text(
        "select\n  date_trunc('day', created_at at time zone 'UTC')::date as day,\n"
        "  count(*) as n from shop.orders group by all"
    )

    done = run(shop, "check")

    assert done.code == 0
    assert "metrics/cut.sql:2: warning: 'day' reads moments in the project's time zone, UTC" in done.err


def test_two_types_of_one_name_are_a_problem_of_the_metrics_not_of_the_contract(shop: Path) -> None:
    """Accepting another contract would not help."""
    (shop / "metrics" / "a.sql").write_text("select id, {'x': id} as b_c from shop.orders\n")
    (shop / "metrics" / "a_b.sql").write_text("select id, {'y': id} as c from shop.orders\n")

    done = run(shop, "check")

    assert done.code == 2
    assert "ABCValue" in done.err
    assert "rename one of the two" in done.err
    assert "--accept" not in done.err
