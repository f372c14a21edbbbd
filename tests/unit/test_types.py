"""Types that Python or JSON have no plain value for: enums, lists, structs, intervals, nanoseconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .tiny import Asking, Order, asking, publish

PARCELS = """
select 1 as id, 'small'::enum('small', 'large') as size, {'zip_code': '1010', 'floor': 3} as place,
  [{'at': date '2026-01-02', 'by': ['Ann', null]}, null] as stops, map {'a': 1} as marks,
  [1.5::decimal(3,1), null] as sums, interval '1 year -3 days 04:05:06.7' as took,
  timestamp_ns '2026-01-01 00:00:00.123456789' as seen, 'a b'::enum('a b', 'c') as words, {'a b': 1} as odd,
  -0.0::double as less
union all
select 2, null::enum('small', 'large'), null, null, null, null, interval '-14 months', null, null, null, 'inf'::double
union all
select 3, 'large'::enum('small', 'large'), {'zip_code': null, 'floor': null}, [], map {}, [], interval '0', null, 'c',
  null, 1e308
"""
SIZES = """select case when o.paid then 'small' else 'large' end::enum('large', 'small') as size, count(*) as n,
  max(interval '1 hour' * o.id) as longest from shop.orders o group by all"""


# Names that Python keeps for itself in enums.
NAMED = """select o.region as _a_, o.paid as mro, o.region || count(*) as label, count(*) as n
  from shop.orders o group by 1, 2"""
LABELS = "select o.region as region, o.region || count(*) as label from shop.orders o group by 1"
METRICS = {"parcels": PARCELS, "sizes": SIZES, "named": NAMED, "labels": LABELS}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """Three parcels, and orders by size."""
    orders = [Order(paid=number % 3 == 0) for number in range(7)]
    folder: Path = tmp_path_factory.mktemp("shop")
    with asking(publish(folder, METRICS, orders)) as found:
        yield found


VALUES = {
    "size": ["small", None, "large"],
    "place { zipCode floor }": [{"zipCode": "1010", "floor": 3}, None, {"zipCode": None, "floor": None}],
    "stops { at by }": [[{"at": "2026-01-02", "by": ["Ann", None]}, None], None, []],
    "marks": [{"a": 1}, None, {}],
    "sums": [["1.5", None], None, []],
    "took": ["P1Y-3DT4H5M6.7S", "P-1Y-2M", "PT0S"],
    "seen": ["2026-01-01T00:00:00.123456789", None, None],
    "words": ["a b", None, "c"],
    "odd": [{"a b": 1}, None, None],
    "less": [-0.0, None, 1e308],
}


@pytest.mark.parametrize("selection", VALUES)
def test_a_value_of_any_type_is_given_whole(shop: Asking, selection: str) -> None:
    """Row by row, and column by column."""
    name = selection.partition(" ")[0]
    data = shop.data(f"{{ parcels {{ nodes {{ {selection} }} columns {{ {selection} }} }} }}")["parcels"]
    assert [row[name] for row in data["nodes"]] == VALUES[selection] == data["columns"][name]


FILTERS = {
    "{size: {eq: small}}": [1],
    "{size: {in: [small, large]}}": [1, 3],
    '{words: {eq: "a b"}}': [1],
    "{place: {isNull: true}}": [2],
    "{took: {isNull: false}}": [1, 2, 3],
    '{seen: {gte: "2026-01-01T00:00:00.123456"}}': [1],
}


@pytest.mark.parametrize("where", FILTERS)
def test_it_is_filtered_by_as_far_as_it_can_be_said(shop: Asking, where: str) -> None:
    """Enums by their names; lists, structs and lengths of time by null."""
    data = shop.data(f"{{ parcels(where: {where}) {{ nodes {{ id }} }} }}")
    assert [row["id"] for row in data["parcels"]["nodes"]] == FILTERS[where]


def test_a_metric_is_grouped_and_ordered_by_an_enum(shop: Asking) -> None:
    """In the order in which its values were declared; a length of time is a measure like others."""
    document = "{ sizes(by: [SIZE], orderBy: [{longest: DESC}]) { nodes { size n longest } totals { longest } } }"
    assert shop.data(document)["sizes"] == {
        "nodes": [{"size": "small", "n": 3, "longest": "PT7H"}, {"size": "large", "n": 4, "longest": "PT6H"}],
        "totals": {"longest": "PT7H"},
    }
    assert [row["size"] for row in shop.data("{ sizes { nodes { size } } }")["sizes"]["nodes"]] == ["large", "small"]


def test_the_schema_names_their_types(shop: Asking) -> None:
    """After the column; what has no names in GraphQL is text or JSON."""
    sdl = shop.generation.value.sdl
    for line in (
        "size: ParcelsSizeValue",
        "place: ParcelsPlaceValue",
        "stops: [ParcelsStopsValue]",
        "sums: [Decimal]",
        "took: Duration",
        "seen: LocalDateTime",
        "words: String",
        "odd: JSON",
        "marks: JSON",
        "zipCode: String",
        "enum ParcelsSizeValue {",
    ):
        assert line in sdl


def test_a_dimension_may_have_any_name_of_graphql(shop: Asking) -> None:
    """What is reserved in Python is not in `by`."""
    found = shop.data("{ named(by: [_A_, MRO], first: 1) { nodes { _a mro n } } }")["named"]["nodes"]
    assert found == [{"_a": "eu", "mro": False, "n": 4}]


def test_what_means_its_own_grouping_only_is_not_among_the_totals(shop: Asking) -> None:
    """It would be refused whenever it is asked."""
    types = shop.generation.value.schema.type_map
    assert list(types["NamedTotals"].fields) == ["n"]  # type: ignore[attr-defined]
    assert "totals" not in types["LabelsResult"].fields  # type: ignore[attr-defined]
    assert shop.data("{ labels { nodes { label } } }")["labels"]["nodes"] == [{"label": "eu7"}]
