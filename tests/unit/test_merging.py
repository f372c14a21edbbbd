"""What is merged on request: the same as the SELECT gives, with room for what lies between."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Context, Decimal

import duckdb
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from .reading import JOINED, metric
from .tiny import Asking, Order, asking, publish

WIDE = """select
  o.region as region, sum(o.user_id) as total, total * total / 1000000 as squared,
  case when sum(o.user_id) * 10000000000 > 5 then 'many' end as size
from shop.orders o group by all"""
TWICE = (
    "select o.region as region, count(*) as n, sum(o.user_id) as s, count(*) as again from shop.orders o group by all"
)
CHANCE = "select o.region as region, count(*) + random() as x from shop.orders o group by all"
# DuckDB's macros over aggregates.
WEIGHED = """select o.region as region, wavg(o.amount, o.user_id) as fair, json_group_array(o.id) as ids
from shop.orders o group by all"""
ORDERS = [
    Order(user_id=3_000_000_000, region="eu", amount=Decimal(2)),
    Order(user_id=1_000_000_000, region="us", amount=Decimal(6)),
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """Metrics of two regions."""
    metrics = {"wide": WIDE, "twice": TWICE, "chance": CHANCE, "weighed": WEIGHED}
    with asking(publish(tmp_path_factory.mktemp("shop"), metrics, ORDERS)) as found:
        yield found


@pytest.fixture(scope="module")
def average() -> str:
    """The formula of an average over its parts."""
    return metric(f"select u.plan as plan, avg(o.amount) as m {JOINED} group by all").column("m").formula


def test_a_formula_is_as_wide_as_duckdb_computes_it(shop: Asking) -> None:
    """The square of a sum of whole numbers does not fit where the sum does."""
    found = shop.data("{wide(by: []) {nodes {total squared size}}}")["wide"]["nodes"]
    assert found == [{"total": 4_000_000_000, "squared": 16e12, "size": "many"}]


def test_measures_that_are_written_twice_both_have_a_share(shop: Asking) -> None:
    """What one more column adds to a metric takes nothing from it."""
    found = shop.data("{twice {nodes {region share {n again s}}}}")["twice"]["nodes"]
    assert found == [
        {"region": "eu", "share": {"n": 0.5, "again": 0.5, "s": 0.75}},
        {"region": "us", "share": {"n": 0.5, "again": 0.5, "s": 0.25}},
    ]


def test_what_chance_gives_is_the_same_at_each_request(shop: Asking) -> None:
    """It is drawn once, when the snapshot is built."""
    one, other = (shop.data("{chance(by: []) {nodes {x}}}")["chance"]["nodes"] for _ in range(2))
    assert one == other


def test_what_chance_would_have_to_give_anew_is_refused(shop: Asking) -> None:
    """A filter asks for a number that was not drawn."""
    assert shop.refusal('{chance(by: [], where: {region: {eq: "eu"}}) {nodes {x}}}') == "NOT_ANSWERABLE"


def test_a_macro_over_aggregates_is_computed_anew(shop: Asking) -> None:
    """The mean of all is no mean of the means; that of some is computed from the base tables."""
    total, one = "weighed(by: []) {nodes {fair ids}}", 'weighed(by: [], where: {region: {eq: "us"}}) {nodes {fair ids}}'
    found = shop.data(f"{{weighed {{nodes {{region fair}}}} total: {total} one: {one}}}")
    assert found["weighed"]["nodes"] == [{"region": "eu", "fair": 2.0}, {"region": "us", "fair": 6.0}]
    assert found["total"]["nodes"][0]["fair"] == 3.0
    assert orjson.loads(orjson.dumps(found["one"]["nodes"])) == [{"fair": 6.0, "ids": [2]}]


@pytest.mark.parametrize("kind", ["SMALLINT", "BIGINT", "HUGEINT", "DECIMAL(4,1)", "DECIMAL(18,3)", "DECIMAL(38,10)"])
@given(data=st.data())
def test_a_merged_average_of_exact_numbers_is_duckdb_s_own_to_the_last_digit(
    average: str, kind: str, data: st.DataObject
) -> None:
    """So that it may be rounded: the sums are exact, and it divides as DuckDB does."""
    scale = int(kind.rstrip(")").partition(",")[2] or 0)
    most = {"SMALLINT": 2**15 - 1, "BIGINT": 2**63 - 1, "HUGEINT": 2**120, "DECIMAL(4,1)": 9999}.get(kind, 10**17)
    numbers = data.draw(st.lists(st.integers(-most, most), min_size=2, max_size=50))
    rows = ", ".join(f"({n % 3}, '{Decimal(n).scaleb(-scale, Context(prec=50)):f}'::{kind})" for n in numbers)
    (one, merged), *_ = duckdb.execute(
        f"with t as (select * from (values {rows}) as t(part, x)), "
        "parts as (select part, sum(x) as s, count(x) as c from t group by part), "
        "merged as (select sum(s) as m__sum, sum(c) as m__count from parts) "
        f"select (select avg(x) from t), (select {average} from merged)"
    ).fetchall()
    assert one == merged


def test_a_hidden_component_never_has_the_name_of_a_column(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Of a dimension or of another measure, in whatever case: the average would be made of that one's values."""
    select = """select o.region as region, o.paid as a__sum, date_trunc('day', o.placed_at)::date as day,
      avg(o.amount) as a, count(distinct o.user_id) as "A__Count" from shop.orders o group by all"""
    orders = [Order(user_id=n, amount=Decimal(n)) for n in (1, 2, 6)]
    with asking(publish(tmp_path_factory.mktemp("named"), {"named": select}, orders)) as shop:
        where = '{day: {gte: "2000-01-01"}}'
        data = shop.data(f"{{ named(by: [REGION], where: {where}) {{ nodes {{ a }} totals {{ a }} }} }}")

    assert data["named"] == {"nodes": [{"a": 3.0}], "totals": {"a": 3.0}}
