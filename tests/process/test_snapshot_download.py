"""`/snapshot`: the file itself, for replicas and analysts, while generations come and go."""

from __future__ import annotations

import hashlib
import re
from functools import partial
from pathlib import Path

import duckdb
import httpx
import pytest

from .asking import eventually
from .raw import begun
from .running import running_api
from .shops import COUNTED, ORDERS, add_order, make_project, publish

# Rows that a file does not make small, so that a client that reads slowly has not got all of it at once.
NOISE = """
create table noise (id integer primary key, text text not null);
insert into noise with recursive n(i) as (select 1 union all select i + 1 from n where i < 40000)
    select i, hex(randomblob(100)) from n;
"""


@pytest.fixture(scope="module")
def file(published: Path) -> bytes:
    """The bytes of the shared API's snapshot."""
    return (published / "snapshots" / "current.duckdb").read_bytes()


def test_the_file_is_downloaded_whole_under_its_own_name(client: httpx.Client, file: bytes, published: Path) -> None:
    """Its tag is its SHA-256, so that whoever has it can tell."""
    answer = client.get("/snapshot")

    name = (published / "snapshots" / "current.duckdb").readlink().name
    assert answer.status_code == 200
    assert answer.content == file
    assert answer.headers["etag"] == f'"{hashlib.sha256(file).hexdigest()}"'
    assert answer.headers["x-snapshot-id"] == name.removesuffix(".duckdb")
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'


def test_head_says_what_get_would(client: httpx.Client, file: bytes) -> None:
    """The size and the tag, without the file."""
    head, got = client.head("/snapshot"), client.get("/snapshot")

    assert head.content == b""
    assert int(head.headers["content-length"]) == len(file)
    assert {**head.headers, "date": ""} == {**got.headers, "date": ""}


def test_whoever_has_the_file_is_told_so(client: httpx.Client) -> None:
    """304, without a byte of it."""
    etag = client.head("/snapshot").headers["etag"]

    answer = client.get("/snapshot", headers={"If-None-Match": f'"other", {etag}'})

    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)


@pytest.mark.parametrize(
    ("header", "start", "end"), [("bytes=0-15", 0, 16), ("bytes=4096-", 4096, None), ("bytes=-7", -7, None)]
)
def test_a_range_is_just_these_bytes(
    client: httpx.Client, file: bytes, header: str, start: int, end: int | None
) -> None:
    """206, and the header says which they are."""
    answer = client.get("/snapshot", headers={"Range": header})

    first = start % len(file)
    assert answer.status_code == 206
    assert answer.content == file[start:end]
    assert answer.headers["content-range"] == f"bytes {first}-{first + len(answer.content) - 1}/{len(file)}"


def test_several_ranges_are_the_parts_of_one_answer(client: httpx.Client, file: bytes) -> None:
    """Each part says which bytes it has, in the order in which they were asked for."""
    answer = client.get("/snapshot", headers={"Range": "bytes=100-199, 0-9, -5"})

    kind, _, boundary = answer.headers["content-type"].partition("; boundary=")
    *parts, end = answer.content.split(b"\r\n--" + boundary.encode())[1:]
    assert (answer.status_code, kind, end) == (206, "multipart/byteranges", b"--\r\n")
    found = [part.removeprefix(b"\r\n").partition(b"\r\n\r\n") for part in parts]
    assert [body for _, _, body in found] == [file[100:200], file[:10], file[-5:]]
    assert [re.search(rb"Content-Range: (\S+ \S+)", head)[1].decode() for head, _, _ in found] == [  # type: ignore[index]  # it is there
        f"bytes {span}/{len(file)}" for span in ("100-199", "0-9", f"{len(file) - 5}-{len(file) - 1}")
    ]


def test_a_range_beyond_the_file_is_416(client: httpx.Client, file: bytes) -> None:
    """With the size, so that the client can mend its request."""
    answer = client.get("/snapshot", headers={"Range": f"bytes={len(file)}-"})

    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(file)}")


def test_a_range_of_a_file_that_is_another_one_by_now_is_all_of_it(client: httpx.Client, file: bytes) -> None:
    """`If-Range`: nobody puts two generations together."""
    etag = client.head("/snapshot").headers["etag"]

    same = client.get("/snapshot", headers={"Range": "bytes=0-9", "If-Range": etag})
    other = client.get("/snapshot", headers={"Range": "bytes=0-9", "If-Range": '"other"'})

    assert (same.status_code, same.content) == (206, file[:10])
    assert (other.status_code, other.content) == (200, file)


def test_only_get_and_head_are_for_it(client: httpx.Client) -> None:
    """405, which says what is."""
    answer = client.post("/snapshot", json={})

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project whose file is some megabytes large, and of which only one generation is kept."""
    more = "[snapshots]\nkeep = 1\n[sources.shop.tables.noise]\ncolumns = ['id', 'text']"
    project = make_project(tmp_path / "shop", ORDERS + NOISE, COUNTED, more=more)
    add_order(project)
    publish(project)
    return project


def test_a_flip_during_a_download_gives_a_whole_file_of_one_generation(shop: Path, tmp_path: Path) -> None:
    """Even of one that was removed meanwhile; who asks then gets the next one."""
    with running_api(shop) as (client, running):
        download = begun(client.base_url, "/snapshot")
        head = next(download).decode()
        first = (shop / "snapshots" / "current.duckdb").resolve()
        add_order(shop)
        publish(shop)
        eventually(partial(_answers_with, client, 2), "generation 2 is served")
        assert not first.exists()

        copy = tmp_path / "copy.duckdb"
        copy.write_bytes(next(download))

        assert hashlib.sha256(copy.read_bytes()).hexdigest() in head
        with duckdb.connect(str(copy), read_only=True) as connection:
            assert connection.execute("select number from pacelayer.snapshot").fetchall() == [(1,)]
        eventually(lambda: len(_open_files(running.pid)) == 2, "nothing but the current file is open, by two of us")


def test_a_client_that_leaves_in_the_middle_is_worked_for_no_more(shop: Path) -> None:
    """Its place and its generation are free again, and the log is silent."""
    with running_api(shop) as (client, running):
        download = begun(client.base_url, "/snapshot")
        next(download)
        download.close()  # type: ignore[attr-defined]  # it is a generator
        add_order(shop)
        publish(shop)

        eventually(partial(_answers_with, client, 2), "generation 2 is served")
        eventually(lambda: len(_open_files(running.pid)) == 2, "the older file is closed")
    assert "Traceback" not in (shop / "serve.log").read_text()


def test_downloads_leave_duckdbs_lock_on_the_file_alone(shop: Path) -> None:
    """A process that closes a file gives up its locks on it: nobody may close this one while DuckDB has it."""
    with running_api(shop) as (client, running):
        for headers in ({}, {"Range": "bytes=0-9"}):
            client.get("/snapshot", headers=headers)

        inode = (shop / "snapshots" / "current.duckdb").stat().st_ino
        locks = [line.split() for line in Path("/proc/locks").read_text().splitlines()]

        assert [lock[1] for lock in locks if lock[4] == str(running.pid) and lock[5].endswith(f":{inode}")] == ["POSIX"]


def test_more_downloads_than_there_are_places_are_told_to_come_back(shop: Path) -> None:
    """503, while questions are answered."""
    with running_api(shop) as (client, _):
        downloads = [begun(client.base_url, "/snapshot") for _ in range(8)]
        for download in downloads:
            next(download)

        answer = client.get("/snapshot")

        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["errors"][0]["extensions"]["code"] == "OVERLOADED"
        assert _answers_with(client, 1)
        next(downloads[0])
        eventually(lambda: client.get("/snapshot").status_code == 200, "a place is free again")
        for download in downloads:
            download.close()  # type: ignore[attr-defined]  # it is a generator


def test_where_only_trusted_documents_run_there_is_no_file(shop: Path) -> None:
    """It has more in it than any of them asks for."""
    with (shop / "pacelayer.toml").open("a") as toml:
        toml.write('\n[server]\nallow = "trusted"\n')
    with running_api(shop) as (client, _):
        assert client.get("/snapshot").status_code == 404


def _answers_with(client: httpx.Client, number: int) -> bool:
    answer = client.post("/graphql", json={"query": "{ snapshot { number } }"}).json()
    return bool(answer["data"]["snapshot"]["number"] == number)


def _open_files(pid: int) -> list[Path]:
    files = [descriptor.readlink() for descriptor in Path(f"/proc/{pid}/fd").iterdir() if descriptor.is_symlink()]
    return [file for file in files if ".duckdb" in file.name]
