"""Lengths of time, and times of day at their end, in questions: compared as DuckDB compares them."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gql.coerce import SCALARS
from gql.scalars import KINDS, Duration, Time

from .tiny import Asking, Order, asking, publish

VALUES = """(values (1, interval '1 month', time '24:00:00'), (2, interval '30 days', time '12:00:00.5'),
  (3, interval '720 hours', time '00:00:00'), (4, interval '-1 day', null),
  (5, interval '30 days 00:00:00.000001', time '12:00:00'), (6, null, null)) as v(id, length, clock)"""
METRICS = {
    "things": f"select * from {VALUES}",
    "waits": f"select v.length, v.clock, count(*) as n, max(v.length) as longest from {VALUES}, shop.orders o "
    "group by all",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """Six things, as a plain table and grouped by their lengths."""
    with asking(publish(tmp_path_factory.mktemp("shop"), METRICS, [Order()])) as found:
        yield found


CONDITIONS = {
    '{length: {eq: "P1M"}}': [1, 2, 3],
    '{length: {eq: "P30D"}}': [1, 2, 3],
    '{length: {ne: "P4W2D"}}': [4, 5],
    '{length: {eq: "PT720H0M0.000001S"}}': [5],
    '{length: {in: ["P-1D", "P1M"]}}': [1, 2, 3, 4],
    '{length: {notIn: ["PT-24H", "P29DT1440M"]}}': [5],
    '{length: {lt: "P1M"}}': [4],
    '{length: {gt: "P1M"}}': [5],
    '{length: {between: {from: "PT0S", to: "P1Y-11M"}}}': [1, 2, 3],
    "{length: {in: []}}": [],
    "{length: {isNull: true}}": [6],
    '{clock: {eq: "24:00:00"}}': [1],
    '{clock: {gt: "23:59:59.999999"}}': [1],
    '{clock: {eq: "00:00"}}': [3],
    '{clock: {in: ["12:00", "24:00"]}}': [1, 5],
    '{clock: {notIn: ["12:00:00.500000", "24:00:00.000"]}}': [3, 5],
    '{clock: {between: {from: "12:00:00.1", to: "24:00:00"}}}': [1, 2],
}


@pytest.mark.parametrize("where", CONDITIONS)
def test_a_length_or_a_time_is_compared_as_duckdb_compares_it(shop: Asking, where: str) -> None:
    """A month has 30 days and a day 24 hours; the end of a day comes behind all of it."""
    found = shop.data(f"{{ things(where: {where}) {{ nodes {{ id }} }} }}")["things"]["nodes"]
    assert [row["id"] for row in found] == CONDITIONS[where]


@pytest.mark.parametrize("where", [where for where in CONDITIONS if "null" not in where.lower()])
def test_what_groups_are_made_of_is_what_a_filter_finds(shop: Asking, where: str) -> None:
    """By a filter on the groups, and as many as there are things."""
    assert shop.data(f"{{ waits(by: [], where: {where}) {{ nodes {{ n }} }} }}")["waits"]["nodes"] == [
        {"n": len(CONDITIONS[where])}
    ]


def test_equal_lengths_are_one_group(shop: Asking) -> None:
    """Which is shown as one of them, and found by any."""
    rows = shop.data('{ waits(by: [LENGTH], where: {length: {eq: "PT720H"}}) { nodes { length n } } }')["waits"][
        "nodes"
    ]
    assert [(row["length"] in ("P1M", "P30D", "PT720H"), row["n"]) for row in rows] == [(True, 3)]


def test_groups_can_be_told_by_a_length(shop: Asking) -> None:
    """By `having`."""
    rows = shop.data('{ waits(by: [LENGTH], having: {longest: {gt: "P1M"}}) { nodes { length } } }')["waits"]["nodes"]
    assert rows == [{"length": "P30DT0.000001S"}]


@pytest.mark.parametrize(
    "value",
    ["P", "PT", "P1DT", "1 month", "P1.5D", "-P1D", "P1D2M", "PT0.0000001S", "P178956970Y8M", "P2147483648D",
     "PT9223372036854.775808S", "24:00:00.1"],
)  # fmt: skip
def test_another_form_or_a_longer_length_is_refused(value: str) -> None:
    """And so is a time behind the end of the day."""
    parse = SCALARS[Time if ":" in value else Duration].parse_value
    assert parse is not None
    with pytest.raises(ValueError, match="like"):
        parse(value)


@given(*(st.integers(-most, most) for most in (2**31 - 1, 2**31 - 1, 2**63 - 1)))
def test_a_length_that_was_given_comes_back_as_it_was(months: int, days: int, microseconds: int) -> None:
    """To the microsecond, each part for itself."""
    sent = f"{months} months {days} days {microseconds} microseconds"
    ((text,),) = duckdb.execute("select cast(cast(? as interval) as varchar)", [sent]).fetchall()
    shown, parse = KINDS["INTERVAL"].to_json, SCALARS[Duration].parse_value
    assert shown is not None
    assert parse is not None
    assert parse(shown(text)) == sent
