"""A refusal says which argument it is about, where that is in the document, and the way out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from graphql import GraphQLError

from snapshot.errors import NotComputable

from .tiny import Asking, Order, asking, publish

METRICS = {
    "sales": "select o.placed_at::date as day, o.region, count(*) as n from shop.orders o group by all",
    # The clock lies within, so that only what is stored can be asked.
    "stored": "select o.placed_at::date as day, median(o.amount) as middle from shop.orders o "
    "where o.placed_at < now()::timestamp group by all",
    # Measures that have values for the rows that there are, and none for no rows.
    "fragile": "select o.region, 100 * count(o.fee) // count(*) as percent, "
    "strptime(coalesce(max(o.region), 'none'), 'eu') as parsed, factorial((21 - 20 * count(*))::integer) as ways, "
    "cast(case when count(*) = 0 then 'none' else '1' end as integer) as number "
    "from shop.orders o group by all",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """A shop with one order."""
    with asking(publish(tmp_path_factory.mktemp("shop"), METRICS, [Order()])) as found:
        yield found


def refusal(shop: Asking, document: str, variables: Mapping[str, Any] | None = None) -> GraphQLError:
    """The refusal of a document."""
    with pytest.raises(GraphQLError) as raised:
        shop.data(document, variables)
    return raised.value


# An argument of a field, what the refusal calls it, and its way out.
ARGUMENTS = [
    ("orderBy: [{region: ASC, n: DESC}]", "orderBy", "exactly one key"),
    ("orderBy: [{region: null}]", "orderBy", "must be non-null"),
    ("where: {day: {last: {}}}", "where", "exactly one key"),
    ("where: {day: {last: {days: 0}}}", "where.day.last.days", "at least 1"),
    ("where: {day: {last: {hours: 1}}}", "where.day", "name days"),
    ("where: {day: {last: {years: 9000}}}", "where.day.last", "name a shorter time"),
    ("where: {day: {eq: null}}", "where.day.eq", "use isNull: true"),
    ("where: {region: null}", "where.region", "use isNull: true"),
    ("where: {or: [{region: {eq: null}}]}", "where.region.eq", "use isNull: true"),
    (f"where: {{region: {{in: {['x'] * 1001}}}}}".replace("'", '"'), "where.region.in", "ask in parts"),
    ("having: {n: {eq: null}}", "having.n.eq", "use isNull: true"),
    ("first: -1", "first", "not be negative"),
    ('after: "x"', "after", "not a cursor"),
]


@pytest.mark.parametrize(("argument", "name", "way_out"), ARGUMENTS)
def test_a_refusal_names_the_argument_and_its_place(shop: Asking, argument: str, name: str, way_out: str) -> None:
    """The path within it, too, where that is known."""
    found = refusal(shop, f"{{ sales({argument}) {{ totalCount }} }}")
    assert found.extensions == {"code": "BAD_USER_INPUT"}
    assert f"'{name}'" in found.message
    assert way_out in found.message
    assert found.locations == [(1, 9)]


@pytest.mark.parametrize(
    ("kind", "value", "use"),
    [
        ("[SalesOrder!]", [{"region": "ASC", "n": "ASC"}], "orderBy: $it"),
        ("Last", {}, "where: {day: {last: $it}}"),
        ("Direction!", None, "orderBy: [{region: $it}]"),
    ],
)
def test_a_refusal_of_a_variable_names_it_and_its_place(shop: Asking, kind: str, value: Any, use: str) -> None:
    """Where the document declares it."""
    document = f"query ($other: Int, $it: {kind}) {{ sales({use}, first: $other) {{ totalCount }} }}"
    found = refusal(shop, document, {"it": value})
    assert found.extensions == {"code": "BAD_USER_INPUT"}
    assert "'$it'" in found.message
    assert found.locations == [(1, 21)]


@pytest.mark.parametrize(
    ("field", "part"),
    [
        ("stored(fill: true) { nodes { day middle } }", "fill"),
        ('stored(where: {day: {gte: "2026-01-01"}}) { nodes { day } totals { middle } }', "totals"),
    ],
)
def test_a_part_that_cannot_be_given_is_named(shop: Asking, field: str, part: str) -> None:
    """For the grouping itself is fine."""
    found = refusal(shop, f"{{ {field} }}")
    assert found.extensions == {"code": "NOT_ANSWERABLE"}
    assert (
        found.message
        == f"stored cannot give middle exactly for '{part}'; leave '{part}' out, or ask for other measures"
    )


@pytest.mark.parametrize("part", ["nodes", "totals"])
@pytest.mark.parametrize(
    ("measure", "code", "way_out"),
    [
        ("percent", "NOT_COMPUTABLE", "nullif(..., 0)"),
        ("parsed", "NOT_COMPUTABLE", "ask for other rows"),
        ("ways", "BAD_USER_INPUT", "a wider type"),
        ("number", "BAD_USER_INPUT", "try_cast"),
    ],
)
def test_what_has_no_value_for_these_rows_is_refused(
    shop: Asking, part: str, measure: str, code: str, way_out: str
) -> None:
    """In words of our own, whether it is merged or computed anew; other rows and measures are answered."""
    found = refusal(shop, f'{{ fragile(by: [], where: {{region: {{in: ["us"]}}}}) {{ {part} {{ {measure} }} }} }}')
    assert found.extensions == {"code": code}
    assert found.locations == [(1, 3)]
    assert way_out in found.message
    assert "Error" not in found.message
    assert shop.data(f"{{ fragile {{ {part} {{ {measure} }} }} }}")


def test_the_words_of_duckdb_stay_with_the_cause(shop: Asking) -> None:
    """For whoever looks for it."""
    found = refusal(shop, "{ fragile(by: [], where: {region: {in: []}}) { nodes { percent } } }")
    assert isinstance(found.__cause__, NotComputable)
    assert "Division by zero" in str(found.__cause__)
