"""Pages: one after the other they are the whole answer, of one generation, whatever is published meanwhile."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from snapshot.store import Store

from .tiny import Asking, Order, asking, fill, publish, publish_again

METRICS = {
    "sales": "select region, amount as price, count(*) as n from shop.orders group by all",
    "orders": "select id, region from shop.orders order by id desc",
}
REGIONS = ("eu", "us", None, "asia")
ORDERS = [Order(region=REGIONS[number % 4]) for number in range(11)]
SALES = "sales(by: [REGION], orderBy: [{n: DESC}]"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Asking]:
    """Four regions, eleven orders."""
    with asking(publish(tmp_path, METRICS, ORDERS)) as found:
        yield found


def pages(shop: Asking, field: str, row: str, size: int) -> list[list[object]]:
    """All pages, one asked for after the other."""
    found, after = [], "null"
    while True:
        arguments = f"{field}, first: {size}, after: {after})"
        document = f"{{ {arguments} {{ nodes {{ {row} }} pageInfo {{ hasNextPage endCursor }} }} }}"
        (answer,) = shop.data(document).values()
        found.append(answer["nodes"])
        if not answer["pageInfo"]["hasNextPage"]:
            return found
        after = f'"{answer["pageInfo"]["endCursor"]}"'


@pytest.mark.parametrize("size", [1, 2, 3, 11, 20])
def test_the_pages_together_are_the_whole(shop: Asking, size: int) -> None:
    """Of a grouped metric, whose order is made total, and of a plain table, which has its own."""
    for field, row in ((SALES, "region n"), ("orders(offset: 0", "id region")):
        (whole,) = shop.data(f"{{ {field}) {{ nodes {{ {row} }} }} }}").values()
        found = pages(shop, field, row, size)
        assert [row for page in found for row in page] == whole["nodes"]
        assert {len(page) for page in found[:-1]} <= {size}


def cursor(shop: Asking) -> str:
    """Of the end of the first page of two."""
    data = shop.data(f"{{ {SALES}, first: 2) {{ pageInfo {{ endCursor }} }} }}")
    return str(data["sales"]["pageInfo"]["endCursor"])


def test_a_page_is_of_the_generation_of_its_cursor(shop: Asking) -> None:
    """All of the document is: the numbers of one answer belong together."""
    after, number = cursor(shop), shop.generation.catalog.snapshot.number
    fill(shop.settings, [Order(region="mars")] * 99)
    publish_again(shop.settings)
    shop.reader.follow()
    document = f'{{ {SALES}, after: "{after}") {{ nodes {{ n }} }} snapshot {{ number }} }}'
    assert shop.data(document) == {"sales": {"nodes": [{"n": 3}, {"n": 2}]}, "snapshot": {"number": number}}
    assert shop.data("{ snapshot { number } }") == {"snapshot": {"number": number + 1}}


def test_a_page_of_a_generation_that_is_not_kept_is_refused(shop: Asking) -> None:
    """With a code of its own: the client begins with the first page."""
    after = cursor(shop)
    for _ in range(2):
        publish_again(shop.settings)
    Store(shop.settings.directory, keep=1).remove_older()
    with asking(shop.settings) as later:
        assert later.refusal(f'{{ {SALES}, after: "{after}") {{ nodes {{ n }} }} }}') == "SNAPSHOT_GONE"


OTHERS = {
    "another order": "sales(by: [REGION], after: {after})",
    "another filter": 'sales(by: [REGION], orderBy: [{{n: DESC}}], where: {{region: {{ne: "eu"}}}}, after: {after})',
    "another metric": "orders(after: {after})",
    "no cursor": 'sales(after: "eu")',
    "a cursor of bytes": f'sales(after: "{base64.b64encode(bytes([255, 0])).decode()}")',
}


@pytest.mark.parametrize("field", OTHERS.values(), ids=OTHERS)
def test_a_cursor_of_another_question_is_refused(shop: Asking, field: str) -> None:
    """Its place means nothing there."""
    words = field.format(after=f'"{cursor(shop)}"') if "{after}" in field else field
    assert shop.refusal(f"{{ {words} {{ nodes {{ region }} }} }}") == "BAD_USER_INPUT"


def test_cursors_of_two_generations_in_one_document_are_refused(shop: Asking) -> None:
    """An answer is of one."""
    old = cursor(shop)
    publish_again(shop.settings)
    shop.reader.follow()
    new = cursor(shop)
    words = [f'{name}: {SALES}, after: "{after}") {{ nodes {{ n }} }}' for name, after in (("a", old), ("b", new))]
    assert shop.refusal(f"{{ {' '.join(words)} }}") == "BAD_USER_INPUT"
    assert old != new
