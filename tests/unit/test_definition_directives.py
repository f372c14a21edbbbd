"""What the lines that begin with `@` say of a metric, and how they can be wrong."""

from __future__ import annotations

import pytest

from snapshot.definition.directives import Rule

from .reading import definition, metric, problem, problems

SALES = """select
  date_trunc('day', o.created_at)::date as day,
  o.region as region,
  count(*) as orders,
  sum(o.amount) as revenue
from shop.orders o group by all"""
USERS = "select id as user_id, plan, referrer from shop.users"
CONDITION = "write a condition over this metric's columns, or over rows and previous"
TWO_LINES = "-- Sales.\n-- By day and region.\n"

# What is wrong -> what is said of it; the directive stands on line 3.
WRONG = {
    "@pce 5m": "@pce is not a directive; did you mean @pace, as in '@pace 5m'?",
    "@notnull region": "@notnull is not a directive; did you mean @not_null, as in '@not_null region'?",
    "@Pace 5m": "@Pace is not a directive; did you mean @pace, as in '@pace 5m'?",
    "@pace": "@pace says nothing; write it like '@pace 5m'",
    "@unit": "@unit says nothing; write it like '@unit revenue EUR'",
    "@access region = claims.region": "@access is not supported by this version; remove the line",
    "@compute source": "@compute is not supported by this version; remove the line",
    "@pace soon": "'soon' is not a pace; write a whole number with s, m, h or d, like 30s, 5m or 1h",
    "@pace 0m": "'0m' is not a pace; write a whole number with s, m, h or d, like 30s, 5m or 1h",
    "@key region": "@key is for plain tables; a grouped metric is found by its dimensions; use 'where'",
    "@not_null reveneu": "'reveneu' is not a column of this metric; did you mean 'revenue'?",
    "@unit reveneu EUR": "'reveneu' is not a column of this metric; did you mean 'revenue'?",
    "@deprecated ordrs use revenue": "'ordrs' is not a column of this metric; did you mean 'orders'?",
    "@rollup mnth, region": "'mnth' is not a dimension or grain of this metric; did you mean 'month'?",
    "@rollup revenue": "'revenue' is not a dimension or grain of this metric; did you mean 'region'?",
    "@test reveneu >= 0": (f"DuckDB does not take 'reveneu >= 0' as a condition; {CONDITION}"),
    "@test revenue >": f"DuckDB does not take 'revenue >' as a condition; {CONDITION}",
}


@pytest.mark.parametrize(("directive", "said"), WRONG.items(), ids=WRONG)
def test_a_wrong_directive_is_reported_with_its_line_and_a_way_out(directive: str, said: str) -> None:
    """Nothing that begins with @ is skipped over."""
    assert problem(f"{TWO_LINES}-- {directive}\n{SALES}") == f"metrics/sales.sql:3: {said}"


@pytest.mark.parametrize("said", ["@pace 5m", "@time day"])
def test_a_directive_that_can_be_said_once_is_not_said_twice(said: str) -> None:
    """One of them would be passed over."""
    name = said.split(maxsplit=1)[0]
    assert problem(f"-- {said}\n-- {said}\n{SALES}") == f"metrics/sales.sql:2: {name} is said twice; keep one of them"


def test_a_unit_without_its_words_is_reported() -> None:
    """A column alone has no unit yet."""
    said = problem(f"-- @unit revenue\n{SALES}")
    assert said.startswith("metrics/sales.sql:1: @unit ")
    assert said.endswith("; write it like '@unit revenue EUR'")


def test_a_key_must_name_columns() -> None:
    """The nearest one is named."""
    said = problem(f"-- Users.\n-- @key user\n{USERS}")
    assert said == "metrics/sales.sql:2: 'user' is not a column of this metric; did you mean 'user_id'?"


def test_a_directive_within_a_block_comment_has_the_line_it_stands_on() -> None:
    """Not that of the comment."""
    said = problem(f"/*\n * Sales.\n * @pce 5m\n */\n{SALES}")
    assert said.startswith("metrics/sales.sql:3: @pce is not a directive; ")


def test_a_directive_below_the_first_word_of_the_statement_is_reported() -> None:
    """It would say nothing there, and look as if it did."""
    said = problem(f"{SALES}\n-- @not_null revenue")
    assert said.startswith("metrics/sales.sql:7: @not_null ")


def test_every_wrong_directive_of_a_file_is_reported_at_once() -> None:
    """In the order of their lines."""
    said = problems(f"-- @pce 5m\n-- @test nothing = 1\n-- @unit nothing EUR\n-- @pace soon\n{SALES}")
    assert [found.line for found in said] == [1, 2, 3, 4]


def test_wrong_directives_are_reported_beside_what_is_wrong_with_the_select() -> None:
    """One round of mending, not two."""
    assert [found.line for found in problems("-- @pce 5m\nselect\n  nothing\nfrom shop.orders")] == [1, 3]


@pytest.mark.parametrize(("written", "seconds"), [("30s", 30), ("5m", 300), ("2h", 7200), ("1d", 86400), ("5 m", 300)])
def test_pace_is_the_time_between_two_computations(written: str, seconds: int) -> None:
    """In seconds inside."""
    assert metric(f"-- @pace {written}\n{SALES}").pace == seconds


def test_without_pace_a_metric_has_the_project_s() -> None:
    """Five minutes where the project says nothing either."""
    assert metric(SALES).pace == 300


def test_units_stand_with_their_columns() -> None:
    """The words after the name, blanks and all."""
    found = metric(f"-- @unit revenue EUR, net\n{SALES}")
    assert {c.name: c.unit for c in found.measures} == {"orders": "", "revenue": "EUR, net"}


def test_deprecated_columns_have_a_reason() -> None:
    """GraphQL wants one, so there is one for those who gave none."""
    found = metric(f"-- @deprecated orders use revenue\n-- @deprecated revenue\n{SALES}")
    assert [c.deprecated for c in found.measures] == ["use revenue", "No longer supported"]


def test_not_null_promises_that_a_column_is_never_null() -> None:
    """Several are separated by commas or blanks; the build checks each."""
    found = definition(f"-- @not_null plan, referrer\n{USERS}")
    assert {c.name: c.nullable for c in found.metric.columns} == {"user_id": False, "plan": False, "referrer": False}
    assert found.tests == ()  # the check of the type's promise says it already


def test_not_null_of_a_measure_is_checked_and_still_null_over_nothing() -> None:
    """A total over no rows is null, whatever the rows are."""
    found = definition(f"-- @not_null revenue\n{SALES}")
    assert found.metric.column("revenue").nullable
    assert found.tests == (Rule('"revenue" is not null', 1),)


def test_tests_are_conditions_that_every_row_fulfils() -> None:
    """As they are written, with the line for whoever breaks them."""
    found = definition(f"-- @test revenue >= 0\n-- @test region <> '' or orders > 10\n{SALES}")
    assert found.tests == (Rule("revenue >= 0", 1), Rule("region <> '' or orders > 10", 2))


def test_keys_look_up_a_row_of_a_plain_table() -> None:
    """One column, or several together."""
    assert metric(f"-- @key user_id\n{USERS}").keys == ("user_id",)
    assert metric(f"-- @key plan, user_id\n{USERS}").keys == ("plan", "user_id")


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("plan::json", "JSON"),
        ("interval 1 day", "INTERVAL"),
        ("[id]", "BIGINT[]"),
        ("{'a': id}", "STRUCT(a BIGINT)"),
        ("map {plan: id}", "MAP(VARCHAR, BIGINT)"),
        ("joined_at::timestamp_ns", "TIMESTAMP_NS"),
    ],
)
def test_a_key_must_be_of_a_type_whose_values_come_back_as_they_went(expression: str, kind: str) -> None:
    """Else the very value that was given out would find nothing."""
    said = problem(f"-- Users.\n-- @key k\nselect {expression} as k, plan from shop.users")
    assert said == (
        f"metrics/sales.sql:2: 'k' has the type {kind}, by whose values no row can be found; "
        "name another column, or cast it: k::varchar"
    )


def test_rollups_are_the_groupings_to_compute_ahead() -> None:
    """Coarser units among them."""
    found = definition(f"-- @rollup month, region\n-- @rollup year\n{SALES}")
    assert found.rollups == (("month", "region"), ("year",))


def test_a_metric_that_merges_needs_no_rollups() -> None:
    """Its own grain gives every other."""
    assert definition(SALES).rollups == ()


def test_a_holistic_measure_has_every_grouping_computed_ahead() -> None:
    """The metric's own is there already."""
    sql = "select date_trunc('month', o.created_at)::date as begun, u.plan, median(o.amount) as m"
    found = definition(f"{sql} from shop.orders o join shop.users u on u.id = o.user_id group by all")
    assert set(found.rollups) == {
        ("plan",),
        ("quarter", "plan"),
        ("year", "plan"),
        (),
        ("begun",),
        ("quarter",),
        ("year",),
    }


def test_groupings_that_are_asked_for_come_first_and_once() -> None:
    """In whatever order their dimensions are written, they are among those that the build chooses as well."""
    sql = "select o.region, o.status, o.paid, median(o.amount) as m from shop.orders o group by all"
    found = definition(f"-- @rollup paid, region\n{sql}").rollups
    assert found[0] == ("paid", "region")
    assert sorted(map(sorted, found)) == [[], ["paid"], ["paid", "region"], ["paid", "status"], ["region"],
                                          ["region", "status"], ["status"]]  # fmt: skip


def test_the_groupings_that_the_build_chooses_are_bounded() -> None:
    """Seven dimensions have 128 subsets."""
    names = ", ".join(f"o.id % {n} as d{n}" for n in range(2, 9))
    assert len(definition(f"select {names}, median(o.amount) as m from shop.orders o group by all").rollups) == 32
