"""Answers completed from the selection, and by graphql-core field by field: the same for any document."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any
from unittest.mock import patch

import pytest
from graphql import GraphQLObjectType, get_named_type
from hypothesis import given, settings
from hypothesis import strategies as st

from gql import execute
from gql.answer import Request, answer
from gql.table import table

from ..unit.tiny import SECONDS, Asking, Order, asking, publish
from .test_metrics import quiet

SALES = """select o.placed_at::date as day, o.region as region, count(*) as orders, sum(o.amount) as revenue,
  avg(o.weight) as weight, max(o.amount, 2) as top from shop.orders o group by all"""
ROWS = """-- @key id
select id, region, paid, due, {'name': region, 'parts': [{'n': id}, null]} as inner, [amount, null] as amounts
from shop.orders"""
ORDERS = [
    Order(region=region, amount=Decimal(day), weight=weight, placed_at=datetime(2026, month, day))  # noqa: DTZ001
    for month, day, region, weight in ((1, 1, "eu", 1.5), (1, 3, None, None), (2, 3, "eu", -0.5), (2, 4, "us", 2.0))
]
FIELDS = {
    "sales": [
        "(by: [MONTH, REGION, DAY])",
        "(first: 1, by: [DAY, REGION, MONTH])",
        '(by: [DAY, MONTH, REGION], where: {region: {eq: "eu"}})',
    ],
    "rows": ["", "(first: 2, orderBy: [{id: DESC}])", "(where: {or: []})"],
    "rowsById": ["(id: 2)", "(id: 99)"],
}
# Units that are not grouped by, and what has no meaning here.
LEFT_OUT = {"week", "quarter", "year"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """A grouped metric, and a plain table with objects and lists in its rows."""
    with asking(publish(tmp_path_factory.mktemp("shop"), {"sales": SALES, "rows": ROWS}, ORDERS)) as found:
        yield found


@dataclass(frozen=True)
class Writer:
    """Writes random selections; what it names is never named twice, so that nothing is in conflict."""

    draw: Any
    names: Iterator[int]
    fragments: list[str]

    def selection(self, kind: GraphQLObjectType, depth: int = 0) -> str:
        """Some fields of a type, each as it is, by another name, under a condition or in a fragment."""
        wanted = [name for name in kind.fields if name not in LEFT_OUT]
        chosen = self.draw(st.lists(st.sampled_from([*wanted, "__typename"]), min_size=1, max_size=5))
        return "{ " + " ".join(self._written(kind, name, depth) for name in chosen) + " }"

    def _written(self, kind: GraphQLObjectType, name: str, depth: int) -> str:
        how = self.draw(st.sampled_from(["", "", "alias", "skip", "include", "inline", "fragment"]))
        field = self._field(kind, name, depth, alias=how == "alias")
        if how in ("skip", "include"):
            value = self.draw(st.sampled_from(["true", "false", "$yes", "$no"]))
            return f"{field} " if "{" in field else f"{field} @{how}(if: {value})"
        if how == "inline":
            return f"... on {kind.name} @include(if: $yes) {{ {field} }}"
        if how == "fragment":
            fragment = f"F{next(self.names)}"
            self.fragments.append(f"fragment {fragment} on {kind.name} {{ {field} }}")
            return f"...{fragment}"
        return field

    def _field(self, kind: GraphQLObjectType, name: str, depth: int, *, alias: bool) -> str:
        if name == "__typename":
            return f"t{next(self.names)}: __typename" if alias else name
        field = kind.fields[name]
        by = self.draw(st.sampled_from(["PERIOD", "DAY", "YEAR"])) if field.args else ""
        written = f"{name}(by: {by})" if by else name
        inner = get_named_type(field.type)
        below = f" {self.selection(inner, depth + 1)}" if isinstance(inner, GraphQLObjectType) else ""
        return f"{f'a{next(self.names)}: ' if alias or by else ''}{written}{below}"


@st.composite
def documents(draw: st.DrawFn, root: GraphQLObjectType) -> str:
    """A document of up to three root fields, and perhaps one that is no metric's."""
    writer, fields = Writer(draw, count(), []), []
    for name in draw(st.lists(st.sampled_from(sorted(FIELDS)), min_size=1, max_size=3)):
        kind = get_named_type(root.fields[name].type)
        arguments = draw(st.sampled_from(FIELDS[name]))
        fields.append(f"r{next(writer.names)}: {name}{arguments} {writer.selection(kind)}")
    fields += draw(st.lists(st.sampled_from(["__typename", "snapshot { number }", "metrics { name }"]), max_size=1))
    used = "a: __typename @include(if: $yes) b: __typename @skip(if: $no)"
    return f"query($yes: Boolean!, $no: Boolean!) {{ {used} {' '.join(fields)} }} {' '.join(writer.fragments)}"


@settings(quiet, max_examples=75)
@given(st.data())
def test_both_give_the_same(shop: Asking, data: st.DataObject) -> None:
    """The same values under the same keys in the same order, from DuckDB and from memory."""
    document = data.draw(documents(shop.generation.value.root))
    with patch.object(execute, "table", lambda plan, rows: replace(table(plan, rows), broken=True)):
        expected = answered(shop, document, cells=0)
    assert answered(shop, document, cells=0) == expected
    assert [answered(shop, document, cells=100_000) for _ in range(3)] == [expected] * 3


def answered(shop: Asking, document: str, cells: int) -> str:
    """The whole answer."""
    server = replace(shop.settings.server, resident_cells=cells, max_tokens=20_000)
    request = Request(document, {"yes": True, "no": False})
    result = answer(request, shop.reader, server, time.monotonic() + SECONDS)
    return repr((result.data, result.errors))
