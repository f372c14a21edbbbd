"""A cache in front, set up as the how-to says: it spares the API, and its numbers are those of the pace."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.projects import ROOT, free_port, wait_for

from .asking import JSON, eventually
from .running import answers, running_api
from .shops import COUNTED, ORDERS, Publisher, add_order, make_project

HOW_TO = ROOT / "docs" / "how-to" / "cdn.md"
# What the page says stands in `http`; around it is what lets nginx run in a folder, as whoever runs the tests.
AROUND = """
{user}
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    log_format asked '$request_method $request_uri $upstream_cache_status $upstream_status';
    access_log {folder}/access.log asked;
    log_subrequest on;
    {site}
}}
"""
QUESTION = "{ latest { nodes { orders } } }"
LONG = "{ sales(by: [DAY]) { nodes { day orders revenue a: day b: day c: day d: day e: day f: day g: day } } }"


@dataclass(frozen=True)
class Cached:
    """An API with a pace of one second behind nginx."""

    project: Path
    publisher: Publisher
    client: httpx.Client
    api: subprocess.Popen[bytes]
    log: Path

    def get(self, query: str = QUESTION, **headers: str) -> httpx.Response:
        """The answer to a question through nginx."""
        answer = self.client.get("/graphql", params={"query": query}, headers={"Accept": JSON, **headers})
        assert answer.status_code == 200, answer.text
        return answer

    def status(self) -> str:
        """What nginx did for the question, asked once more."""
        return str(self.get().headers["x-cache"])

    def orders(self) -> int:
        """How many orders there are, as nginx says."""
        return int(self.get().json()["data"]["latest"]["nodes"][0]["orders"])

    def asked(self) -> list[str]:
        """What became of the questions that reached the API: what nginx did with them, and their status."""
        lines = [line.split() for line in self.log.read_text().splitlines() if " /graphql?" in line]
        return [" ".join(line[-2:]) for line in lines if line[-1] != "-"]

    @contextmanager
    def silent_api(self) -> Iterator[None]:
        """The API stands still: whatever is answered now is answered without it."""
        os.kill(self.api.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.api.pid, signal.SIGCONT)

    def publish(self) -> None:
        """Publish the next generation, which has an order more."""
        add_order(self.project)
        self.publisher.publish()


def site(folder: Path, port: int, api: httpx.URL) -> str:
    """The page's configuration for this place."""
    (text,) = re.findall(r"^```nginx\n(.*?)^```$", HOW_TO.read_text(), re.MULTILINE | re.DOTALL)
    for written, here in (
        ("/var/cache/nginx/pacelayer", f"{folder}/cache"),
        ("127.0.0.1:8000", f"{api.host}:{api.port}"),
        ("listen 80;", f"listen 127.0.0.1:{port};"),
    ):
        assert text.count(written) == 1
        text = text.replace(written, here)
    return str(text)


@contextmanager
def nginx(folder: Path, api: httpx.URL) -> Iterator[httpx.Client]:
    """A client of an nginx in front of an API."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("nginx is not installed")
    folder.mkdir()
    port, config = free_port(), folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(AROUND.format(user=user, folder=folder, site=site(folder, port, api)))
    running = subprocess.Popen([program, "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(config)])
    try:
        # nginx reads no further on a connection until what it fetches beside an answer is there.
        one_each = httpx.Limits(max_keepalive_connections=0)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, limits=one_each) as client:
            wait_for(lambda: answers(client, "/livez"), lambda: running.poll() is None, folder / "error.log")
            yield client
    finally:
        running.terminate()
        running.wait(20)


@pytest.fixture
def cached(tmp_path: Path) -> Iterator[Cached]:
    """One order is published."""
    project = make_project(tmp_path / "shop", ORDERS, COUNTED, pace="1s")
    add_order(project)
    publisher = Publisher(project)
    publisher.publish()
    folder = tmp_path / "nginx"
    with running_api(project) as (direct, api), nginx(folder, direct.base_url) as client:
        yield Cached(project, publisher, client, api, folder / "access.log")


def hold(cached: Cached, seconds: int) -> None:
    """Have the refresher say that it starts again in so many seconds, and the API hear it."""
    path = cached.project / "snapshots" / "status.json"
    moment = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() + seconds))
    path.write_text(re.sub(r'"next_run": [^,]+', f'"next_run": "{moment}"', path.read_text()))
    fresh = "{ __typename }"
    eventually(
        lambda: "max-age=1," not in cached.get(f"{fresh} # {time.monotonic()}").headers["cache-control"], "it is heard"
    )


def test_a_question_reaches_the_api_once(cached: Cached) -> None:
    """The second one is answered although the API stands still."""
    hold(cached, 600)
    first = cached.get()

    with cached.silent_api():
        second = cached.get()

    assert (first.headers["x-cache"], second.headers["x-cache"]) == ("MISS", "HIT")
    assert second.content == first.content
    for name in ("etag", "x-snapshot-id", "cache-control", "vary", "content-type"):
        assert second.headers[name] == first.headers[name]


def test_an_operation_is_cached_for_each_of_its_variables(cached: Cached) -> None:
    """They are part of the address."""
    folder = cached.project / "operations"
    folder.mkdir()
    (folder / "days.graphql").write_text("query ($n: Int!) { sales(by: [DAY], first: $n) { nodes { day } } }")
    hold(cached, 600)
    eventually(lambda: cached.client.get("/api/days?n=1").status_code == 200, "the operation is there")

    with cached.silent_api():
        assert cached.client.get("/api/days?n=1").headers["x-cache"] == "HIT"
    assert cached.client.get("/api/days?n=2").headers["x-cache"] == "MISS"


def test_each_form_is_cached_by_itself(cached: Cached) -> None:
    """A client that takes no compression never gets another one's."""
    for _ in range(20):
        add_order(cached.project)
    cached.publish()
    eventually(lambda: cached.orders() == 22, "the orders are there")
    hold(cached, 600)
    encodings = ("gzip", "identity", "br")

    assert [cached.get(LONG, **{"Accept-Encoding": one}).headers["x-cache"] for one in encodings] == ["MISS"] * 3
    with cached.silent_api():
        found = [cached.get(LONG, **{"Accept-Encoding": one}) for one in encodings]

    assert [answer.headers["x-cache"] for answer in found] == ["HIT"] * 3
    assert [answer.headers.get("content-encoding") for answer in found] == ["gzip", None, "br"]
    assert len({answer.content for answer in found}) == 1


def test_an_answer_that_is_over_is_revalidated_by_its_tag(cached: Cached) -> None:
    """Nothing was published, so nothing is sent again."""
    cached.get()

    eventually(lambda: cached.status() and "REVALIDATED 304" in cached.asked(), "nginx asks whether it is still true")

    assert cached.orders() == 1
    assert cached.asked().count("MISS 200") == 1


def test_after_a_refresh_the_new_numbers_come(cached: Cached) -> None:
    """And the old ones do not come back."""
    assert cached.orders() == 1

    cached.publish()

    eventually(lambda: cached.orders() == 2, "the new numbers come")
    assert cached.orders() == 2


def test_the_old_numbers_are_given_out_while_the_new_ones_are_fetched(cached: Cached) -> None:
    """Nobody waits: here the API stands still meanwhile."""
    cached.get()
    cached.publish()
    with cached.silent_api():
        eventually(lambda: cached.status() == "STALE", "the answer is over, and is fetched anew")
        for _ in range(5):
            answer = cached.get()
            assert answer.headers["x-cache"] == "UPDATING"
            assert answer.json()["data"]["latest"]["nodes"] == [{"orders": 1}]

    eventually(lambda: cached.orders() == 2, "the new numbers come")


def test_the_old_numbers_stay_while_the_api_is_gone(cached: Cached) -> None:
    """They are numbers."""
    cached.get()
    cached.api.terminate()
    cached.api.wait(20)

    eventually(lambda: cached.status() in ("STALE", "UPDATING"), "the answer is over")

    assert cached.orders() == 1


@pytest.mark.parametrize("query", ["{ status { age } }", "{ nope }", "{"])
def test_what_is_not_to_be_kept_is_passed_on_each_time(cached: Cached, query: str) -> None:
    """Refusals, and what moves with the clock."""
    for _ in range(2):
        assert cached.get(query).headers["x-cache"] == "MISS"


def test_a_post_is_passed_on_each_time(cached: Cached) -> None:
    """Caches do not look into bodies."""
    for _ in range(2):
        answer = cached.client.post("/graphql", json={"query": QUESTION})

        assert answer.status_code == 200
        assert "x-cache" not in answer.headers


def test_a_part_of_the_file_is_had(cached: Cached) -> None:
    """Whoever goes on with a download does not begin anew."""
    answer = cached.client.get("/snapshot", headers={"Range": "bytes=0-99"})

    assert (answer.status_code, len(answer.content)) == (206, 100)
