"""Whatever is wrong with a metric's SELECT is said with its file, its line and a way out."""

from __future__ import annotations

import pytest

from snapshot.errors import ProjectError
from snapshot.source import ColumnShape, Shapes, TableShape

from .reading import JOINED, problem, problems, read

# What is wrong -> the SELECT, and how what is said of it begins.
WRONG = {
    "an unknown column": (
        "select\n  o.id,\n  o.statu\nfrom shop.orders o",
        ':3: Table "o" does not have a column named "statu"; did you mean "status"',
    ),
    "an unknown column without a table": (
        "select\n  statu\nfrom shop.orders o",
        ':2: Referenced column "statu" not found in FROM clause; did you mean "status"',
    ),
    "an unknown column in quotes": (
        'select "nope" as x, id from shop.orders',
        ':1: Referenced column "nope" not found in FROM clause',
    ),
    "a column of the sources that a key means": (
        "select lower(o.status) as status,\n  count(*) as n\nfrom shop.orders o group by status",
        ":1: the alias 'status' is referred to, but it is also a name of the sources, and DuckDB takes that one",
    ),
    "two names that differ in case": (
        'select o.status as "Foo",\n  o.region as "foo",\n  count(*) as n\nfrom shop.orders o group by all',
        ":2: 'foo' and 'Foo' would both be the field 'Foo'; rename one of them",
    ),
    "a unit that is a column": (
        (
            "with o as (select *, status as month from shop.orders)\n"
            "select count(*) as n,\n  date_trunc(month, created_at) as day from o group by all"
        ),
        ":3: DuckDB and pacelayer do not read day alike: pacelayer reads DATE_TRUNC('MONTH', created_at)",
    ),
    "a table that does not exist": (
        "select count(*) as n\nfrom shop.order",
        ":2: Table with name order does not exist; did you mean shop.orders?",
    ),
    "a table without its source": (
        "select count(*) as n\nfrom orders",
        ":2: Table with name orders does not exist; did you mean shop.orders?",
    ),
    "two statements": (
        "select 1 as x;\nselect 2 as y",
        ":1: the file must hold one SELECT and nothing else; one file is one metric",
    ),
    "a table that is made": (
        "create table x as select 1",
        ":1: the file must hold one SELECT and nothing else; one file is one metric",
    ),
    "rows that are deleted": (
        "delete from shop.orders",
        ":1: the file must hold one SELECT and nothing else; one file is one metric",
    ),
    "a setting": (
        "set threads = 1",
        ":1: the file must hold one SELECT and nothing else; one file is one metric",
    ),
    "nothing": ("", ":1: the file must hold one SELECT and nothing else; one file is one metric"),
    "comments only": ("-- later\n", ":1: the file must hold one SELECT and nothing else; one file is one metric"),
    "a description of a table": (
        "describe shop.orders",
        ":1: pacelayer cannot read this SELECT; begin it with SELECT, WITH or FROM",
    ),
    "an alias that a source column hides": (
        "select\n  o.status,\n  sum(o.amount) as amount,\n  amount * 2 as twice\nfrom shop.orders o group by all",
        ":3: the alias 'amount' is referred to, but it is also a name of the sources, and DuckDB takes that one",
    ),
    "an alias that a joined table's column hides": (
        f"select\n  lower(o.region) as referrer,\n  max(referrer) as last\n{JOINED} group by all",
        ":2: the alias 'referrer' is referred to, but it is also a name of the sources, and DuckDB takes that one",
    ),
    "an unnamed count": (
        "select\n  o.status,\n  count(*)\nfrom shop.orders o group by all",
        ":3: 'count_star()' is not a GraphQL name; name the column: ... as some_name",
    ),
    "an unnamed dimension": (
        "select\n  lower(o.status),\n  count(*) as n\nfrom shop.orders o group by all",
        ":2: 'lower(o.status)' is not a GraphQL name; name the column: ... as some_name",
    ),
    "a column named beyond ASCII": (
        'select id,\n  status as "Größe"\nfrom shop.orders',
        ":2: 'Größe' is not a GraphQL name; name the column: ... as some_name",
    ),
    "a column named with a blank": (
        'select id,\n  status as "Order status"\nfrom shop.orders',
        ":2: 'Order status' is not a GraphQL name; name the column: ... as some_name",
    ),
    "a column named with GraphQL's own underscores": (
        "select id as __id from shop.orders",
        ":1: '__id' is not a GraphQL name; name the column: ... as some_name",
    ),
    "two columns of one name": (
        "select\n  o.id,\n  u.id\nfrom shop.orders o join shop.users u on u.id = o.user_id",
        ":3: there are two 'id'; rename one of them",
    ),
    "two columns of one name in camel case": (
        "select\n  o.id as order_id,\n  o.user_id as orderId\nfrom shop.orders o",
        ":3: 'orderId' and 'order_id' would both be the field 'orderId'; rename one of them",
    ),
    "a column named like a field of every row": (
        "select o.status as complete,\n  count(*) as n\nfrom shop.orders o group by all",
        ":1: 'complete' is a field that every row has; choose another name",
    ),
    "a column named like a connective": (
        'select o.status as "not",\n  count(*) as n\nfrom shop.orders o group by all',
        ":1: 'not' is a field that every row has; choose another name",
    ),
    "a table of no type that can be kept": (
        "select count(*) as n from shop.scraps",
        ":1: no column of shop.scraps has a type that can be kept exactly; name one: [sources.shop.tables.scraps]",
    ),
    "a type that cannot be kept": (
        "select id, balance from shop.ledger",
        ":1: shop.ledger.balance has the type NUMERIC, which cannot be kept exactly; name one: [sources.shop.tables.",
    ),
}
# What is wrong -> the SELECT, and the line and beginning of what DuckDB or the parser says of it.
NOT_SQL = {
    "a misspelt word": ("selct 1", 1, 'syntax error at or near "selct"'),
    "a missing table": ("select 1 as x\nfrom\nwhere true", 3, 'syntax error at or near "where"'),
    "a text without an end": ("select\n  'web as x", 1, "the text is not SQL"),
    "a function that does not exist": (
        "select\n  totl(id) as n\nfrom shop.orders",
        2,
        "Scalar Function with name totl",
    ),
    "a sum of texts": ("select\n  sum(status) as n\nfrom shop.orders", 2, "No function matches"),
    "a file of the disk": ("select * from read_csv('/etc/passwd')", 1, "Cannot access file"),
    "a parameter": ("select id from shop.orders where id = $1", 1, "Values were not provided"),
    "a dimension beside a mixture": (
        "select upper(status) || count(*) as n\nfrom shop.orders group by all",
        1,
        "Cannot mix",
    ),
}


@pytest.mark.parametrize(("sql", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_select_is_reported_with_its_line_and_a_way_out(sql: str, said: str) -> None:
    """Each mistake in words of ours or of DuckDB's."""
    assert problem(sql).startswith(f"metrics/sales.sql{said}")


@pytest.mark.parametrize(("sql", "line", "said"), NOT_SQL.values(), ids=NOT_SQL)
def test_what_duckdb_refuses_is_reported_with_its_line_and_a_way_out(sql: str, line: int, said: str) -> None:
    """Its words are kept, without its marks."""
    (found,) = problems(sql)
    assert (found.path, found.line) == ("metrics/sales.sql", line)
    assert found.message.startswith(said)
    assert found.hint
    assert not found.hint.endswith(":")


def test_tables_and_columns_that_differ_in_case_only_are_refused() -> None:
    """DuckDB takes them for one, and would give the numbers of the one for those of the other."""
    kinds = {"id": ColumnShape("BIGINT", nullable=False)}
    twice = {**kinds, "Total": ColumnShape("BIGINT", nullable=True), "total": ColumnShape("BIGINT", nullable=True)}
    shapes: Shapes = {
        "shop": {"Account": TableShape(kinds, ()), "account": TableShape(kinds, ()), "sums": TableShape(twice, ())}
    }
    for table, said in (("account", "shop.Account and shop.account differ"), ("sums", "columns of shop.sums differ")):
        with pytest.raises(ProjectError) as raised:
            read({"n.sql": f"select count(*) as n from shop.{table}"}, shapes=shapes)
        assert said in str(raised.value)


def test_every_unnamed_column_is_reported() -> None:
    """Not only the first."""
    said = problems("select\n  o.status,\n  count(*),\n  max(o.amount)\nfrom shop.orders o group by all")
    assert [found.line for found in said] == [3, 4]


def test_a_file_that_is_not_utf_8_is_reported() -> None:
    """Which byte is wrong is said as well."""
    with pytest.raises(ProjectError) as raised:
        read({"sales.sql": "select 'gr\udcfc\udcdfe' as x"})
    assert str(raised.value).startswith("metrics/sales.sql:1: the file is not UTF-8")


def test_a_byte_order_mark_is_no_problem() -> None:
    """Editors of Windows write it."""
    assert (
        read({"sales.sql": "\ufeff-- Users.\nselect id from shop.users"}).definitions[0].metric.description == "Users."
    )


def test_a_project_without_metrics_is_reported() -> None:
    """There would be nothing to publish."""
    assert problem({}) == "metrics: there is no metric; write one SELECT into metrics/<name>.sql"


def test_the_problems_of_all_files_are_reported_at_once_in_order() -> None:
    """Files by their paths, lines as numbers."""
    many_lines = "select\n" + ",\n".join(f"  {n} as n{n}" for n in range(9)) + ",\n  count(*)\nfrom shop.orders"
    said = problems(
        {
            "late.sql": "-- @pce 1m\n" + many_lines,
            "early.sql": "select nothing from shop.orders",
            "below/middle.sql": "-- Users.\n-- @key nobody\nselect id from shop.users",
            "right.sql": "select id from shop.users",
        }
    )
    assert [(found.path, found.line) for found in said] == [
        ("metrics/below/middle.sql", 2),
        ("metrics/early.sql", 1),
        ("metrics/late.sql", 1),
        ("metrics/late.sql", 12),
    ]


def test_an_error_shows_one_problem_a_line() -> None:
    """As `pacelayer check` prints them."""
    with pytest.raises(ProjectError) as raised:
        read({"a.sql": "select 1", "b.sql": "select 2"})
    assert str(raised.value).splitlines() == [str(found) for found in raised.value.problems]
    assert len(raised.value.problems) == 2
