"""What is kept of reading and planning is bounded by the memory that it takes, however long it is."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gql import document
from gql.answer import Request, answer
from gql.complete import MAKERS_BYTES, Place, Selection, completed
from gql.document import Documents
from gql.plan import Plan
from gql.prepare import PlanKey
from gql.resident import KINDS_BYTES, Residents, Shape
from gql.table import Table

from .tiny import SECONDS, Asking, Order, asking, publish

MAX_TOKENS = 2_000
# Documents that say the most by the fewest characters, and the least by the most.
SHAPES = {
    "short": "{ sales { nodes { id region } } }",
    "many names": "{ sales { nodes { " + " ".join(f"a{number}: id" for number in range(200)) + " } } }",
    "many values": "{ sales(where: {or: [" + "{id: {eq: 1}} " * 200 + "]}) { nodes { id } } }",
    "long texts": '{ sales(where: {region: {in: ["' + "x" * 20_000 + '"]}}) { nodes { id } } }',
    "spaces": "{ sales { nodes { id } } }" + " " * 20_000,
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """One order."""
    folder: Path = tmp_path_factory.mktemp("shop")
    with asking(publish(folder, {"sales": "select o.id, o.region from shop.orders o"}, [Order()])) as found:
        yield found


@pytest.mark.parametrize("text", SHAPES.values(), ids=list(SHAPES))
def test_documents_take_no_more_memory_than_they_weigh(shop: Asking, text: str) -> None:
    """Give or take a tenth, and what is there once for all."""
    documents = Documents(shop.generation.value.schema)
    gc.collect()
    tracemalloc.start()
    try:
        found = [documents(text + " " * number, MAX_TOKENS) for number in range(20)]
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    assert not any(document.errors for document in found)
    assert taken < 1.1 * sum(document.size for document in found) + 200_000


def test_documents_make_room_for_others_by_what_they_weigh(shop: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that were not asked for longest go first."""
    texts = [SHAPES["many values"] + " " * number for number in range(10)]
    size = Documents(shop.generation.value.schema)(texts[-1], MAX_TOKENS).size
    monkeypatch.setattr(document, "DOCUMENT_BYTES", 8 * size)
    documents = Documents(shop.generation.value.schema)

    for text in texts:
        documents(text, MAX_TOKENS)

    assert [documents.known(text, MAX_TOKENS) is not None for text in texts] == [False] * 2 + [True] * 8


def test_a_document_is_kept_however_long_it_is(shop: Asking) -> None:
    """One of few words does not take much."""
    documents = Documents(shop.generation.value.schema)
    text = SHAPES["long texts"]

    assert documents(text, MAX_TOKENS) is documents(text, MAX_TOKENS)


def test_plans_weigh_their_documents_and_values(shop: Asking) -> None:
    """Each holds both."""
    query = "query ($in: [String!]) { sales(where: {region: {in: $in}}) { nodes { id } } }"
    regions = [f"region {number}" for number in range(900)]
    for values in (["eu"], regions):
        answer(Request(query, {"in": values}), shop.reader, shop.settings.server, time.monotonic() + SECONDS)

    small, large = list[PlanKey](shop.generation.value.prepared)[-2:]
    assert small.size > small.operation.document.size
    assert large.size - small.size > len(repr(regions))


def test_a_document_that_takes_too_long_to_validate_is_told_so(shop: Asking) -> None:
    """graphql-core says only that it stopped."""
    (said,) = Documents(shop.generation.value.schema)("{" + "__typename " * 900 + "}", MAX_TOKENS).errors
    assert "takes too long to validate" in said.message


def memory_of(keep: Callable[[int], object]) -> int:
    """What is kept of a hundred things, in bytes."""
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(100):
            keep(number)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def test_what_is_known_of_rows_takes_bounded_memory_however_long_their_names_are() -> None:
    """A client may give a field a name of as many letters as fit into a request."""

    def keep(number: int) -> None:
        completed(Table(("id",), [(1,)]), Selection({f"a{number}" + "x" * 300_000: Place("id")}))

    assert memory_of(keep) < 1.5 * MAKERS_BYTES


def test_what_is_known_of_questions_takes_bounded_memory_however_long_their_values_are() -> None:
    """As above, with what is asked for."""
    residents = Residents()

    def keep(number: int) -> None:
        plan = Plan("select 1", (f"{number}" + "x" * 300_000,), (), "")
        residents.load(Shape(plan, None), {}, lambda _: [], 0)

    assert memory_of(keep) < 1.5 * KINDS_BYTES
