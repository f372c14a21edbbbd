"""Published files that something outside has damaged: readers keep what they have, or take the newest that is good."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from refresher import Refresher
from snapshot import settings as project_settings
from snapshot.errors import Damaged, NoSnapshot
from snapshot.events import Event, FollowFailed, Published, RefreshFailed
from snapshot.reader import Reader, Resources
from snapshot.store import verify

from .damages import (
    empty,
    flip_a_bit,
    flip_a_bit_of_the_catalogue,
    flip_a_bit_of_the_data,
    put_a_foreign_log_beside,
    put_its_own_log_beside,
    remove,
    replace_by_text,
    truncate,
    truncate_a_byte,
)
from .ledger import ENTRIES, entries_of, is_tidy, refresh, store_of, whole

FLIPS = 40
SEED = 20261124
DAMAGES = [
    truncate,
    truncate_a_byte,
    empty,
    replace_by_text,
    flip_a_bit_of_the_catalogue,
    flip_a_bit_of_the_data,
    put_a_foreign_log_beside,
    put_its_own_log_beside,
]
Damage = Callable[[Path], None]
Follower = tuple[Reader[None], list[Event]]


@pytest.fixture
def follower(ledger: Path) -> Iterator[Follower]:
    """A reader that follows when it is told to, and what it has said. Nothing is open yet."""
    said: list[Event] = []
    reader: Reader[None] = Reader(store_of(ledger).directory, Resources(1, "100MB"), lambda _: None, said.append)
    yield reader, said
    reader.stop()


def answer(reader: Reader[None]) -> int:
    """The number of entries, by the metric and by the table."""
    with reader.lease() as generation:
        sql = "select (select sum(entries) from totals), (select count(*) from shop.entries)"
        ((counted, exported),) = generation.query(sql, (), time.monotonic() + 30)
    assert counted == exported
    return int(counted)


def failures(said: list[Event]) -> list[str]:
    """The codes of what a reader could not follow."""
    return [event.code for event in said if isinstance(event, FollowFailed)]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_reader_keeps_what_it_has_when_the_next_generation_is_damaged(
    ledger: Path, follower: Follower, damage: Damage
) -> None:
    """It answers from the old one, says why once, and follows to the next that is good."""
    reader, said = follower
    reader.follow()
    damage(refresh(ledger).path)
    reader.follow()
    reader.follow()
    assert answer(reader) == ENTRIES
    assert failures(said) == ["DAMAGED"]
    refresh(ledger)
    reader.follow()
    assert answer(reader) == 2 * ENTRIES


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_reader_that_starts_on_a_damaged_generation_takes_the_newest_good_one(
    ledger: Path, follower: Follower, damage: Damage
) -> None:
    """An old number is better than none, and it is said."""
    reader, said = follower
    damage(refresh(ledger).path)
    reader.follow()
    assert answer(reader) == ENTRIES
    assert failures(said) == ["DAMAGED"]


def test_a_reader_that_starts_on_a_dangling_pointer_takes_the_newest_good_one_and_says_so(
    ledger: Path, follower: Follower
) -> None:
    """What the pointer names is not there, but older generations are."""
    reader, said = follower
    remove(refresh(ledger).path)
    reader.follow()
    assert answer(reader) == ENTRIES
    assert failures(said) == ["NO_SNAPSHOT"]


def test_a_reader_keeps_what_it_has_when_the_pointer_begins_to_dangle(ledger: Path, follower: Follower) -> None:
    """The open file goes on answering though its name is gone."""
    reader, _ = follower
    reader.follow()
    remove(store_of(ledger).current().path)
    reader.follow()
    assert answer(reader) == ENTRIES


def test_a_reader_keeps_what_it_has_when_the_whole_directory_is_gone(ledger: Path, follower: Follower) -> None:
    """Nothing is left but the open file."""
    reader, _ = follower
    reader.follow()
    shutil.rmtree(store_of(ledger).directory)
    reader.follow()
    assert answer(reader) == ENTRIES


def test_a_reader_without_a_good_generation_says_so_once_and_takes_the_first_that_comes(
    ledger: Path, follower: Follower
) -> None:
    """Both generations are damaged; it neither fails nor floods the log while it looks again and again."""
    reader, said = follower
    refresh(ledger)
    for generation in store_of(ledger).generations():
        replace_by_text(generation.path)
    for _ in range(3):
        reader.follow()
    with pytest.raises(NoSnapshot):
        answer(reader)
    assert failures(said) == ["DAMAGED", "DAMAGED"]
    refresh(ledger)
    reader.follow()
    assert answer(reader) == 2 * ENTRIES


@pytest.mark.parametrize("damage", [*DAMAGES, remove])
def test_a_refresh_heals_a_directory_whose_current_generation_is_damaged(ledger: Path, damage: Damage) -> None:
    """The damaged one is not asked what there was before; a new one takes its place."""
    damage(store_of(ledger).current().path)
    generation = refresh(ledger)
    assert generation == store_of(ledger).current()
    assert generation.number == 2
    assert whole(generation) == 2 * ENTRIES


@pytest.mark.parametrize("damage", [flip_a_bit_of_the_catalogue, empty, remove])
def test_a_refresher_that_starts_on_a_damaged_generation_refreshes_at_once(ledger: Path, damage: Damage) -> None:
    """It cannot tell how long the current snapshot is good, so it makes another."""
    damage(store_of(ledger).current().path)

    def stop(event: Event) -> None:
        if isinstance(event, Published | RefreshFailed):
            refresher.stop.set()

    refresher = Refresher(project_settings.load(ledger), stop)
    refresher.run()
    assert whole(store_of(ledger).current()) == 2 * ENTRIES


@pytest.mark.parametrize("damage", [put_a_foreign_log_beside, put_its_own_log_beside])
def test_a_refresh_takes_a_log_beside_a_published_file_away(ledger: Path, damage: Damage) -> None:
    """A generation is one file: what lies beside it is somebody else's."""
    damage(store_of(ledger).current().path)
    refresh(ledger)
    assert is_tidy(store_of(ledger))
    assert [whole(generation) for generation in store_of(ledger).generations()] == [2 * ENTRIES, ENTRIES]


@pytest.mark.parametrize("damage", DAMAGES)
def test_verifying_finds_each_damage(ledger: Path, damage: Damage) -> None:
    """A file that does not read back whole is never published."""
    path = store_of(ledger).current().path
    verify(path)
    damage(path)
    with pytest.raises(Damaged):
        verify(path)


def test_verifying_finds_flipped_bits_or_the_file_reads_as_before(ledger: Path, tmp_path: Path) -> None:
    """At random places, some of which are headers and blocks that no table uses."""
    chance = random.Random(SEED)  # noqa: S311  the same places each time
    path = store_of(ledger).current().path
    found = 0
    for number in range(FLIPS):
        copy = Path(shutil.copy(path, tmp_path / f"{number}.duckdb"))
        flip_a_bit(copy, chance.randrange(path.stat().st_size))
        try:
            verify(copy)
        except Damaged:
            found += 1
        else:
            assert entries_of(copy) == ENTRIES
    assert found > FLIPS / 2
