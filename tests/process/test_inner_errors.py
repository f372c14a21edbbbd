"""What goes wrong inside stays inside: the client gets a number, the log has the reason under it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import httpx
import pytest

from .asking import JSON, RESPONSE_JSON, assert_refused, assert_says_little, code, data, post
from .running import running_api
from .shops import make_project, publish

# A thousand and more of the largest whole number that JSON can carry are more than 64 bits hold.
LARGEST = 2**53 - 1
NUMBERS = f"""
create table numbers (id integer primary key, number integer not null);
insert into numbers with recursive c(n) as (values (1) union all select n + 1 from c where n < 1100)
    select n, {LARGEST} from c;
"""
METRICS = {
    "sums": "select n.id % 1100 as part, sum(n.number) as number from shop.numbers n group by all",
    "parts": "select id % 2 as part, count(id) // count(*) as each from shop.numbers group by all",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project over numbers that are as large as they may be, published."""
    root = make_project(tmp_path_factory.mktemp("numbers") / "project", NUMBERS, METRICS)
    publish(root)
    return root


@pytest.fixture(scope="module")
def numbers(project: Path) -> Iterator[httpx.Client]:
    """A client of its API."""
    with running_api(project) as (client, _):
        yield client


def test_the_largest_whole_number_is_answered_exactly(numbers: httpx.Client) -> None:
    """To the last digit."""
    assert data(numbers, "{ sums(first: 1) { nodes { number } } }") == {"sums": {"nodes": [{"number": LARGEST}]}}


@pytest.mark.parametrize("where", ["{part: {lt: 2}}", "{}"], ids=["beyond 2^53", "beyond 2^63"])
@pytest.mark.parametrize("selection", ["totals { number }", "nodes { number }"])
def test_a_sum_that_no_number_of_json_can_hold_is_refused(numbers: httpx.Client, where: str, selection: str) -> None:
    """It is the question that reaches too far; its answer would be rounded."""
    assert code(numbers, f"{{ sums(by: [], where: {where}) {{ {selection} }} }}") == "BAD_USER_INPUT"


def test_a_division_by_zero_is_the_question_s_and_no_failure_inside(numbers: httpx.Client) -> None:
    """Where a filter leaves no rows, and DuckDB has no number for them."""
    query = "{ parts(where: {part: {gt: 1}}) { totals { each } } }"
    answer = post(numbers, query)
    assert (answer.status_code, post(numbers, query, JSON).status_code) == (400, 200)
    assert answer.json()["errors"][0]["extensions"]["code"] == "NOT_COMPUTABLE"
    assert_says_little(answer)


@pytest.mark.parametrize(
    "query",
    [
        f"{{ sums(where: {{part: {{eq: {'9' * 10_000}}}}}) {{ totalCount }} }}",
        f"{{ {'n' * 10_000} }}",
        "{ sums(orderBy: [{}]) { totalCount } }",
    ],
    ids=["a bad value", "an unknown field", "a bad order"],
)
def test_a_refusal_leaves_no_stack_and_no_long_text_in_the_log(
    numbers: httpx.Client, project: Path, query: str
) -> None:
    """Clients err all day, and nobody who reads the log has to know."""
    log = project / "serve.log"
    before = len(log.read_text())

    assert_refused(post(numbers, query))

    written = log.read_text()[before:]
    assert "Traceback" not in written
    assert len(written) < 1_000


@pytest.mark.parametrize("media", [RESPONSE_JSON, JSON])
def test_a_failure_inside_is_500_with_a_number_that_the_log_has(tmp_path: Path, published: Path, media: str) -> None:
    """Here the file is broken behind the back of the API, which goes on with what it can still say."""
    broken = copytree(published, tmp_path / "project", symlinks=True)
    with running_api(broken) as (client, _):
        snapshot = (broken / "snapshots" / "current.duckdb").resolve()
        with snapshot.open("r+b") as file:
            file.seek(3 * 4096)  # behind the headers, of which DuckDB reads one when it opens the file
            file.write(b"\xff" * (snapshot.stat().st_size - 3 * 4096))

        answer = post(client, "{ revenue { nodes { day orders revenue } } }", media)

        assert answer.status_code == 500
        assert answer.json()["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
        assert_says_little(answer)
        (number,) = re.findall(r"[0-9a-f]{12}", answer.json()["errors"][0]["message"])
        assert number in (broken / "serve.log").read_text()
        assert data(client, "{ snapshot { number } }") == {"snapshot": {"number": 1}}
