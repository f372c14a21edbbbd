"""What is written again of a SELECT means to DuckDB what was written."""

from __future__ import annotations

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from snapshot.definition.dialect import DIALECT
from snapshot.definition.parsed import Parsed, with_operators

from .reading import metric, problem

ROWS = """from (values
  ('{"a.b": "1", "a": {"b": "2"}, "k": ["x"]}'::json, 1, 5, 'pro', 'prow', date '2026-01-02'),
  ('{"a": {"b": "3"}, "a.b": null, "u": 4}'::json, 2, 3, 'free', 'fee', date '2026-03-04'),
  (null, 3, null, null, 'x', null)) as t(doc, c, q, s, t, d)"""
EXPRESSIONS = (
    "doc->>'a.b'",
    "doc->'a.b'",
    "(doc->>'a.b') = '1'",
    "doc->>'$..u'",
    "doc->'a'->>'b'",
    "json_extract(doc, 'a.b')",
    "json_extract(doc, 'a.b') = '1'",
    "json_extract_string(doc, 'a.b')",
    "json_extract_path_text(doc, 'a.b')",
    "coalesce(doc->'k', '0')",
    "json_array_length(doc->'k')",
    "count(doc->'k')",
    "max(doc->>'a.b')",
    "c not in (2, 3) >= (q > 3)",
    "q not between 1 and c >= (c > 1)",
    "s !~ 'f' = (c = 1)",
    "s is not null = (c > 2)",
    "not s = 'pro' and not c > 2",
    "jaro_winkler_similarity(s, t, 0.1)",
    "log2(q)",
    "[x + 1 for x in [c, q] if x > 1]",
    "list_transform([c, q], lambda x: x + 1)",
    "date_trunc('month', d)",
    "d - interval '1.5 days'",
    "d.year()",
    "s[1:2]",
    "c ** 2 // q % 3",
    "s like 'p%' or s ilike 'F%'",
    "d + interval 3 days",
    "d + interval '1 mon'",
    "d + interval '3 days ago'",
    "@q + 1",
    "if(c > 1, 'a', 'b')",
    "date_add(d, interval 1 day)",
    "list_sort([q, c], 'DESC', 'NULLS FIRST')",
    "strptime(d::varchar, '%Y-%m-%d')",
    "regexp_extract(t, '(.)(.)', 2)",
    "array_agg(c order by q desc nulls first)",
    "string_agg(distinct t, ';' order by t)",
    "percentile_cont(0.5) within group (order by q desc)",
    "extract('month' from d)",
    "position('o' in t)",
    "trim(both 'p' from t)",
    "list(c order by q)[1]",
    "list(c order by q)[1:2]",
    "c in [1, null]",
    "c not in [2]",
    "t ^@ s",
    "array[c, q]",
    "typeof(c * .5)",
    "time_bucket(interval 1 day, d::timestamptz, 'Europe/Berlin')",
    "time_bucket(interval 7 days, d, date '2026-01-01')",
)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_means_the_same_when_it_is_written_again(expression: str) -> None:
    """Value by value."""
    written = f"select {expression} as value {ROWS}"
    again = with_operators(sqlglot.parse_one(written, read=DIALECT)).sql(DIALECT)
    with duckdb.connect() as connection:
        assert connection.execute(again).fetchall() == connection.execute(written).fetchall()


WRITTEN_OUT = (
    "c::int as i, ['x', 'y', 'z'][i]",
    "case when c > 1 then 2 else 1 end as i, s[i]",
    "s::varchar as p, p[1]",
    "s || '-' || t as p, p[2:3]",
    "[c, q] as l, c in l",
    "[c, null] as l, q not in l",
    "c in [q, 2] as y, y = true",
    "doc->'a' as j, j->>'b'",
    "c + q as x, list_transform([c], lambda x: x + 1)",
    "c + q as x, [x * 2 for x in [c, x]]",
    "q - c as x, x ** 2 // x",
    "-q as x, x ** 2",
    "d as day, interval 1 day as step, day + step",
)


@pytest.mark.parametrize("projections", WRITTEN_OUT)
def test_an_expression_means_the_same_when_its_aliases_are_written_out(projections: str) -> None:
    """Value by value, whatever the types of what stands in their place."""
    with duckdb.connect() as connection:
        tree = with_operators(sqlglot.parse_one(f"select {projections} as value {ROWS}", read=DIALECT))
        assert isinstance(tree, exp.Query)
        parsed = Parsed(tree, frozenset(("doc", "c", "q", "s", "t", "d")), frozenset())
        out = parsed.written_out(parsed.projections[-1]).sql(DIALECT)
        expected = connection.execute(f"select value from (select {projections} as value {ROWS})").fetchall()
        assert connection.execute(f"select {out} {ROWS}").fetchall() == expected


@pytest.mark.parametrize(
    "projections",
    [
        "[id, 1] as l, l[1] as first",
        "[id, user_id] as l, id in l as own",
        "id % 2 + 1 as i, ['even', 'odd'][i] as word",
        "case when paid then 1 else 2 end as i, region[i] as letter",
        "upper(region) as r, r || '-' || status as both",
        "created_at::date as day, day + interval 1 day as next",
        "id + 1 as i, i in (select 3) as own",
        "id + 1 as i, list_max([i, 2]) as most",
        "upper(region) as r, list_transform(['x'], lambda v: v || r)[1] as marked",
    ],
)
def test_what_an_alias_stands_for_may_be_looked_into(projections: str) -> None:
    """DuckDB's tree of what is written out is that of the SELECT with the alias replaced in it."""
    found = metric(f"select {projections}, count(*) as n from shop.orders group by all")
    assert [column.role for column in found.columns if column.role != "grain"] == ["dimension", "dimension", "measure"]


@pytest.mark.parametrize(
    "projections",
    [
        "upper(region) as r, list_transform(['x'], lambda region: region || r)[1] as w, count(*) as n",
        "upper(region) as r, [region || r for region in ['x']] as w, count(*) as n",
        "region, count(*) as c, list_sum(list_transform([1, 2], lambda c: c + count(*))) as w",
    ],
)
def test_a_lambda_that_would_take_a_column_for_its_own_value_is_refused(projections: str) -> None:
    """The column comes into it with what stands for an alias, or for an aggregate."""
    said = problem(f"select {projections} from shop.orders group by all")
    assert "as a column is called that is used within it; call it otherwise" in said


@pytest.mark.parametrize(
    ("measure", "formula"),
    {
        "max(upper(status))[1]": '("m__max")[1]',
        "max(status || '!')[-1]": '("m__max")[-1]',
        "2 in max([user_id, 1])": 'CONTAINS(("m__max"), 2)',
    }.items(),
)
def test_a_part_of_an_aggregate_is_the_same_part_of_what_is_stored_of_it(measure: str, formula: str) -> None:
    """Whatever type it has."""
    assert metric(f"select region, {measure} as m from shop.orders group by all").column("m").formula == formula


def test_the_variable_of_a_comprehension_is_no_column() -> None:
    """Also where a column has its name."""
    sql = "select o.region as r, list_sum([len(r) for r in ['p', o.status]])::int as n, count(*) from shop.orders o"
    found = metric(f"{sql.replace('count(*)', 'count(*) as m')} group by all")
    assert found.column("n").sql == "CAST(LIST_SUM([LEN(r) FOR r IN ['p', o.status]]) AS INT)"


@pytest.mark.parametrize(
    ("expression", "said"),
    {
        "sum(@(o.id - 3) | 8)": "pacelayer reads SUM(ABS((o.id - 3) | 8)); write it in simpler SQL, with parentheses",
        "max(date_trunc(region, o.created_at))": "pacelayer reads MAX(DATE_TRUNC('REGION', o.created_at))",
    }.items(),
)
def test_what_is_read_otherwise_is_refused(expression: str, said: str) -> None:
    """With a way out."""
    assert said in problem(f"select o.region, {expression} as m from shop.orders o group by all")


def test_a_clock_in_quotes_is_the_clock() -> None:
    """DuckDB takes it for one, so the metric is answered from what is stored."""
    found = metric('select o.region, max("current_date") as m, median(o.amount) as q from shop.orders o group by all')
    assert not found.base_from


def test_a_column_before_a_dot_is_read_from_the_source() -> None:
    """What follows is a function of it."""
    assert (
        metric("select created_at.year() as y, count(*) as n from shop.orders group by all").column("y").type
        == "BIGINT"
    )


@pytest.mark.parametrize(
    "sql",
    [
        "select plan as u, count(u) as n from (shop.orders o left join shop.users u on u.id = o.user_id) group by all",
        (
            "select o.region as v, count(v) as n from shop.orders o "
            "left join (shop.users u join shop.users v on v.id = u.id) on u.id = o.user_id group by all"
        ),
        "select user_id as rowid, rowid % 2 as odd, count(*) as n from shop.orders group by all",
    ],
)
def test_an_alias_that_duckdb_takes_for_another_thing_is_refused(sql: str) -> None:
    """Also for a table within a nested join, and for the places of rows."""
    assert "it is also a name of the sources, and DuckDB takes that one" in problem(sql)


@pytest.mark.parametrize(
    ("measure", "said"),
    {
        "list(paid order by all)": "DuckDB reads 12 columns here, and pacelayer 2",
        " + ".join(["sum(user_id)"] * 400): "the SELECT is nested too deeply",
    }.items(),
    ids=["a misread comma", "a long chain"],
)
def test_what_cannot_be_taken_apart_is_refused(measure: str, said: str) -> None:
    """With its place, as anything else."""
    assert said in problem(f"select region, {measure} as m from shop.orders group by all")
