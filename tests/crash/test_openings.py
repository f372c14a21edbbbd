"""A generation that several come to at once, or that could not be opened: it is opened once, or tried again later."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from pathlib import Path

import pytest

from snapshot import events
from snapshot.catalog import Catalog
from snapshot.errors import Damaged, NoSuchGeneration
from snapshot.events import FollowFailed, nobody
from snapshot.reader import OpenGeneration, Reader, Resources, follow, verified
from snapshot.store import Generation, checksum_path, intact

from .ledger import ENTRIES, refresh, store_of
from .test_flips import entries, reading


def test_a_generation_that_is_being_warmed_is_had_by_its_number(ledger: Path) -> None:
    """Another process has flipped already, and its clients' cursors come here: the file is not opened twice."""
    store, reached = store_of(ledger), list[int]()

    def warm(opened: OpenGeneration[None]) -> None:
        with reader.lease(opened.generation.number) as generation:
            reached.append(entries(generation))

    reader: Reader[None] = Reader(store.directory, Resources(1, "100MB"), lambda _: None, nobody)
    try:
        reader.follow()
        reader._warm = warm
        new = refresh(ledger)
        reader.follow()
        assert reader.current.generation == new
        assert reached == [2 * ENTRIES]
    finally:
        reader.stop()


def test_a_flip_to_a_generation_that_a_request_is_opening_is_followed(ledger: Path) -> None:
    """The pointer goes back to the one that a cursor is of, while that is being opened: once."""
    old, new = store_of(ledger).current(), refresh(ledger)
    store, said = store_of(ledger), list[events.Event]()

    def prepare(catalog: Catalog) -> None:
        if catalog.snapshot.number == old.number:
            store.point_to(old)
            follower.start()
            follower.join(0.5)

    with reading(store, said.append, prepare) as reader:
        follower = threading.Thread(target=reader.follow)
        reader.follow()
        assert reader.current.generation == new
        with reader.lease(old.number) as generation:
            follower.join()
            assert reader.current is generation
    assert not [event for event in said if isinstance(event, FollowFailed)]


def test_a_generation_that_could_not_be_opened_is_tried_again_later(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was in the way may be no fault of the file's."""
    fails, said = [False], list[events.Event]()

    def prepare(catalog: Catalog) -> None:
        if fails[0]:
            raise OSError("too many open files")

    with reading(store_of(ledger), said.append, prepare) as reader:
        reader.follow()
        fails[0], new = True, refresh(ledger)
        reader.follow()
        fails[0] = False
        reader.follow()
        assert reader.current.generation != new
        monkeypatch.setattr(follow, "RETRY_SECONDS", 0.0)
        reader.follow()
        assert reader.current.generation == new
    assert [event.code for event in said if isinstance(event, FollowFailed)] == ["INTERNAL"]


@pytest.mark.parametrize("damaged", [False, True])
def test_all_bytes_of_a_generation_are_looked_at_once(
    ledger: Path, monkeypatch: pytest.MonkeyPatch, damaged: bool
) -> None:
    """Whoever comes with cursors of it, it is opened again without, or refused at once."""
    old, new = store_of(ledger).current(), refresh(ledger)
    if damaged:
        old.path.chmod(0o600)
        with old.path.open("ab") as file:
            file.write(b"?")
    looked: list[Generation] = []

    def look(generation: Generation) -> bool:
        looked.append(generation)
        return intact(generation)

    monkeypatch.setattr(verified, "intact", look)
    monkeypatch.setattr(follow, "KEPT_OPEN", 0)
    with reading(store_of(ledger)) as reader:
        reader.follow()
        for _ in range(3):
            with pytest.raises((Damaged, NoSuchGeneration)) if damaged else nullcontext(), reader.lease(old.number):
                assert not damaged
    assert looked == [new, old]


@pytest.mark.parametrize("text", [None, "", "0" * 64])
def test_a_generation_whose_checksum_is_lost_is_a_damaged_one(
    ledger: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    """Though it was good before; put back, it is good again, and at once."""
    monkeypatch.setattr(follow, "KEPT_OPEN", 0)
    old, _ = store_of(ledger).current(), refresh(ledger)
    beside = checksum_path(old.path)
    with reading(store_of(ledger)) as reader:
        reader.follow()
        with reader.lease(old.number) as generation:
            assert entries(generation) == ENTRIES
        before = beside.read_text()
        beside.unlink()
        if text is not None:
            beside.write_text(text)
        with pytest.raises(Damaged), reader.lease(old.number):
            pass
        beside.unlink(missing_ok=True)
        beside.write_text(before)
        with reader.lease(old.number) as generation:
            assert entries(generation) == ENTRIES
