"""`/table/<metric>.<format>`: the rows of a metric as a file, as large as they are."""

from __future__ import annotations

import csv
import io
import json
import re
import socket
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import duckdb
import httpx
import nanoarrow
import pytest

from .asking import data, eventually
from .conftest import Sql
from .heavy import CONDITIONS, make_heavy
from .raw import connected
from .running import running_api
from .shops import change, make_project, publish

FORMATS = ("csv", "json", "arrow", "parquet")
Parameters = Mapping[str, str | list[str]]
SALES = """
create table sales (id integer primary key, name text, amount decimal(12, 2) not null, sold_at datetime not null);
create table orders (id integer primary key, amount decimal(10, 2) not null, created_at datetime not null);
"""
MORE_SALES = """
insert into sales with recursive n(i) as (select {first} union all select i + 1 from n where i < {last})
    select i, hex(randomblob(20)), i * 1.25, '2026-01-01 10:00:00' from n;
"""
METRICS = {"sold": "-- @key id\nselect id, name, amount, sold_at from shop.sales"}
ROWS = 120_000


# The same question twice: metric and field, the parameters, and GraphQL's arguments.
QUESTIONS: list[tuple[str, str, Parameters, str]] = [
    ("revenue", "revenue", {}, ""),
    ("revenue", "revenue", {"by": "MONTH,PLAN"}, "by: [MONTH, PLAN]"),
    (
        "revenue", "revenue", {"by": ["PLAN", "YEAR"], "orderBy": '{"revenue": "DESC"}'},
        "by: [PLAN, YEAR], orderBy: [{revenue: DESC}]",
    ),
    ("revenue", "revenue", {"by": ""}, "by: []"),
    (
        "revenue", "revenue",
        {"by": "WEEK", "where": '{"plan": {"in": ["pro", "team"]}, "day": {"last": {"days": 90}}}', "fill": "true"},
        'by: [WEEK], where: {plan: {in: ["pro", "team"]}, day: {last: {days: 90}}}, fill: true',
    ),
    ("revenue", "revenue", {"by": "DAY", "having": '{"revenue": {"gt": "300"}}', "first": "5", "offset": "3"},
     'by: [DAY], having: {revenue: {gt: "300"}}, first: 5, offset: 3'),
    ("user_dashboard", "userDashboard", {}, ""),
    (
        "user_dashboard", "userDashboard", {"where": '{"revenue": {"gte": "100.50"}}', "first": "20"},
        'where: {revenue: {gte: "100.50"}}, first: 20',
    ),
    (
        "user_dashboard", "userDashboard", {"orderBy": ['{"region": "ASC_NULLS_FIRST"}', '{"revenue": "DESC"}']},
        "orderBy: [{region: ASC_NULLS_FIRST}, {revenue: DESC}]",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "field", "parameters", "arguments"), QUESTIONS)
def test_json_and_csv_have_the_values_that_the_api_gives(
    client: httpx.Client, name: str, field: str, parameters: Parameters, arguments: str
) -> None:
    """The same rows in the same order, each value as it is there."""
    rows = client.get(f"/table/{name}.json", params=parameters).json()
    assert rows
    fields = " ".join(rows[0])
    asked = f"{{ {field}{f'({arguments})' if arguments else ''} {{ nodes {{ {fields} }} }} }}"
    assert rows == data(client, asked)[field]["nodes"]

    answer = client.get(f"/table/{name}.csv", params=parameters)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert list(csv.DictReader(io.StringIO(answer.content.decode(), newline=""))) == [
        {key: "" if value is None else str(value) for key, value in row.items()} for row in rows
    ]


@pytest.mark.parametrize("parameters", [{}, {"by": "MONTH"}, {"by": "DAY,REGION", "where": '{"plan": {"eq": "pro"}}'}])
def test_arrow_and_parquet_have_duckdbs_own_values_and_types(
    client: httpx.Client, tmp_path: Path, parameters: Parameters
) -> None:
    """Exact decimals, dates as dates; the names of the columns are those of GraphQL."""
    rows = client.get("/table/revenue.json", params=parameters).json()
    file = tmp_path / "revenue.parquet"
    file.write_bytes(client.get("/table/revenue.parquet", params=parameters).content)
    arrow = nanoarrow.ArrayStream.from_readable(
        client.get("/table/revenue.arrow", params=parameters).content
    ).read_all()

    types = {row[0]: row[1] for row in duckdb.execute(f"describe from '{file}'").fetchall()}
    assert list(types) == list(rows[0]) == [field.name for field in arrow.schema.fields]
    assert types["orders"] == "BIGINT"
    assert types["revenue"].startswith("DECIMAL(")
    found = duckdb.execute(f"from '{file}'").fetchall()
    assert [dict(zip(types, row, strict=True)) for row in found] == arrow.to_pylist()
    shown = [[value if isinstance(value, int | float | None) else str(value) for value in row] for row in found]
    assert shown == [list(row.values()) for row in rows]


def test_every_type_that_a_metric_has_can_be_had_in_every_format(things: httpx.Client, tmp_path: Path) -> None:
    """Of a row of values and of one of nulls."""
    nodes = things.get("/table/things.json").json()
    file = tmp_path / "things.parquet"
    file.write_bytes(things.get("/table/things.parquet").content)
    arrow = nanoarrow.ArrayStream.from_readable(things.get("/table/things.arrow").content).read_all()

    assert things.get("/table/things.csv").text.count("\r\n") == len(nodes) + 1 == 5
    assert [row["exact"] for row in nodes] == ["1.10", "2.20", "3.30", None]
    assert [str(row["exact"]) for row in arrow.to_pylist()] == ["1.10", "2.20", "3.30", "None"]
    assert duckdb.execute(f"select exact::varchar, raw, list from '{file}'").fetchall() == [
        ("1.10", b"\x01", [10, 1]), ("2.20", b"\x02", [20, 2]), ("3.30", b"\x03", [30, 3]), (None, None, [None, 4]),
    ]  # fmt: skip


def test_csv_tells_null_from_an_empty_text_and_quotes_what_would_be_taken_for_something_else(
    things: httpx.Client,
) -> None:
    """What hostile people type comes back as it was."""
    words = [row["word"] for row in things.get("/table/words.json").json()]
    text = things.get("/table/words.csv", params={"columns": "word"}).content.decode()

    assert [row[0] for row in csv.reader(io.StringIO(text, newline=""))] == ["word", *words]
    assert things.get("/table/things.csv", params={"columns": "id,word", "offset": "3"}).text == "id,word\r\n4,\r\n"


def test_columns_are_those_that_are_named_in_that_order(client: httpx.Client, sql: Sql) -> None:
    """A measure alone is one that can be had where another one could not."""
    answer = client.get("/table/revenue.csv", params={"by": "PLAN", "columns": "orders,plan"})

    found = sql("select sum(orders), plan from revenue group by plan order by plan")
    assert answer.text == "orders,plan\r\n" + "".join(f"{orders},{plan}\r\n" for orders, plan in found)


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize(
    ("file", "parameters", "status", "code"),
    [
        ("revenue", {"columns": "day,orders", "by": "PLAN"}, 400, "NOT_GROUPED"),
        ("revenue", {"by": "CENTURY"}, 400, "BAD_USER_INPUT"),
        ("revenue", {"where": '{"plan": {"like": "p"}}'}, 400, "BAD_USER_INPUT"),
        ("revenue", {"where": '{"plan": null}'}, 400, "BAD_USER_INPUT"),
        ("revenue", {"where": "{"}, 400, "BAD_REQUEST"),
        ("revenue", {"first": "-1"}, 400, "BAD_USER_INPUT"),
        ("revenue", {"first": ["1", "2"]}, 400, "BAD_REQUEST"),
        ("revenue", {"columns": "nothing"}, 400, "BAD_USER_INPUT"),
        ("revenue", {"columns": ""}, 400, "BAD_USER_INPUT"),
        ("revenue", {"after": "x"}, 400, "BAD_REQUEST"),
        ("revenue", {"fill": "true", "by": "PLAN"}, 400, "NOT_GROUPED"),
        ("nothing", {}, 404, "BAD_REQUEST"),
        ("userDashboard", {}, 404, "BAD_REQUEST"),
    ],
)  # fmt: skip
def test_what_the_api_would_refuse_is_refused_as_json_with_its_code(
    client: httpx.Client, ending: str, file: str, parameters: Parameters, status: int, code: str
) -> None:
    """Whatever the file would have been, and with nothing of a document that the client never saw."""
    answer = client.get(f"/table/{file}.{ending}", params=parameters)

    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert "locations" not in error


def test_a_format_that_there_is_none_of_is_404(client: httpx.Client) -> None:
    """It says which there are."""
    answer = client.get("/table/revenue.xlsx")

    assert answer.status_code == 404
    assert all(f".{ending}" in answer.text for ending in FORMATS)


def test_the_tag_is_of_the_generation_and_the_question(client: httpx.Client) -> None:
    """Who has the answer is told so, for every format and question anew."""
    first = client.get("/table/revenue.csv", params={"by": "PLAN"})
    again = client.get("/table/revenue.csv", params={"by": "PLAN"}, headers={"If-None-Match": first.headers["etag"]})
    tags = [
        client.head(f"/table/revenue.{e}", params={"by": by}).headers["etag"] for e in FORMATS for by in ("PLAN", "DAY")
    ]

    assert (again.status_code, again.content) == (304, b"")
    assert len(set(tags)) == len(tags)
    assert first.headers["etag"] in tags


def test_head_and_get_name_the_file_after_the_generation(client: httpx.Client) -> None:
    """And caches may keep it until the next one is due."""
    for answer in (client.head("/table/revenue.parquet"), client.get("/table/revenue.parquet")):
        generation = answer.headers["x-snapshot-id"]
        assert answer.headers["content-disposition"] == f'attachment; filename="revenue-{generation}.parquet"'
        assert re.fullmatch(r"public, max-age=\d+, stale-while-revalidate=\d+", answer.headers["cache-control"])


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project with a table that is far larger than what the API gives at once."""
    script = SALES + MORE_SALES.format(first=1, last=ROWS)
    project = make_project(tmp_path / "shop", script, METRICS, more="[snapshots]\nkeep = 1\n[server]\nmax_rows = 100")
    publish(project)
    return project


def test_a_table_has_all_its_rows_however_many_the_api_would_give(shop: Path) -> None:
    """None is missing, and none comes twice."""
    with running_api(shop) as (client, _):
        refused = client.post("/graphql", json={"query": "{ sold { nodes { id } } }"}).json()
        assert refused["errors"][0]["extensions"]["code"] == "TOO_MANY_ROWS"

        assert [row["id"] for row in client.get("/table/sold.json").json()] == list(range(1, ROWS + 1))


def test_memory_does_not_grow_with_the_table(shop: Path) -> None:
    """A table that is eight times as large takes hardly more."""
    with running_api(shop) as (client, running):

        def peak(first: int) -> int:
            for ending in ("csv", "json", "arrow", "parquet"):
                with client.stream("GET", f"/table/sold.{ending}", params={"first": str(first)}) as answer:
                    assert sum(map(len, answer.iter_raw())) > 20 * first
            found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{running.pid}/status").read_text())
            return int(found[1]) if found else 0

        # All of them as dicts would be a hundred megabytes and more.
        assert peak(ROWS) - peak(ROWS // 8) < 60_000


def begun(base: httpx.URL, path: str) -> Iterator[bytes]:
    """A download on a socket that hardly reads, so that the server has to wait: first the headers, then all else."""
    with connected(str(base).rstrip("/")) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n".encode())
        said = b""
        while b"\r\n\r\n" not in said:
            said += connection.recv(1024)
        head, _, body = said.partition(b"\r\n\r\n")
        yield head
        while chunk := connection.recv(65536):
            body += chunk
        yield body


def unchunked(body: bytes) -> bytes:
    """What the chunks hold; it fails where the last one is missing."""
    found = io.BytesIO()
    while size := int(body.partition(b"\r\n")[0], 16):
        start = body.index(b"\r\n") + 2
        found.write(body[start : start + size])
        body = body[start + size + 2 :]
    return found.getvalue()


def generation_of(client: httpx.Client) -> int:
    """The number of the current one."""
    return int(data(client, "{ snapshot { number } }")["snapshot"]["number"])


def test_a_flip_during_a_download_gives_the_whole_table_of_one_generation(shop: Path) -> None:
    """Though its file is removed meanwhile."""
    with running_api(shop) as (client, _):
        download = begun(client.base_url, "/table/sold.json")
        head = next(download)
        change(shop, MORE_SALES.format(first=ROWS + 1, last=ROWS + 10))
        publish(shop)
        eventually(lambda: generation_of(client) == 2, "generation 2 is served")

        rows = json.loads(unchunked(next(download)))

        assert len(rows) == ROWS
        assert b"-000001.json" in head
        assert len(client.get("/table/sold.json").json()) == ROWS + 10


def test_clients_that_leave_free_their_places_and_those_that_are_too_many_are_told_to_come_back(shop: Path) -> None:
    """Questions are answered all the while, and the log is silent."""
    with running_api(shop) as (client, running):
        downloads = [begun(client.base_url, f"/table/sold.{ending}") for ending in ("csv", "json", "csv", "json")]
        for download in downloads:
            next(download)
        refused = client.get("/table/sold.csv")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert generation_of(client) == 1

        for download in downloads:
            download.close()  # type: ignore[attr-defined]  # it is a generator

        eventually(lambda: client.get("/table/sold.csv", params={"first": "1"}).status_code == 200, "places are free")
        change(shop, MORE_SALES.format(first=ROWS + 1, last=ROWS + 10))
        publish(shop)
        eventually(lambda: generation_of(client) == 2, "generation 2 is served")
        eventually(partial(_has_open, running.pid, 2), "the older generation is closed")
    log = (shop / "serve.log").read_text()
    assert "Traceback" not in log
    assert "ERROR" not in log


def test_a_table_that_takes_too_long_to_begin_is_ended(tmp_path: Path) -> None:
    """By the deadline of a question; and it computes no longer, so that the next one has its turn."""
    project = make_heavy(tmp_path / "project", "deadline = 1.0")
    where = CONDITIONS.replace("tag", '"tag"').replace("contains", '"contains"')
    with running_api(project) as (client, _):
        for ending in FORMATS:
            answer = client.get(
                f"/table/pairs.{ending}", params={"by": "", "columns": "sums", "where": f'{{"or": [{where}]}}'}
            )
            assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "TIMEOUT")


def test_what_the_data_does_not_allow_is_refused_as_the_api_does(tmp_path: Path) -> None:
    """Whether rows of Python are written, or Arrow, where it only shows as the rows come."""
    sql = "select date_trunc('day', o.sold_at)::date as day, 6 // (3 - count(*)) as root from shop.sales o group by all"
    script = SALES + "insert into sales values (1, '', 1, '2026-01-01 10:00:00'), (2, '', 1, '2026-01-02 10:00:00'),"
    project = make_project(tmp_path / "shop", script + " (3, '', 1, '2026-01-03 10:00:00');", {"roots": sql})
    publish(project)
    with running_api(project) as (client, _):
        refused = client.post("/graphql", json={"query": "{ roots(by: []) { nodes { root } } }"}).json()
        for ending in FORMATS:
            answer = client.get(f"/table/roots.{ending}", params={"by": ""})
            assert answer.status_code == 400
            assert answer.json()["errors"][0]["extensions"] == refused["errors"][0]["extensions"]


def test_where_only_trusted_documents_run_there_are_no_tables(shop: Path) -> None:
    """They would answer any question."""
    toml = shop / "pacelayer.toml"
    toml.write_text(toml.read_text().replace("max_rows = 100", 'allow = "trusted"'))
    with running_api(shop) as (client, _):
        assert client.get("/table/sold.csv").status_code == 404


def _has_open(pid: int, number: int) -> bool:
    """Whether a process has the file of one generation open, and no other."""
    files = [descriptor.readlink().name for descriptor in Path(f"/proc/{pid}/fd").iterdir() if descriptor.is_symlink()]
    found = {name for name in files if ".duckdb" in name}
    return len(found) == 1 and all(f"-{number:06}.duckdb" in name for name in found)
