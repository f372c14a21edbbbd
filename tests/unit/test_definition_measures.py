"""How each measure rolls up: by merging parts, after the roll-up, or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
import pytest

from snapshot import connect
from snapshot.catalog import Column
from snapshot.definition import create_tables
from snapshot.definition.functions import aggregates

from .reading import JOINED, SHOP, definition, metric

ADDITIVE = {
    "count(*)": "count",
    "count(o.fee)": "count",
    "count(*) filter (where o.paid)": "count",
    "count_if(o.paid)": "sum",
    "sum(o.amount)": "sum",
    "sum(o.amount) filter (where o.paid)": "sum",
    "sum(case when o.paid then o.amount else 0 end)": "sum",
    "sum(o.amount * o.fee)": "sum",
    "min(o.created_at)": "min",
    "max(o.amount)": "max",
    "max(o.status) filter (where not o.paid)": "max",
    "bool_and(o.paid)": "bool_and",
    "bool_or(o.paid)": "bool_or",
}
# Aggregates in an expression -> by which functions their parts merge.
DECOMPOSED = {
    "avg(o.amount)": ["sum", "count"],
    "avg(o.weight)": ["sum", "count"],
    "avg(o.amount) filter (where o.paid)": ["sum", "count"],
    "round(avg(o.amount), 2)": ["sum", "count"],
    "coalesce(sum(o.fee), 0)": ["sum"],
    "round(sum(o.amount), 1)": ["sum"],
    "count(*)::double": ["count"],
    "sum(o.amount) / count(*)": ["sum", "count"],
    "sum(o.amount) / nullif(count(o.fee), 0)": ["sum", "count"],
    "count(*) filter (where o.paid) / count(*)": ["count", "count"],
    "100 * (1 - count_if(o.paid) / count(*))": ["sum", "count"],
    "max(o.amount) - min(o.amount)": ["max", "min"],
    "case when count(*) > 10 then sum(o.amount) end": ["sum", "count"],
    "greatest(max(o.amount), max(o.fee))": ["max", "max"],
}
HOLISTIC = [
    "count(distinct o.user_id)",
    "count(distinct o.user_id) filter (where o.paid)",
    "count(distinct o.user_id) / count(*)",
    "sum(distinct o.amount)",
    "avg(distinct o.amount)",
    "avg(o.created_at)",
    "median(o.amount)",
    "quantile_cont(o.amount, 0.9)",
    "percentile_cont(0.9) within group (order by o.amount)",
    "mode(o.status)",
    "[x + 1 for x in list(o.amount) if x > 1]",
    "max(row(o.amount, o.id))[1]",
    "max(o.status collate nocase)",
    "1 = any([count(*)])",
    "stddev(o.amount)",
    "var_pop(o.weight)",
    "approx_count_distinct(o.user_id)",
    "max(o.amount, 3)",
    "min(o.created_at, 2)",
    "max_by(o.status, o.amount)",
    "string_agg(o.status, ', ' order by o.id)",
    "list(o.id order by o.id)",
    "any_value(o.status)",
    "mad(o.amount)",
    "product(o.weight)",
    "sum(o.weight order by o.id)",
    "count(*) / (select count(id) from shop.users)",
    "count(*) filter (where o.user_id in (select id from shop.users))",
    "count(*) + random()",
    "max(o.created_at) > now()::timestamp - interval 30 days",
    "date_diff('day', min(o.created_at), current_date)",
    "max(o.created_at) > ago(interval 30 days)",
    # DuckDB's macros over aggregates.
    "wavg(o.amount, o.weight)",
    "WEIGHTED_AVG(o.amount, o.weight)",
    "main.geomean(o.amount)",
    "round(geometric_mean(x := o.amount), 2)",
    "json_group_array(o.status)",
    "json_group_object(o.id, o.status)",
    "json_group_structure(o.status)",
    "variant_group_array(o.status)::varchar",
    "wavg(o.amount, o.weight) / count(*)",
]


@pytest.fixture(scope="module")
def measures() -> dict[str, Column]:
    """A metric with every one of these measures, by their expressions."""
    expressions = [*ADDITIVE, *DECOMPOSED, *HOLISTIC]
    projections = ", ".join(f"{expression} as m{i}" for i, expression in enumerate(expressions))
    found = metric(f"select u.plan as plan, {projections} {JOINED} group by all")
    return {expression: found.column(f"m{i}") for i, expression in enumerate(expressions)}


def parts(expression: str) -> list[tuple[str, str]]:
    """The names and merges of the parts that the measure `m` is made of."""
    found = metric(f"select u.plan as plan, {expression} as m {JOINED} group by all")
    return [(part.name, part.merge) for part in found.components]


def derived(projections: str) -> Column:
    """The measure `m` among these projections."""
    return metric(f"select u.plan as plan, {projections} {JOINED} group by all").column("m")


def worked_out(formula: str, row: str) -> object:
    """The value of a formula over a row of parts."""
    return duckdb.execute(f"select {formula} from (select {row})").fetchall()[0][0]


@pytest.mark.parametrize(("expression", "merge"), ADDITIVE.items(), ids=ADDITIVE)
def test_a_measure_that_merges_is_additive_and_its_own_part(
    measures: Mapping[str, Column], expression: str, merge: str
) -> None:
    """Nothing hidden has to be stored for it."""
    assert measures[expression].rollup == "additive"
    assert parts(expression) == [("m", merge)]


@pytest.mark.parametrize(("expression", "merges"), DECOMPOSED.items(), ids=DECOMPOSED)
def test_a_measure_made_of_parts_that_merge_is_decomposed(
    measures: Mapping[str, Column], expression: str, merges: Sequence[str]
) -> None:
    """The parts are stored where nobody sees them; the measure is worked out after they are merged."""
    found = parts(expression)
    assert measures[expression].rollup == "decomposed"
    assert sorted(merge for _, merge in found) == sorted(merges)
    assert all(name.startswith("m__") for name, _ in found)


@pytest.mark.parametrize("expression", HOLISTIC)
def test_any_other_measure_is_holistic(measures: Mapping[str, Column], expression: str) -> None:
    """It has no formula, only the SQL that computes it anew."""
    found = measures[expression]
    assert (found.rollup, found.formula, bool(found.sql)) == ("holistic", "", True)


def test_the_sql_of_a_measure_has_the_measure_s_type(measures: Mapping[str, Column]) -> None:
    """DuckDB reads what was made of a projection as it reads the projection."""
    connection = connect.empty(time_zone="UTC")
    create_tables(connection, SHOP)
    described = connection.execute(f"describe select {', '.join(m.sql for m in measures.values())} {JOINED}").fetchall()
    kinds = [row[1].replace("HUGEINT", "BIGINT") for row in described]
    assert dict(zip(measures, kinds, strict=True)) == {expression: m.type for expression, m in measures.items()}


def test_what_is_an_aggregate_is_what_duckdb_takes_for_one() -> None:
    """Also of its macros: it does not take an aggregate for a condition, and each macro over one is an aggregate."""
    connection = connect.empty(time_zone="UTC")
    connection.execute("create table t as select 1 as x")
    macros = connection.execute(
        "select distinct function_name, list_transform(parameters, lambda _: 'x') from duckdb_functions() "
        "where function_type = 'macro'"
    ).fetchall()
    refused = set()
    for name, arguments in macros:
        try:
            connection.execute(f'select 1 from t where "{name}"({", ".join(arguments)}) is null')
        except duckdb.Error as error:
            refused |= {name} if "cannot contain aggregates" in str(error) else set()
    assert refused == {name for name, _ in macros} & aggregates()


def test_a_measure_that_refers_to_measures_is_derived() -> None:
    """A ratio is a ratio of sums: it is worked out from what they merge to."""
    found = derived("sum(o.amount) as revenue, count(*) as orders, revenue / orders as m")
    assert found.rollup == "derived"
    assert worked_out(found.formula, "10 as revenue, 4 as orders") == 2.5
    assert not {"revenue", "orders"} & set(found.sql.split())


def test_a_measure_derived_of_a_derived_one_is_written_out_to_the_end() -> None:
    """In parentheses, so that it means what it meant."""
    found = derived("count(*) as n, n + 1 as more, more * 2 as m")
    assert found.rollup == "derived"
    assert worked_out(found.formula, "3 as n") == 8
    assert worked_out(found.sql, "1 as x") == 4


def test_a_measure_derived_of_a_holistic_one_can_only_be_computed_anew() -> None:
    """Distinct buyers do not merge, so orders for each of them do not either."""
    found = derived("count(distinct o.user_id) as buyers, count(*) / buyers as m")
    assert (found.rollup, found.formula) == ("derived", "")
    assert found.sql == "COUNT(*) / (COUNT(DISTINCT o.user_id))"


def test_a_reference_finds_its_measure_in_other_letters() -> None:
    """DuckDB's names have no case."""
    assert derived('count(*) as "N", n * 2 as m').rollup == "derived"


def test_a_mixture_of_dimension_and_aggregate_means_its_own_grouping_only() -> None:
    """There is no plan to put before the count once all plans are counted together."""
    found = metric(f"select u.plan as plan, concat(u.plan, ' ', count(*)) as m {JOINED} group by u.plan").column("m")
    assert (found.role, found.rollup, found.formula, found.sql) == ("measure", "holistic", "", "")


def test_what_is_counted_at_the_build_merges_though_it_looks_at_the_clock() -> None:
    """Its parts are of one moment, and merging them looks at no other."""
    found = metric(f"select u.plan, count(*) filter (where o.created_at > now()) as m {JOINED} group by all")
    assert (found.column("m").rollup, found.column("m").formula) == ("additive", '"m"')


def test_no_part_is_stored_for_a_measure_that_does_not_merge() -> None:
    """Nobody would read it."""
    assert parts("count(*) + random()") == parts("count(*) / count(distinct o.user_id)") == []


def test_check_says_which_measures_have_their_own_grouping_only() -> None:
    """No other is computed ahead for them, and none comes from the base tables."""
    label, middle = "u.plan || ': ' || count(*) as label", "median(o.amount) as m"
    one, both = (
        definition(f"select u.plan, {made} {JOINED} group by u.plan") for made in (label, f"{label}, {middle}")
    )
    assert one.answers == "any grouping is added up from its table; label by its own grouping only"
    assert both.answers == (
        "1 groupings are computed ahead for m; others and filters come from the base tables; "
        "label by its own grouping only"
    )


def test_a_measure_whose_subquery_asks_for_a_dimension_has_its_own_grouping_only() -> None:
    """Without that dimension it could not be asked."""
    other = "max(o.id) + (select count(*) from shop.users x where x.plan = u.plan) as m"
    found = metric(f"select u.plan, count(*) as n, {other} {JOINED} group by u.plan")
    assert (found.column("n").rollup, found.column("m").sql, found.column("m").formula) == ("additive", "", "")


def test_an_aggregate_of_a_column_that_another_one_is_called_by_is_of_the_column() -> None:
    """No aggregate may be within another, so its alias cannot be meant."""
    found = metric("select region, sum(amount) as amount, sum(amount) / count(*) as each from shop.orders group by all")
    assert (found.column("amount").sql, found.column("each").rollup) == ("SUM(amount)", "decomposed")


def test_equal_aggregates_share_a_part() -> None:
    """The average's count is the visible one, its sum is the visible sum."""
    found = metric(
        f"select u.plan, count(o.amount) as n, sum(o.amount) as revenue, avg(o.amount) as mean {JOINED} group by all"
    )
    assert [part.name for part in found.components] == ["n", "revenue"]


def test_hidden_parts_never_take_the_name_of_a_column() -> None:
    """Somebody may call a measure like a part of another."""
    found = metric(f"select u.plan, avg(o.amount) as m, count(*) as m__sum {JOINED} group by all")
    names = [part.name for part in found.components]
    assert len(set(names)) == len(names) == 3
    assert names.count("m__sum") == 1


def test_a_part_has_the_type_that_duckdb_gives_it() -> None:
    """Sums of whole numbers are wide inside, where no client sees them, whatever their measure is narrowed to."""
    found = metric(f"select u.plan, sum(o.user_id) as total, avg(o.id) as mean {JOINED} group by all")
    assert {part.name: part.type for part in found.components} == {
        "total": "HUGEINT",
        "mean__sum": "HUGEINT",
        "mean__count": "BIGINT",
    }
