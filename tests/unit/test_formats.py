"""The forms of a table as a file, of rows that were made up."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from graphql import GraphQLError
from hypothesis import given
from hypothesis import strategies as st

from gql.download.body import Body
from gql.download.formats import FORMATS
from gql.plan import Plan
from snapshot.catalog import Column
from snapshot.reader import Running

NAME = Column("name", "name", "VARCHAR", nullable=True, role="column")
COUNT = Column("count", "count", "BIGINT", nullable=True, role="column")
PLAN = Plan("", (), (NAME, COUNT), "stored")


class Batches(Running):
    """The result of a query that was never run."""

    def __init__(self, *batches: Sequence[tuple[Any, ...]]) -> None:
        self.batches = batches

    def rows(self, size: int) -> Iterator[list[tuple[Any, ...]]]:
        """All of them, as they are."""
        return (list(batch) for batch in self.batches)


class Written(Body):
    """A body that nobody takes."""

    def __init__(self) -> None:
        self.all = b""

    def write(self, data: bytes) -> int:
        """Keep it."""
        self.all += data
        return len(data)


def written(ending: str, *batches: Sequence[tuple[Any, ...]]) -> str:
    """What comes of these batches."""
    body = Written()
    FORMATS[ending].write(PLAN, Batches(*batches), body)
    return body.all.decode()


@given(
    st.lists(st.lists(st.tuples(st.text() | st.none(), st.integers(-(2**53) + 1, 2**53 - 1) | st.none()), min_size=1))
)
def test_csv_comes_back_as_it_was(batches: list[list[tuple[str | None, int | None]]]) -> None:
    """Line ends, quotes and commas included; null is a cell without anything."""
    text = written("csv", *batches)

    assert list(csv.reader(io.StringIO(text, newline=""))) == [["name", "count"]] + [
        [name or "", "" if count is None else str(count)] for batch in batches for name, count in batch
    ]
    assert text.endswith("\r\n")


def test_csv_has_an_empty_text_in_quotes_and_null_without() -> None:
    """They are two values."""
    assert written("csv", [("", 1), (None, 2)]) == 'name,count\r\n"",1\r\n,2\r\n'


@given(st.lists(st.lists(st.tuples(st.text() | st.none(), st.integers(0, 9)), min_size=1)))
def test_json_is_one_array_whatever_its_batches(batches: list[list[tuple[str | None, int]]]) -> None:
    """Of none, too."""
    rows = [{"name": name, "count": count} for batch in batches for name, count in batch]

    assert json.loads(written("json", *batches)) == rows


def test_what_the_api_would_refuse_in_the_middle_leaves_no_whole_array() -> None:
    """A client must not take for all of it what broke off."""
    body = Written()
    with pytest.raises(GraphQLError, match="2\\^53"):
        FORMATS["json"].write(PLAN, Batches([("a", 1)], [("b", 2**60)]), body)

    assert body.all == b'[{"name":"a","count":1}'
