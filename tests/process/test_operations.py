"""Documents by another name than their text: the project's own at `/api/...`, and those that a client hands in once."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.projects import ROOT

from .asking import JSON, RESPONSE_JSON, assert_refused, assert_says_little, data
from .shops import COUNTED, ORDERS, make_project
from .test_command_line import run

DASHBOARD = (ROOT / "operations" / "users" / "dashboard.graphql").read_text()
UNHEARD = "query Unheard { revenue(by: [YEAR]) { nodes { year orders } } }"


def digest(text: str) -> str:
    """The hash by which a document is called."""
    return hashlib.sha256(text.encode()).hexdigest()


def persisted(text: str, **more: object) -> dict[str, Any]:
    """A request that calls a document by its hash."""
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest(text)}}, **more}


def get(client: httpx.Client, body: dict[str, Any]) -> httpx.Response:
    """The same request in an address."""
    said = {name: value if isinstance(value, str) else json.dumps(value) for name, value in body.items()}
    return client.get("/graphql", params=said, headers={"Accept": JSON})


def code(answer: httpx.Response) -> str:
    """The code of a refusal."""
    assert_refused(answer)
    return str(answer.json()["errors"][0]["extensions"]["code"])


# The project's own


def test_an_operation_is_answered_at_its_path(client: httpx.Client) -> None:
    """As its document would be."""
    answer = client.get("/api/users/dashboard", params={"userId": 42})

    assert answer.status_code == 200
    assert answer.json() == {"data": data(client, DASHBOARD, userId=42)}
    assert answer.json()["data"]["userDashboardByUserId"]["orders"] > 0


def test_an_operation_is_kept_as_every_answer(client: httpx.Client) -> None:
    """Asked by its path or by its text: it is one question."""
    asked = {"query": DASHBOARD, "variables": json.dumps({"userId": 43})}

    first = client.get("/api/users/dashboard", params={"userId": 43})
    second = client.get("/graphql", params=asked)
    known = client.get("/api/users/dashboard?userId=43", headers={"If-None-Match": first.headers["etag"]})

    assert (second.headers["server-timing"], second.headers["etag"]) == ("hit", first.headers["etag"])
    assert first.headers["cache-control"].startswith("public, max-age=")
    assert known.status_code == 304


def test_an_operation_takes_its_variables_by_post(client: httpx.Client) -> None:
    """As JSON, or in the address, or some here and some there."""
    expected = client.get("/api/users/dashboard", params={"userId": 42}).json()

    assert client.post("/api/users/dashboard", json={"userId": 42}).json() == expected
    assert client.post("/api/users/dashboard?userId=42").json() == expected
    assert client.post("/api/users/dashboard?userId=42", content=iter([b""])).json() == expected
    assert client.post("/api/users/dashboard?userId=42", json={}).json() == expected


def test_variables_are_typed(client: httpx.Client) -> None:
    """Numbers, objects, and what has a default."""
    where = {"region": {"in": ["EU", "US"]}, "plan": {"eq": "pro"}}

    days = client.get("/api/shop/revenue", params={"days": 20_000}).json()["data"]["revenue"]["columns"]["day"]
    plans = client.get("/api/shop/plans", params={"where": json.dumps(where)}).json()["data"]["revenue"]["nodes"]

    assert (
        days
        == data(client, "{ revenue(by: [DAY], orderBy: [{day: ASC}]) { columns { day } } }")["revenue"]["columns"][
            "day"
        ]
    )
    assert {row["plan"] for row in plans} == {"pro"}
    assert client.get("/api/shop/revenue").status_code == 200


@pytest.mark.parametrize(
    ("parameters", "words"),
    [({}, "userId"), ({"userId": "x"}, "userId"), ({"userId": ""}, "userId"), ({"userId": "1.5"}, "userId")],
)
def test_a_variable_that_does_not_fit_is_refused_as_in_any_document(
    client: httpx.Client, parameters: dict[str, str], words: str
) -> None:
    """By its type, with its name."""
    answer = client.get("/api/users/dashboard", params=parameters, headers={"Accept": RESPONSE_JSON})

    assert code(answer) == "BAD_USER_INPUT"
    assert words in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "parameters", [{"userID": 1}, {"userId": [1, 2]}, {"userId": 1, "query": "{ status { age } }"}]
)
def test_parameters_that_the_operation_has_not_are_refused(client: httpx.Client, parameters: dict[str, Any]) -> None:
    """A mistake in a name would else be the answer to another question."""
    answer = client.get("/api/users/dashboard", params=parameters)

    assert answer.status_code == 400
    assert_says_little(answer)


@pytest.mark.parametrize(
    "path",
    ["", "users", "users/", "users/dashboard/", "users//dashboard", "users/dashboard.graphql",
     "users%2f..%2f..%2fsecret", "..%2fsecret", "%2e%2e/secret", "users/dashboard%00",
     "users%5cdashboard", "USERS/dashboard", "/etc/passwd",
     "{root}/operations/users/dashboard", "/{root}/operations/users/dashboard", "%2f{root}/secret"],
)  # fmt: skip
def test_no_other_path_is_an_operation(client: httpx.Client, published: Path, path: str) -> None:
    """Neither a file elsewhere, nor one that is there by another name."""
    answer = client.get("/api/" + path.format(root=published))

    assert answer.status_code == 404
    assert_says_little(answer)


def test_head_of_an_operation_is_its_get_without_a_body(client: httpx.Client) -> None:
    """Length, tag and all."""
    whole, head = (client.request(method, "/api/users/dashboard?userId=42") for method in ("GET", "HEAD"))

    assert head.content == b""
    assert all(head.headers[name] == whole.headers[name] for name in ("content-length", "etag", "content-type"))


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
def test_another_method_is_405(client: httpx.Client, method: str) -> None:
    """With those that are."""
    answer = client.request(method, "/api/users/dashboard")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, POST"


# By hash


def test_a_document_is_registered_by_its_hash(client: httpx.Client) -> None:
    """Apollo's protocol, step by step: unknown, sent along, known; by POST and by GET."""
    unknown = client.post("/graphql", json=persisted(UNHEARD))

    assert unknown.status_code == 200
    assert unknown.json()["errors"][0]["message"] == "PersistedQueryNotFound"
    assert code(unknown) == "PERSISTED_QUERY_NOT_FOUND"
    assert code(get(client, persisted(UNHEARD))) == "PERSISTED_QUERY_NOT_FOUND"

    registered = client.post("/graphql", json=persisted(UNHEARD, query=UNHEARD))

    assert registered.json()["data"]["revenue"]["nodes"]
    assert client.post("/graphql", json=persisted(UNHEARD)).json() == registered.json()
    by_get = [get(client, persisted(UNHEARD, variables={}, operationName="Unheard")) for _ in range(2)]
    assert by_get[0].json() == registered.json()
    assert by_get[1].headers["server-timing"] == "hit"
    assert by_get[0].headers["cache-control"].startswith("public, max-age=")


def test_a_document_may_be_registered_by_get(client: httpx.Client) -> None:
    """As some clients do."""
    text = UNHEARD.replace("YEAR", "YEAR, PLAN")

    assert get(client, persisted(text, query=text)).status_code == 200
    assert "data" in get(client, persisted(text)).json()


def test_a_wrong_hash_is_refused(client: httpx.Client) -> None:
    """And what came with it is not known by it afterwards."""
    wrong = persisted("{ other }", query="{ __typename }")

    assert code(client.post("/graphql", json=wrong)) == "BAD_USER_INPUT"
    assert code(client.post("/graphql", json=persisted("{ other }"))) == "PERSISTED_QUERY_NOT_FOUND"


def test_an_operation_of_the_project_is_known_by_its_hash(client: httpx.Client) -> None:
    """No client has to send it."""
    answer = get(client, persisted(DASHBOARD, variables={"userId": 42}))

    assert answer.json() == client.get("/api/users/dashboard?userId=42").json()


def test_a_mutation_by_hash_is_405_by_get(client: httpx.Client) -> None:
    """Whatever it is called by."""
    text = "mutation { a }"
    client.post("/graphql", json=persisted(text, query=text))

    assert get(client, persisted(text)).status_code == 405


# check


def test_check_tells_what_is_wrong_with_operations(tmp_path: Path) -> None:
    """With file and line, as of metrics; and nothing of those that are right."""
    shop = make_project(tmp_path / "shop", ORDERS, COUNTED)
    folder = shop / "operations" / "shop"
    folder.mkdir(parents=True)
    (folder / "right.graphql").write_text("{ latest { nodes { orders } } }")
    assert run(shop, "check").code == 0

    (folder / "unknown.graphql").write_text("{\n  latest {\n    nodes { revenue }\n  }\n}")
    (folder / "broken.graphql").write_text("{\n  latest {\n")
    (folder / "two.graphql").write_text("query a { latest { totalCount } }\nquery b { latest { totalCount } }")
    done = run(shop, "check", "--json")

    assert done.code == 2
    places = {(problem["path"], problem["line"]) for problem in json.loads(done.out)["problems"]}
    assert places == {
        ("operations/shop/unknown.graphql", 3),
        ("operations/shop/broken.graphql", 3),
        ("operations/shop/two.graphql", 2),
    }
    assert "operations/shop/unknown.graphql:3: Cannot query field 'revenue'" in run(shop, "check").err
