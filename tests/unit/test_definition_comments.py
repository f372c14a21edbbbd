"""Comments as descriptions, read by their position."""

from __future__ import annotations

from snapshot.catalog import Metric

from .reading import metric

FROM = "from shop.orders o group by all"


def described(sql: str) -> list[str]:
    """What the columns that a SELECT itself has are described by, in its order."""
    return [column.description for column in metric(sql).stored]


def test_the_comment_before_the_statement_describes_the_metric() -> None:
    """Line after line, directives left out."""
    found = metric("-- Orders\n--   by region.\n-- @pace 1h\n--\n-- Refunds count.\nselect id from shop.orders")
    assert found.description == "Orders\nby region.\n\nRefunds count."


def test_a_block_comment_before_the_statement_describes_the_metric() -> None:
    """Its stars and its margin are not part of the words."""
    assert metric("/* Orders\n * by region. */\nselect id from shop.orders").description == "Orders\nby region."


def test_a_metric_without_comments_has_no_description() -> None:
    """Nothing is made up."""
    found: Metric = metric("select id from shop.orders")
    assert (found.description, found.column("id").description) == ("", "")


def test_a_comment_at_the_end_of_a_line_describes_its_column() -> None:
    """Behind the comma, and behind the last column."""
    assert described(f"select\n  o.region as region, -- Where to\n  count(*) as n -- How many\n{FROM}") == [
        "Where to",
        "How many",
    ]


def test_a_comment_before_a_leading_comma_describes_the_column_before_it() -> None:
    """Some begin their lines with the comma."""
    assert described(f"select\n    o.region as region -- Where to\n  , count(*) as n -- How many\n{FROM}") == [
        "Where to",
        "How many",
    ]


def test_of_several_columns_on_a_line_the_comment_describes_the_last() -> None:
    """It stands behind that one."""
    sql = f"select o.region as region, o.status as status, -- What became of it\n  count(*) as n\n{FROM}"
    assert described(sql) == ["", "What became of it", ""]


def test_block_comments_describe_the_columns_they_stand_behind() -> None:
    """Before the comma, so that several fit on a line."""
    sql = f"select o.region as region /* Where to */, o.status as status /* What became of it */, count(*) as n {FROM}"
    assert described(sql) == ["Where to", "What became of it", ""]


def test_a_block_comment_over_several_lines_is_one_description() -> None:
    """As it is written, without the blanks around."""
    assert described("select id /* The number\n of the order */, status from shop.orders") == [
        "The number\n of the order",
        "",
    ]


def test_a_column_over_several_lines_is_described_at_its_end() -> None:
    """Comments within it are notes to whoever reads the SQL."""
    sql = f"""select
      case
        when o.amount > 100  -- VAT included
        then 'large'  -- this may change
        else 'small'
      end as size,  -- How much was bought
      sum(o.amount)  -- EUR
        filter (where o.paid)
        as revenue  -- What was paid
    {FROM}"""
    assert described(sql) == ["How much was bought", "What was paid"]


def test_a_comment_on_a_line_of_its_own_describes_nothing() -> None:
    """It heads what follows, or has been commented out."""
    sql = f"select -- the columns\n  o.region as region,\n  -- o.status,\n  count(*) as n\n  -- as of today\n{FROM}"
    assert described(sql) == ["", ""]


def test_a_comment_behind_from_describes_no_column() -> None:
    """The last column ended before it."""
    assert described("select o.region as region, count(*) as n from shop.orders o -- all of them\ngroup by all") == [
        "",
        "",
    ]


def test_commas_in_parentheses_and_texts_end_no_column() -> None:
    """Neither does what looks like a comment within a text."""
    sql = "select coalesce(region, '-- none, yet') as a, -- First\n  [id, user_id] as b -- Second\nfrom shop.orders"
    assert described(sql) == ["First", "Second"]


def test_a_comma_behind_the_last_column_changes_nothing() -> None:
    """DuckDB allows it."""
    assert described(f"select o.region as region, -- Where to\n  count(*) as n, -- How many\n{FROM}") == [
        "Where to",
        "How many",
    ]


def test_letters_beyond_ascii_do_not_shift_comments() -> None:
    """Neither in texts nor in comments nor before the statement."""
    sql = f"-- Umsätze 💶\nselect 'größte € 💶' as size, -- Größe 📦\n  count(*) as n -- Anzahl\n{FROM}"
    assert (metric(sql).description, described(sql)) == ("Umsätze 💶", ["Größe 📦", "Anzahl"])


def test_windows_line_ends_do_not_shift_comments() -> None:
    """Nor become part of them."""
    lines = ("-- Orders.", "select o.region as region, -- Where to", "  count(*) as n -- How many", FROM, "")
    sql = "\r\n".join(lines)
    assert (metric(sql).description, described(sql)) == ("Orders.", ["Where to", "How many"])


def test_comments_in_a_cte_describe_no_column_of_the_metric() -> None:
    """Only the outermost SELECT is the metric."""
    cte = "with x as (select id, -- Hidden\n  status -- Hidden too\nfrom shop.orders)"
    assert described(f"{cte}\nselect id, -- Shown\n  status\nfrom x") == ["Shown", ""]


def test_from_may_come_first() -> None:
    """The columns are still those of the SELECT."""
    select = "select o.region as region, -- Where to\n  count(*) as n -- How many"
    assert described(f"from shop.orders o -- all of them\n{select}\ngroup by all") == ["Where to", "How many"]


def test_is_distinct_from_does_not_end_the_columns() -> None:
    """Not every FROM is the clause."""
    sql = f"select o.region is distinct from 'eu' as abroad, -- Not at home\n  count(*) as n -- How many\n{FROM}"
    assert described(sql) == ["Not at home", "How many"]


def test_a_set_operation_is_described_by_its_first_select() -> None:
    """It names the columns as well."""
    assert described(
        "select id, -- First\n  1 as n -- Second\nfrom shop.orders union all select id, 2 -- Third\nfrom shop.users"
    ) == [
        "First",
        "Second",
    ]


def test_distinct_is_not_part_of_the_first_column() -> None:
    """Nor takes its comment."""
    assert described("select distinct on (region)\n  region, -- Where to\n  status\nfrom shop.orders") == [
        "Where to",
        "",
    ]


def test_columns_of_a_star_have_no_descriptions() -> None:
    """Positions cannot be told apart, so nothing is guessed."""
    assert set(described("select *, -- Everything\n  upper(plan) as title -- Shouted\nfrom shop.users")) == {""}
