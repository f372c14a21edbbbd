"""Rows held in memory: random questions have the answers that DuckDB gives, to the last digit and in its order.

`PACELAYER_TEST_PROJECTS` says how many projects; `make soak` asks the most.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from graphql import GraphQLError
from hypothesis import given, settings
from hypothesis import strategies as st

from gql.answer import Request, answer, answer_now
from gql.resident import NotResident
from snapshot import build

from ..unit.tiny import SECONDS, Asking, Order, User, asking, fill, make, publish_again
from .conditions import VALUES, Dimension
from .metric_family import ORDERS, USERS, Asked, Family, families, questions
from .oracle import shown
from .test_metrics import quiet
from .test_questions import DIRECTIONS, grouped_by, variables

PROJECTS = max(int(os.environ.get("PACELAYER_TEST_PROJECTS", "20")) // 2, 1)
METRICS, QUESTIONS, VALUES_EACH = 2, 5, 3
PARTS = (
    "totalCount nodes {{ {row} }}",
    "nodes {{ __typename {row} }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}",
    "totalCount totals {{ {measures} __typename }}",
    "columns {{ {row} }} totalCount",
    "nodes {{ {row} }} totals {{ {measures} __typename }} totalCount",
)
# What was had from memory, over all that was asked.
WAYS = Counter[str]()


@st.composite
def pages(draw: st.DrawFn, names: Sequence[str]) -> str:
    """Arguments for an order, of up to two keys, and perhaps for a part of it."""
    keys = draw(st.lists(st.sampled_from(names), max_size=2, unique=True)) if names else []
    order = ", ".join(f"{{{name}: {draw(st.sampled_from(DIRECTIONS))}}}" for name in keys)
    first = draw(st.sampled_from(["", "first: 0", "first: 2", "first: 3, offset: 1", "offset: 2"]))
    return f"orderBy: [{order}] {first}"


@settings(quiet, max_examples=PROJECTS)
@given(st.data(), st.lists(families(), min_size=METRICS, max_size=METRICS), ORDERS, USERS)
def test_what_is_held_answers_as_duckdb_does(
    data: st.DataObject, family: list[Family], orders: list[Order], users: list[User]
) -> None:
    """Each question is asked until it is held, and then with other values of what it fixes."""
    with TemporaryDirectory() as folder:
        project = make(Path(folder), {f"m{number}": found.sql for number, found in enumerate(family)})
        fill(project, orders, users)
        with patch.object(build, "check_contract"):  # a process for each project, which has no contract
            publish_again(project)
        with asking(project) as shop:
            for number, found in enumerate(family):
                for _ in range(QUESTIONS):
                    asked = data.draw(questions(found))
                    for document, values in documents(data, shop, f"m{number}", found, asked):
                        assert_the_same(shop, document, values)


def test_they_were_held() -> None:
    """Or the test above has shown nothing."""
    assert {"nodes", "totals", "totalCount"} <= set(WAYS)


def documents(
    data: st.DataObject, shop: Asking, name: str, family: Family, asked: Asked
) -> list[tuple[str, Mapping[str, Any]]]:
    """One question with several values of a column, once as a variable, once within the condition."""
    metric = shop.metric(name)
    by = grouped_by(family, asked)
    can = [dimension for dimension in family.askable if dimension.kind != "timestamptz"]
    fixed = data.draw(st.sampled_from(can)) if can else None
    fields = [metric.column(dimension.name).field for dimension in by]
    measures = [metric.column(measure.name).field for measure in asked.measures]
    selected = {"row": " ".join([*fields, *measures, "__typename"]), "measures": " ".join(measures)}
    parts = data.draw(st.sampled_from(PARTS)).format(**selected)
    page = data.draw(pages([*fields, *measures]))
    given_ = variables(asked, by)
    found: list[tuple[str, Mapping[str, Any]]] = []
    for value in data.draw(st.lists(_values(fixed), min_size=VALUES_EACH, max_size=VALUES_EACH)):
        found += _asking(metric.field, metric.column(fixed.name).field if fixed else "", value, given_, page, parts)
    return found


def _values(fixed: Dimension | None) -> st.SearchStrategy[Any]:
    return VALUES[fixed.kind] if fixed else st.none()


def _asking(
    field: str, column: str, value: Any, values: Mapping[str, Any], page: str, parts: str
) -> list[tuple[str, Mapping[str, Any]]]:
    kind = field.capitalize()
    declared = f"$by: [{kind}By!], $having: {kind}Having"
    arguments = f"by: $by, having: $having, {page}"
    whole = f"query({declared}, $where: {kind}Where) {{ a: {field}({arguments} where: $where) {{ {parts} }} }}"
    where = values["where"] | ({column: {"eq": shown(value)}} if column else {})
    asked: list[tuple[str, Mapping[str, Any]]] = [(whole, {**values, "where": where})]
    if column:
        scalar = {bool: "Boolean", int: "BigInt", str: "String"}.get(type(value))
        if scalar:
            arguments = f"{arguments} where: {{{column}: {{eq: $v}}}}"
            document = f"query({declared}, $v: {scalar}!) {{ a: {field}({arguments}) {{ {parts} }} }}"
            asked.append((document, {"by": values["by"], "having": values["having"], "v": value}))
    return asked


def assert_the_same(shop: Asking, document: str, values: Mapping[str, Any]) -> None:
    """As often as it is asked, the answer is the one without any memory; the order of the keys included."""
    expected = _answer(shop, document, values, cells=0)
    for _ in range(3):
        assert _answer(shop, document, values, cells=2_000_000) == expected
    with suppress(NotResident, GraphQLError):
        assert repr(answer_now(Request(document, values), shop.reader, shop.settings.server).data) == expected


def _answer(shop: Asking, document: str, values: Mapping[str, Any], cells: int) -> str:
    request, server = Request(document, values, explain=True), replace(shop.settings.server, resident_cells=cells)
    try:
        result = answer(request, shop.reader, server, time.monotonic() + SECONDS)
    except GraphQLError as error:
        return f"{error.message} {error.extensions}"
    assert not result.errors
    for ways in (result.extensions or {})["ways"].values():
        WAYS.update(part for part, way in ways.items() if way.startswith("resident"))
    return repr(result.data)
