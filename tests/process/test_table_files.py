"""`/table/<metric>.<format>`: the rows of a metric as a file, as large as they are."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path

import duckdb
import httpx
import nanoarrow
import pytest

from .asking import data
from .conftest import Sql
from .running import running_api
from .shops import make_project, publish

FORMATS = ("csv", "json", "arrow", "parquet")
Parameters = Mapping[str, str | list[str]]
SALES = """
create table sales (id integer primary key, name text, amount decimal(12, 2) not null, sold_at datetime not null);
create table orders (id integer primary key, amount decimal(10, 2) not null, created_at datetime not null);
"""


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
