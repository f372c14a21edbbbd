"""`Range` of HTTP: which bytes are sent."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gql.download.ranges import MAX_RANGES, Span, ranges_of

SIZE = 1000


@pytest.mark.parametrize(
    ("header", "spans"),
    [
        ("bytes=0-0", [(0, 1)]),
        ("bytes=0-999", [(0, 1000)]),
        ("bytes=990-", [(990, 1000)]),
        ("bytes=990-5000", [(990, 1000)]),
        ("bytes=-10", [(990, 1000)]),
        ("bytes=-5000", [(0, 1000)]),
        ("Bytes = 5-6 , 10-11", [(5, 7), (10, 12)]),
        ("bytes=10-11,5-6", [(10, 12), (5, 7)]),
        ("bytes=5-6,5000-", [(5, 7)]),
    ],
)
def test_ranges_are_cut_off_at_the_end_of_the_file_and_keep_their_order(
    header: str, spans: list[tuple[int, int]]
) -> None:
    """One of them that lies in the file is enough."""
    assert ranges_of(header, SIZE) == [Span(*span) for span in spans]


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=-0", "bytes=5000-6000,1000-1001"])
def test_what_lies_beyond_the_file_is_nothing_of_it(header: str) -> None:
    """Which is told apart from all of it."""
    assert ranges_of(header, SIZE) == []


@pytest.mark.parametrize(
    "header",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=6-5",
        "bytes=1-2-3",
        "bytes=+1-2",
        "lines=1-2",
        "bytes=1-2;3",
    ],
)
def test_what_is_no_range_of_bytes_is_passed_over(header: str) -> None:
    """All of the file is sent, as if it were not there."""
    assert ranges_of(header, SIZE) is None


def test_ranges_that_would_make_the_answer_larger_than_the_file_are_passed_over() -> None:
    """Many of them, and those that overlap."""
    assert ranges_of("bytes=0-10,5-20", SIZE) is None
    assert ranges_of("bytes=" + ",".join(f"{n * 2}-{n * 2}" for n in range(MAX_RANGES + 1)), SIZE) is None


@given(st.text(alphabet="bytes=-,0123456789 x", max_size=40) | st.text(max_size=20), st.integers(0, 100))
def test_whatever_is_sent_the_spans_lie_in_the_file_and_do_not_overlap(header: str, size: int) -> None:
    """Nobody gets more than there is, and nothing raises."""
    spans = ranges_of(header, size) or []

    assert all(0 <= span.start < span.end <= size for span in spans)
    assert all(before.end <= after.start for before, after in pairwise(sorted(spans)))
