"""Who waits for another entry of a directory is told of it, and can be told to go on."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from snapshot.events import Event, Flipped
from snapshot.reader import Reader, Resources, follow
from snapshot.reader.bell import Bell

from .tiny import Order, fill, publish, publish_again

# Far longer than any test may take: who is told of nothing waits until the test fails.
LONG = 3_600.0
linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems are looked at now and then")


@pytest.fixture
def bell(tmp_path: Path) -> Iterator[Bell]:
    """Of a directory that is not there yet."""
    found = Bell(tmp_path / "snapshots")
    yield found
    found.close()


def waited(bell: Bell, then: Callable[[], object]) -> bool:
    """Whether somebody who waits goes on when that happens."""
    waiting = threading.Thread(target=bell.wait, args=[LONG], daemon=True)
    waiting.start()
    then()
    waiting.join(20)
    return not waiting.is_alive()


def test_who_waits_goes_on_when_it_is_rung(bell: Bell) -> None:
    """Once and for all."""
    assert waited(bell, bell.ring)
    assert waited(bell, lambda: None)


@linux
@pytest.mark.parametrize("renamed", [False, True])
def test_an_entry_that_comes_is_told_of(bell: Bell, tmp_path: Path, renamed: bool) -> None:
    """Made there, or put there under another name, in a directory that came after the first look."""
    bell.wait(0)
    folder = tmp_path / "snapshots"
    folder.mkdir()
    bell.wait(0)
    entry, other = folder / "current", tmp_path / "other"
    other.touch()
    assert waited(bell, (lambda: other.rename(entry)) if renamed else entry.touch)


@linux
def test_what_was_told_of_is_not_told_of_again(bell: Bell, tmp_path: Path) -> None:
    """Each entry is heard of once."""
    (tmp_path / "snapshots").mkdir()
    bell.wait(0)
    (tmp_path / "snapshots/one").touch()
    bell.wait(LONG)
    assert waited(bell, (tmp_path / "snapshots/two").touch)


@linux
def test_a_reader_follows_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not wait for its next look."""
    monkeypatch.setattr(follow, "POLL_SECONDS", LONG)
    settings = publish(tmp_path, {"sales": "select o.id from shop.orders o"}, [Order()])
    flipped = threading.Event()

    def observe(event: Event) -> None:
        if isinstance(event, Flipped) and event.number == 2:
            flipped.set()

    reader: Reader[None] = Reader(settings.directory, Resources(1, "100MB"), lambda _: None, observe)
    reader.start()
    try:
        fill(settings, [Order(), Order()])
        publish_again(settings)
        assert flipped.wait(20)
    finally:
        reader.stop()
