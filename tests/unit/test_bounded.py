"""What is bounded: the room is never exceeded, and what was not asked for longest goes first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gql.bounded import LARGEST_PART, Bounded


def bounded(room: int) -> Bounded[str, str]:
    """Texts, which weigh as much as they are long."""
    return Bounded(room, lambda _, text: len(text))


def test_what_was_not_asked_for_longest_goes_first() -> None:
    """A value that is read is as good as new."""
    kept = bounded(16)
    for key in "abcdefgh":
        kept.put(key, "12")
    kept.get("a")

    kept.put("i", "12")

    assert [*kept] == [*"cdefghai"]
    assert kept.get("b") is None


def test_a_value_that_would_take_a_large_part_of_the_room_is_not_kept() -> None:
    """Nor what was in its place: that is not true any more."""
    kept = bounded(16)
    kept.put("a", "1")

    kept.put("a", "x" * (16 // LARGEST_PART + 1))

    assert kept.get("a") is None


def test_without_room_nothing_is_kept() -> None:
    """Which is how answers are not kept at all."""
    kept = bounded(0)

    kept.put("a", "1")

    assert kept.get("a") is None


@given(st.lists(st.tuples(st.sampled_from(["put", "get", "remove"]), st.sampled_from("abcdef"), st.integers(0, 8))))
def test_the_room_is_never_exceeded_and_a_value_is_the_last_that_was_put(steps: list[tuple[str, str, int]]) -> None:
    """Whatever is put, read and removed in whatever order."""
    kept, last = bounded(20), dict[str, str]()
    for step, key, weight in steps:
        if step == "put":
            kept.put(key, "x" * weight)
            last[key] = "x" * weight
        elif step == "remove":
            kept.remove(key)
            last.pop(key, None)
        assert kept.get(key) in (None, last.get(key))
        assert sum(len(kept.get(one) or "") for one in kept) <= 20
