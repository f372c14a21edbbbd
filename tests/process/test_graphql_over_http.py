"""GraphQL over HTTP as its specification says, asked of the real server."""

from __future__ import annotations

import gzip
import json

import httpx
import pytest

from .asking import BROWSER, JSON, RESPONSE_JSON, assert_refused, assert_says_little, body_of, post

TYPENAME = "{ __typename }"


def get(client: httpx.Client, accept: str = JSON, **parameters: str) -> httpx.Response:
    """The answer to a query by GET."""
    return client.get("/graphql", params=parameters, headers={"Accept": accept})


def send(client: httpx.Client, body: bytes, **headers: str) -> httpx.Response:
    """The answer to a body by POST with exactly these headers beside the usual ones."""
    request = client.build_request("POST", "/graphql", content=body, headers={"Accept": RESPONSE_JSON})
    request.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return client.send(request)


def test_a_query_by_post_is_answered(client: httpx.Client) -> None:
    """The usual way."""
    assert post(client, TYPENAME).json() == {"data": {"__typename": "Query"}}


def test_a_query_by_get_is_answered(client: httpx.Client) -> None:
    """A link is enough to ask."""
    assert get(client, query=TYPENAME).json() == {"data": {"__typename": "Query"}}


def test_get_takes_variables_and_the_name_of_an_operation(client: httpx.Client) -> None:
    """All that a body can say, an address can say too."""
    query = "query one { __typename } query two($id: BigInt!) { userDashboardByUserId(userId: $id) { userId } }"

    answer = get(client, query=query, variables=json.dumps({"id": 7}), operationName="two")

    assert answer.json() == {"data": {"userDashboardByUserId": {"userId": 7}}}


def test_a_request_is_told_by_which_way_it_was_answered_where_it_asks(client: httpx.Client) -> None:
    """For whoever wonders whether a grouping should be computed ahead."""
    since = 'where: {day: {gte: "2026-01-02"}}'
    query = (
        f"{{ a: revenue(by: [YEAR], {since}) {{ nodes {{ orders }} totalCount }} revenue {{ totals {{ buyers }} }} }}"
    )

    answer = send(client, body_of(query, extensions={"ways": True}), content_type=JSON).json()

    merged = {"nodes": "re-aggregated", "totalCount": "re-aggregated"}
    assert answer["extensions"] == {"ways": {"a": merged, "revenue": {"totals": "stored"}}}
    assert "extensions" not in send(client, body_of(query), content_type=JSON).json()


@pytest.mark.parametrize("more", [{"variables": None}, {"operationName": None}, {"extensions": None}, {"id": 1}])
def test_what_is_null_or_unknown_in_a_body_is_as_if_it_were_left_out(
    client: httpx.Client, more: dict[str, object]
) -> None:
    """Clients send nulls for what they have not, and parameters of their own."""
    assert send(client, body_of(TYPENAME, **more), content_type=JSON).json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (JSON, JSON),
        (RESPONSE_JSON, RESPONSE_JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("APPLICATION/JSON", JSON),
        (f"{RESPONSE_JSON}, {JSON};q=0.9", RESPONSE_JSON),
        (f"{JSON};q=0.1, {RESPONSE_JSON}", RESPONSE_JSON),
        (f"text/html, {JSON}", JSON),
        (f"{JSON};q=0, */*", RESPONSE_JSON),
        (f"{RESPONSE_JSON}; charset=utf-8", RESPONSE_JSON),
    ],
)
def test_an_answer_is_of_the_media_type_that_the_client_prefers(client: httpx.Client, accept: str, media: str) -> None:
    """Without a preference it is the older one, which every client takes."""
    answer = post(client, TYPENAME, accept)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{media}; charset=utf-8"


@pytest.mark.parametrize("accept", ["text/plain", "text/html", "image/*", f"{JSON};q=0", "*/*;q=0", "nonsense"])
def test_an_answer_that_the_client_does_not_take_is_406(client: httpx.Client, accept: str) -> None:
    """Nothing is run for it."""
    answer = post(client, TYPENAME, accept)

    assert answer.status_code == 406
    assert_says_little(answer)


@pytest.mark.parametrize("quality", ["", ".", "1.2.3", "x", "-1", "9" * 400, "1e999"])
def test_a_preference_that_is_no_number_is_no_reason_to_break(client: httpx.Client, quality: str) -> None:
    """Whatever it is taken for."""
    assert post(client, TYPENAME, f"{JSON};q={quality}").status_code in (200, 406)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("media", "status"), [(RESPONSE_JSON, 400), (JSON, 200)])
def test_a_refused_request_has_the_status_of_its_media_type_and_no_data(
    client: httpx.Client, method: str, media: str, status: int
) -> None:
    """The newer media type says by its status what the older one says by its body only."""
    query = "{ nope }"

    answer = get(client, media, query=query) if method == "GET" else post(client, query, media)

    assert answer.status_code == status
    assert answer.headers["content-type"] == f"{media}; charset=utf-8"
    assert_refused(answer)


@pytest.mark.parametrize("media", [RESPONSE_JSON, JSON])
def test_a_malformed_request_is_400_in_either_media_type(client: httpx.Client, media: str) -> None:
    """What is no GraphQL request at all has no answer of GraphQL's."""
    answer = client.post("/graphql", content=b"{", headers={"Accept": media, "Content-Type": JSON})

    assert answer.status_code == 400
    assert_says_little(answer)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"query": ""},
        {"query": TYPENAME, "variables": "{"},
        {"query": TYPENAME, "variables": "[1]"},
        {"query": TYPENAME, "variables": "1"},
        {"query": TYPENAME, "extensions": "{"},
        {"query": TYPENAME, "extensions": "[1]"},
    ],
)
def test_a_malformed_address_is_400(client: httpx.Client, parameters: dict[str, str]) -> None:
    """An address is read as strictly as a body."""
    answer = get(client, **parameters)

    assert answer.status_code == 400
    assert_says_little(answer)


def test_a_browser_gets_graphiql_that_may_load_nothing_from_elsewhere(client: httpx.Client) -> None:
    """Whoever opens the address sees a page, not an error."""
    answer = get(client, BROWSER)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_a_browser_that_follows_a_link_with_a_query_gets_its_answer(client: httpx.Client) -> None:
    """A link to a question is a link to its numbers."""
    assert get(client, BROWSER, query=TYPENAME).json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(("accept", "query"), [(JSON, TYPENAME), (JSON, "{ nope }"), (JSON, ""), (BROWSER, "")])
def test_head_says_what_get_would_without_its_body(client: httpx.Client, accept: str, query: str) -> None:
    """Status, type and length are those of the answer that is not sent."""
    parameters = {"query": query} if query else {}
    answer = client.head("/graphql", params=parameters, headers={"Accept": accept})
    whole = get(client, accept, **parameters)

    assert answer.content == b""
    assert answer.status_code == whole.status_code
    for name in ("content-type", "content-length"):
        assert answer.headers[name] == whole.headers[name]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_another_method_is_405_and_says_which_are_allowed(client: httpx.Client, method: str) -> None:
    """Nothing here can be changed."""
    answer = client.request(method, "/graphql", params={"query": TYPENAME})

    assert answer.status_code == 405
    assert {"GET", "POST"} <= set(answer.headers["allow"].split(", "))


@pytest.mark.parametrize("query", ["mutation { x }", "query a { __typename } mutation b { x }"])
def test_a_mutation_by_get_is_405_and_says_that_post_is_allowed(client: httpx.Client, query: str) -> None:
    """What follows links must not change anything, whatever there is to change."""
    answer = get(client, query=query, operationName="b" if "query a" in query else "")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert_says_little(answer)


@pytest.mark.parametrize("query", ["mutation { x }", "subscription { x }"])
def test_an_operation_that_is_no_query_is_refused(client: httpx.Client, query: str) -> None:
    """Numbers are changed at their source."""
    assert_refused(post(client, query))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content_type": "text/plain"},
        {"content_type": "application/graphql"},
        {"content_type": "application/x-www-form-urlencoded"},
        {"content_type": "multipart/form-data; boundary=x"},
        {"content_type": f"{JSON}; charset=utf-16"},
        {"content_type": f"{JSON}; charset=iso-8859-1"},
        {"content_type": JSON, "content_encoding": "gzip"},
        {"content_type": JSON, "content_encoding": "br"},
    ],
)
def test_a_body_of_another_kind_is_415(client: httpx.Client, headers: dict[str, str]) -> None:
    """A form of another site must not be taken for a question, and nothing is unpacked."""
    body = body_of(TYPENAME)
    answer = send(client, gzip.compress(body) if headers.get("content_encoding") == "gzip" else body, **headers)

    assert answer.status_code == 415
    assert_says_little(answer)


@pytest.mark.parametrize("parameter", ["", "; charset=utf-8", ";charset=UTF-8", '; charset="utf-8"'])
def test_json_in_utf_8_is_taken_however_it_is_written(client: httpx.Client, parameter: str) -> None:
    """The parameter may be left out, and quoted."""
    assert send(client, body_of(TYPENAME), content_type=JSON + parameter).status_code == 200


def test_a_body_may_be_as_large_as_the_limit_and_no_larger(client: httpx.Client) -> None:
    """A million bytes, to the byte."""
    body = body_of(TYPENAME)
    largest = body + b" " * (1_000_000 - len(body))

    assert send(client, largest, content_type=JSON).status_code == 200
    assert send(client, largest + b" ", content_type=JSON).status_code == 413
