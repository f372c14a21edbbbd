"""The power goes at any moment of a publication, and with it everything that was not synced."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from snapshot.store import Generation

from .fragile import ForgetfulDisk, PowerlessDisk, Remains, restore
from .ledger import ENTRIES, add_entries, is_tidy, make_ledger, refresh, store_of, whole


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger that keeps one generation, and has published it."""
    project = make_ledger(tmp_path / "ledger", keep=1)
    refresh(project)
    add_entries(project)
    return project


def has(remains: Remains, generation: str) -> bool:
    """Whether a generation is left as it was published: its file, read-only, its checksum, its private tables."""
    file, checksum = remains.get(generation), remains.get(f"{generation}.sha256")
    private = remains.get(f"state/{generation.partition('-')[2]}")
    if file is None or checksum is None or private is None:
        return False
    digest = f"{hashlib.sha256(file.content).hexdigest()}  {generation}\n".encode()
    return checksum.content == digest and file.mode == 0o444 and private.mode == 0o600 and len(private.content) > 0


def pointed(remains: Remains) -> str:
    """What `current.duckdb` names after a cut; empty where it is not there."""
    return remains["current.duckdb"].link if "current.duckdb" in remains else ""


def unfolded(remains: Remains, folder: Path) -> Generation:
    """The generation that is current in the remains, as files in a folder."""
    name = pointed(remains)
    return Generation(int(name[17:23]), restore(remains, folder) / name)


def test_a_cut_leaves_the_old_or_the_new_generation_current_with_all_that_belongs_to_it(ledger: Path) -> None:
    """Old ones are removed only after the new pointer is safe, the pointer flips only after the new file is."""
    old = store_of(ledger).current()
    disk = PowerlessDisk(store_of(ledger).directory)
    new = refresh(ledger, disk=disk)
    assert {pointed(cut) for cut in disk.cuts} == {old.path.name, new.path.name}
    assert [cut for cut in disk.cuts if not has(cut, pointed(cut))] == []


def test_what_a_cut_leaves_current_has_the_numbers_of_its_refresh(ledger: Path, tmp_path: Path) -> None:
    """The old or the new ones, read from the file as a reader finds it after the cut."""
    disk = PowerlessDisk(store_of(ledger).directory)
    refresh(ledger, disk=disk)
    one_of_each = {pointed(cut): cut for cut in disk.cuts}
    left = [unfolded(cut, tmp_path / name) for name, cut in one_of_each.items()]
    assert sorted(whole(generation) for generation in left) == [ENTRIES, 2 * ENTRIES]


def test_a_cut_during_the_first_publication_leaves_nothing_current_or_all_of_it(tmp_path: Path) -> None:
    """There is no pointer before what it names is safe."""
    project = make_ledger(tmp_path / "ledger")
    store_of(project).directory.mkdir()
    disk = PowerlessDisk(store_of(project).directory)
    generation = refresh(project, disk=disk)
    assert {pointed(cut) for cut in disk.cuts} == {"", generation.path.name}
    assert [cut for cut in disk.cuts if pointed(cut) and not has(cut, pointed(cut))] == []


def test_every_generation_that_a_cut_leaves_has_all_that_belongs_to_it(ledger: Path) -> None:
    """A generation's name is on the disk only after its bytes, its checksum and its private tables are."""
    disk = PowerlessDisk(store_of(ledger).directory)
    number = refresh(ledger, disk=disk).path.name
    assert [sorted(cut) for cut in disk.cuts if number in cut and not has(cut, number)] == []


def test_the_next_refresh_after_a_cut_leaves_nothing_of_the_lost_one(ledger: Path, tmp_path: Path) -> None:
    """Whatever is left, it is put right."""
    directory = store_of(ledger).directory
    disk = PowerlessDisk(directory)
    refresh(ledger, disk=disk)
    directory.rename(tmp_path / "what was")
    for index, cut in enumerate(disk.cuts):
        restore(cut, directory)
        generation = refresh(ledger, full=True)
        assert whole(generation) == 2 * ENTRIES
        assert is_tidy(store_of(ledger))
        directory.rename(tmp_path / f"mended {index}")


def test_a_cut_during_a_rollback_leaves_one_of_both_generations_current(tmp_path: Path) -> None:
    """A rollback is a flip like any other."""
    project = make_ledger(tmp_path / "ledger", keep=2)
    old, new = refresh(project), refresh(project, full=True)
    disk = PowerlessDisk(store_of(project).directory)
    store_of(project, disk).rollback(None)
    assert {pointed(cut) for cut in disk.cuts} == {old.path.name, new.path.name}
    assert [cut for cut in disk.cuts if not has(cut, pointed(cut))] == []


def test_a_disk_that_does_not_sync_loses_the_current_generation(ledger: Path) -> None:
    """The account of what is left tells an order that is wrong from one that is right."""
    disk = ForgetfulDisk(store_of(ledger).directory)
    refresh(ledger, disk=disk)
    assert [cut for cut in disk.cuts if not has(cut, pointed(cut))]
