"""Two ways of writing one expression are told from two expressions, by how DuckDB reads them."""

from __future__ import annotations

import duckdb
import pytest

from snapshot.definition.alike import Trees

ONE = (
    ("a is not null", "not a is null"),
    ("a is not true", "not (a is true)"),
    ("a != b", "a <> b"),
    ("a::int", "cast(a as INTEGER)"),
    ("a::text[]", "cast(a as varchar[])"),
    ("A.b", "a.B"),
    ("a ** 2", "power(a, 2)"),
    ("+a", "a"),
    ("1_000", "1000"),
    ("date_trunc('month', a)", "datetrunc('MONTH', a)"),
    ("interval 3 days", "interval '3' day"),
    ("a at time zone 'UTC'", "timezone('UTC', a)"),
    ("list(a order by b desc nulls last)", "list(a order by b desc)"),
    ("extract(dow from a)", "extract('DayOfWeek' from a)"),
    ("position('x' in a)", "strpos(a, 'x')"),
    ("a::varchar(9)", "a::text"),
    ("a::numeric", "a::decimal(18, 3)"),
    ("ifnull(a, 0)", "coalesce(a, 0)"),
    ("a ^@ 'x'", "starts_with(a, 'x')"),
    ("array[a, 2]", "[a, 2]"),
    ("(a + b) * 2", "((a + b)) * 2"),
)
TWO = (
    ("a is not null", "a is null"),
    ("not a in (1) = b", "(not a in (1)) = b"),
    ("@a | 8", "@(a | 8)"),
    ("~a ** 2", "(~a) ** 2"),
    ("a->>'b.c'", "a->>'$.b.c'"),
    ("a - b - c", "a - (b - c)"),
    ("a::int", "a::bigint"),
    ("try_cast(a as int)", "cast(a as int)"),
    ("1.0", "1.00"),
    (".5", "0.5"),
    ("'Month'", "'month'"),
    ("sum(a)", "sum(distinct a)"),
    ("a::decimal(9, 2)", "a::decimal(9, 3)"),
    ("list(a order by b nulls first)", "list(a order by b)"),
    ("sum(a) filter (where b)", "sum(a)"),
    ("list(a order by b)", "list(a order by b desc)"),
    ("interval '3 days'", "interval '3 days ago'"),
    ("date_trunc(month, a)", "date_trunc('month', a)"),
    ("struct_pack(a := 1)", "struct_pack(b := 1)"),
    ("a in [1]", "a in (1)"),
    ("array[1, 2]", "[2, 1]"),
    ("a, b", "a"),
    ("a", "a b c d"),
)


@pytest.fixture
def trees() -> Trees:
    """DuckDB's parser."""
    return Trees(duckdb.connect())


@pytest.mark.parametrize(("one", "other"), ONE)
def test_two_ways_of_writing_an_expression_are_alike(trees: Trees, one: str, other: str) -> None:
    """Whatever the letters, the parentheses, and the name of an operator."""
    assert trees.unlike(f"select {one} from t", f"select {other} from t") == []


@pytest.mark.parametrize(("one", "other"), TWO)
def test_two_expressions_are_not_alike(trees: Trees, one: str, other: str) -> None:
    """However little they differ in, and also where the other one cannot be read at all."""
    assert trees.unlike(f"select {one} from t", f"select {other} from t") != []


def test_clauses_are_compared_by_their_names(trees: Trees) -> None:
    """One without the others."""
    one, other = "select a from t join u using (id) where a > 1", "select b from t join u using (id) where a > 2"
    assert trees.are_alike("from_table", one, other)
    assert not trees.are_alike("where_clause", one, other)
