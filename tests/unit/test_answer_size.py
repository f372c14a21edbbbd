"""How much one answer may hold, counted over all of its root fields, and until when it may be made."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gql import execute
from gql.answer import Request, answer, answer_now
from gql.resident import NotResident
from snapshot.errors import DeadlineExceeded

from .tiny import SECONDS, Asking, Order, asking, publish

METRICS = {
    "orders": "-- @key id\nselect id, region, amount from shop.orders",
}
# Four rows of two values, once and twice; as lists, too.
EIGHT = "{ a: orders { nodes { id id2: id } } }"
SIXTEEN = "{ a: orders { nodes { id region } } b: orders { nodes { id } columns { region } } }"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """Four orders."""
    with asking(publish(tmp_path_factory.mktemp("shop"), METRICS, [Order()] * 4)) as found:
        yield found


def test_an_answer_of_too_many_values_is_refused_whichever_fields_they_are_of(
    shop: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of its fields alone would not be."""
    monkeypatch.setattr(execute, "MAX_CELLS", 15)

    assert shop.refusal(SIXTEEN) == "TOO_COMPLEX"
    assert len(shop.data(EIGHT)["a"]["nodes"]) == 4


def test_values_under_two_names_are_two(shop: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are made, and sent, twice."""
    monkeypatch.setattr(execute, "MAX_CELLS", 7)

    assert shop.refusal(EIGHT) == "TOO_COMPLEX"


def test_an_answer_of_many_values_is_not_at_hand_whichever_fields_they_are_of(
    shop: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To complete it would keep others waiting."""
    for _ in range(3):
        shop.data(SIXTEEN)
    assert answer_now(Request(SIXTEEN, {}), shop.reader, shop.settings.server).data
    monkeypatch.setattr(execute, "AT_ONCE", 15)

    with pytest.raises(NotResident):
        answer_now(Request(SIXTEEN, {}), shop.reader, shop.settings.server)


def test_an_answer_that_is_held_has_a_deadline_as_one_that_is_queried(shop: Asking) -> None:
    """Where nothing is asked of DuckDB, nobody else looks at the time."""
    now = time.monotonic()
    for _ in range(3):
        answer(Request(EIGHT, {}), shop.reader, shop.settings.server, now + SECONDS)

    with pytest.raises(DeadlineExceeded):
        answer(Request(EIGHT, {}), shop.reader, shop.settings.server, now)


def test_all_columns_can_be_had_at_once_however_many_there_are(tmp_path: Path) -> None:
    """But no more values of a row than that, where they are more than 250."""
    columns = [f"c{number}" for number in range(300)]
    sql = "select " + ", ".join(f"o.id + {number} as c{number}" for number in range(300)) + " from shop.orders o"
    with asking(publish(tmp_path, {"wide": sql}, [Order()])) as shop:
        found = shop.data(f"{{ wide {{ nodes {{ {' '.join(columns)} }} }} }}")
        assert found == {"wide": {"nodes": [{name: number for number, name in enumerate(columns, 1)}]}}
        assert shop.refusal(f"{{ wide {{ nodes {{ a: c0 {' '.join(columns)} }} }} }}") == "TOO_COMPLEX"
