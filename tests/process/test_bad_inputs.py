"""Whatever is sent, the answer is short, says nothing of the inside, and the server goes on."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from .asking import (
    JSON,
    RESPONSE_JSON,
    assert_refused,
    assert_says_little,
    body_of,
    data,
    post,
)

TYPENAME = "{ __typename }"
DIGITS = "9" * 10_000
FILTERED = "query($w: [RevenueWhere!]) { revenue(where: {or: $w}) { totalCount } }"


def nested(opening: str, inner: str, closing: str, depth: int) -> str:
    """A text within as many brackets."""
    return opening * depth + inner + closing * depth


def aliases(count: int, field: str) -> str:
    """A field, selected many times under names of its own."""
    return " ".join(f"a{number}: {field}" for number in range(count))


def bomb(kind: str, levels: int, spread: str, inner: str) -> str:
    """Fragments each of which has the next one several times: a short text that is endless when it is written out."""
    fragments = [f"fragment F{n} on {kind} {{ {spread.replace('NEXT', f'...F{n + 1}')} }}" for n in range(levels)]
    return " ".join([*fragments, f"fragment F{levels} on {kind} {{ {inner} }}"])


MALFORMED = {
    "a number": b"1",
    "null": b"null",
    "a text": b'"x"',
    "true": b"true",
    "an empty list": b"[]",
    "a batch": b"[" + body_of(TYPENAME) + b"]",
    "nothing": b"",
    "an open brace": b"{",
    "an empty object": b"{}",
    "no query": body_of(None),
    "an empty query": body_of(" "),
    "a query that is a number": body_of(1),
    "UTF-16": json.dumps({"query": TYPENAME}).encode("utf-16"),
    "invalid UTF-8": b'{"query": "\xff"}',
    "invalid UTF-8 beside the query": b'{"query": "{ __typename }", "x": "\xc3\x28"}',
    "NaN": b'{"query": "{ __typename }", "variables": {"x": NaN}}',
    "20,000 lists deep": nested("[", "", "]", 20_000).encode(),
    "20,000 lists that never close": b"[" * 20_000,
    "variables 20,000 deep": b'{"query": "{ __typename }", "variables": '
    + nested('{"a": ', "1", "}", 20_000).encode()
    + b"}",
    "an integer of 10,000 digits": DIGITS.encode(),
    "a lone surrogate": b'{"query": "{ __typename }", "variables": {"x": "\\ud800"}}',
    "variables that are a list": body_of(TYPENAME, variables=[1]),
    "variables that are a text": body_of(TYPENAME, variables="{}"),
    "an operation name that is a number": body_of(TYPENAME, operationName=1),
    "extensions that are a list": body_of(TYPENAME, extensions=[1]),
}

REFUSED = {
    "a syntax error": "{",
    "a BigInt of 10,000 digits": f"{{ userDashboardByUserId(userId: {DIGITS}) {{ plan }} }}",
    "a Decimal of 10,000 digits": f"{{ userDashboard(where: {{revenue: {{eq: {DIGITS}}}}}) {{ totalCount }} }}",
    "a Float of 10,000 digits": f"{{ topProducts(where: {{revenueShare: {{eq: {DIGITS}}}}}) {{ totalCount }} }}",
    "an Int of 10,000 digits": f"{{ revenue(first: {DIGITS}) {{ totalCount }} }}",
    "an Int of 2^31": "{ revenue(first: 2147483648) { totalCount } }",
    "a Float of 1e999": "{ topProducts(where: {revenueShare: {eq: 1e999}}) { totalCount } }",
    "a Decimal of 1e999": "{ topProducts(where: {revenue: {eq: 1e999}}) { totalCount } }",
    "a Decimal of 1e99999999999": '{ topProducts(where: {revenue: {eq: "1e99999999999"}}) { totalCount } }',
    "a lone surrogate": '{ userDashboard(where: {plan: {eq: "\\ud800"}}) { totalCount } }',
    "two operations and no name": "query a { __typename } query b { __typename }",
    "two operations without names": "{ __typename } { __typename }",
    "an unknown field": "{ nope }",
    "an unknown field with a very long name": f"{{ {'n' * 50_000} }}",
    "an unknown argument": "{ revenue(nope: 1) { totalCount } }",
    "an unknown directive, 4,000 times": f"{{ __typename {'@x ' * 4_000} }}",
    "5,000 directives": f"{{ __typename {'@skip(if: false) ' * 5_000} }}",
    "an unknown fragment": "{ ...F }",
    "a fragment within itself": "{ ...F } fragment F on Query { ...F }",
    "two fragments within each other": "{ ...F } fragment F on Query { ...G } fragment G on Query { ...F }",
    "a fragment that nobody uses": "{ __typename } fragment F on Query { __typename }",
    "a bomb of fragments": "{ ...F0 }" + bomb("Query", 300, "a: __typename NEXT NEXT NEXT", "nope"),
    "10,000 aliases": f"{{ {aliases(10_000, '__typename')} }}",
    "1,500 aliases": f"{{ {aliases(1_500, 'snapshot { id }')} }}",
    "21 root fields": f"{{ {aliases(21, 'snapshot { id }')} }}",
    "5,000 fields": f"{{ snapshot {{ {'id ' * 5_000} }} }}",
    "depth 50": nested("{ a ", "", "}", 50),
    "depth 5,000": nested("{ a ", "", "}", 5_000),
    "a list 4,000 deep": f"{{ revenue(by: {nested('[', '', ']', 4_000)}) {{ totalCount }} }}",
    "a filter 1,000 deep": f"{{ revenue(where: {nested('{not: ', '{}', '}', 1_000)}) {{ totalCount }} }}",
    "circular introspection": f"{{ __schema {{ types {{ {nested('fields { type { ', 'name', '} }', 10)} }} }} }}",
}

HEAVY = {
    "fragments that double ten times": "{ metrics { ...F0 } }" + bomb("Metric", 10, "a: name NEXT NEXT", "name"),
    "fragments that double the types of types": "{ __schema { types { ...F0 } } }"
    + bomb("__Type", 22, "a: ofType { NEXT } b: ofType { NEXT }", "name"),
    "one fragment 400 times": "{ " + "...F " * 400 + "} fragment F on Query { snapshot { id } }",
    "one field 200 times": f"{{ {'snapshot { id } ' * 200} }}",
    "introspection 50 types deep": f"{{ __schema {{ types {{ {nested('ofType { ', 'name', '}', 50)} }} }} }}",
    "10,000 tokens": f"{{ {aliases(3_000, '__typename')} }}",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=list(MALFORMED))
def test_a_malformed_body_is_400_with_a_json_error(client: httpx.Client, body: bytes) -> None:
    """It is no GraphQL request; the answer says so in JSON."""
    answer = client.post("/graphql", content=body, headers={"Content-Type": JSON})

    assert answer.status_code == 400
    assert answer.headers["content-type"] == f"{JSON}; charset=utf-8"
    assert_says_little(answer)


@pytest.mark.parametrize("media", [RESPONSE_JSON, JSON])
@pytest.mark.parametrize("query", REFUSED.values(), ids=list(REFUSED))
def test_a_bad_document_is_refused(client: httpx.Client, query: str, media: str) -> None:
    """Nothing of it is run, at most five errors say why, and what was sent is not reflected at length."""
    assert_refused(post(client, query, media))


@pytest.mark.parametrize("name", ["nope", "x" * 50_000])
def test_an_operation_that_is_not_there_is_refused(client: httpx.Client, name: str) -> None:
    """Its name is not repeated at length."""
    body = body_of("query a { __typename }", operationName=name)

    assert_refused(client.post("/graphql", content=body, headers={"Content-Type": JSON}))


@pytest.mark.parametrize(
    "variables",
    [
        {"w": 1},
        {"w": ["x" * 50_000]},
        {"w": [{"nope": 1}]},
        {"w": [{f"bad{number}": 1 for number in range(1_000)}]},
        {"w": [{"day": {"eq": "x" * 50_000}}]},
        {"w": [{"day": {"eq": "2026-02-30"}}]},
        {"w": [{"plan": {"in": ["x"] * 1_001}}]},
        {"w": [{"plan": {"eq": f"plan {number}"}} for number in range(5_000)]},
        {"w": [json.loads(nested('{"not": ', "{}", "}", 300))]},
    ],
    ids=[
        "a number", "a long text", "an unknown field", "1,000 unknown fields", "a long text for a date",
        "a day that is not", "1,001 values of a list", "5,000 conditions", "300 deep",
    ],
)  # fmt: skip
def test_a_bad_variable_is_refused(client: httpx.Client, variables: dict[str, object]) -> None:
    """Variables are bounded like documents: they cost as much."""
    assert_refused(post(client, FILTERED, variables=variables))


@pytest.mark.parametrize("query", HEAVY.values(), ids=list(HEAVY))
def test_a_heavy_document_is_refused_or_answered_while_others_are_answered(client: httpx.Client, query: str) -> None:
    """Four at once of what other servers choke on do not keep anybody from asking."""
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(post, client, query) for _ in range(4)]
        data(client, "{ snapshot { id } }")
        while not all(future.done() for future in asked):
            data(client, "{ snapshot { id } }")

    for future in asked:
        answer = future.result()
        if answer.status_code == 200:
            assert answer.json()["data"]
        else:
            assert_refused(answer)


def test_a_question_for_too_many_values_is_refused_before_it_is_answered(client: httpx.Client) -> None:
    """3,000 rows of 3,000 fields are 10 million values, asked for by 36 kB of text."""
    assert_refused(post(client, f"{{ revenue {{ nodes {{ {aliases(3_000, 'orders')} }} }} }}"))
