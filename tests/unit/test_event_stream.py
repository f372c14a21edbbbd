"""Server-sent events on the wire, read back as the standard says."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from gql.event_stream import COMPLETE, HEARTBEAT, known, next_event

from ..process.events import Event, events_of


@given(st.text(), st.sampled_from([None, 1, 2]))
def test_a_result_comes_through_as_it_is(text: str, indent: int | None) -> None:
    """Whatever is in it, and where it has several lines, too: JSON of a column keeps its own."""
    result = json.dumps({"data": {"text": text}}, indent=indent, ensure_ascii=False)

    (event,) = events_of(next_event(result.encode(), "42"))

    assert (event.name, json.loads(event.data), event.id) == ("next", json.loads(result), "42")


def test_the_end_is_an_event_of_its_own() -> None:
    """A browser dispatches no event that has no data at all."""
    assert events_of(COMPLETE) == [Event("complete", "", "")]


def test_a_heartbeat_is_no_event() -> None:
    """It comes between others and changes nothing."""
    both = next_event(b"{}", "1") + HEARTBEAT + next_event(b"{}", "2")

    assert [event.id for event in events_of(both)] == ["1", "2"]


def test_an_id_alone_is_no_event_but_is_remembered() -> None:
    """A browser that comes again names it, though nothing happened since."""
    assert events_of(known("7")) == []
    assert events_of(known("7") + next_event(b"{}")) == [Event("next", "{}", "7")]
