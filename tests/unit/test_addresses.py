"""Variables in an address: read by their declared types, or refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from graphql import parse
from starlette.types import Message

from gql.answer import Request
from gql.limits import Workers
from gql.operation_request import operation_request
from gql.operations import Operation
from gql.read import Headers, Malformed

from .test_operations import SCHEMA


def asked(
    variables: str, query: Any, method: str = "GET", body: bytes = b"", content_type: str = "application/json"
) -> Request:
    """The request that an address with these parameters stands for."""
    node = parse(f"query ({variables}) {{ all }}").definitions[0]
    operation = Operation("{ all }", tuple(node.variable_definitions))  # type: ignore[attr-defined]  # it is a query
    scope = {"method": method, "query_string": query if isinstance(query, bytes) else urlencode(query, True).encode()}

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    sent = Headers(content_type=content_type)
    return asyncio.run(operation_request(scope, receive, sent, 1_000, Workers(1), operation, SCHEMA.type_map))


def malformed(ask: Callable[[], Request]) -> tuple[int, str]:
    """The status and the words of a request that is none."""
    with pytest.raises(Malformed) as found:
        ask()
    return found.value.status, found.value.message


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("Int", "7", 7),
        ("BigInt!", "-9007199254740993", -9007199254740993),
        ("Int", "7.5", "7.5"),
        ("Int", "seven", "seven"),
        ("Int", "", ""),
        ("Int", "\u0667", "\u0667"),
        ("BigInt", "9" * 40, "9" * 40),
        ("Float!", "1.5", 1.5),
        ("Float", "-1e3", -1000.0),
        ("Float", "NaN", "NaN"),
        ("String", "7", "7"),
        ("ID!", "7", "7"),
        ("Boolean!", "true", True),
        ("Boolean", "false", False),
        ("Boolean", "yes", "yes"),
        ("Decimal", "1.10", "1.10"),
        ("Date", "2026-01-01", "2026-01-01"),
        ("By", "DAY", "DAY"),
        ("Unknown", "x", "x"),
        ("Where", '{"a": 1}', {"a": 1}),
        ("[By!]!", ["DAY", "PLAN"], ["DAY", "PLAN"]),
        ("[Int]", "7", [7]),
        ("[Where!]", ['{"a": 1}', "{}"], [{"a": 1}, {}]),
    ],
)
def test_a_text_of_an_address_is_a_value_of_its_variables_type(kind: str, text: object, value: object) -> None:
    """What is none of the type is left for the type to refuse."""
    found = asked(f"$a: {kind}", {"a": text}).variables["a"]

    assert json.dumps(found) == json.dumps(value)


@pytest.mark.parametrize(
    ("ask", "status", "words"),
    [
        (lambda: asked("$a: Int", {"b": 1}), 400, "'b' is not a variable of the operation; there are: a"),
        (lambda: asked("$a: Int", {"a": [1, 2]}), 400, "'a' is given more than once"),
        (lambda: asked("$a: Where", {"a": "{"}), 400, "the request is not JSON in UTF-8"),
        (lambda: asked("$a: Int", b"a=%FF"), 400, "the address is not UTF-8"),
        (lambda: asked("$a: Int", {}, "PUT"), 405, "ask by GET or POST"),
        (lambda: asked("$a: Int", {}, "POST", b"[1]"), 400, "the body must be a JSON object of variables"),
        (lambda: asked("$a: Int", {"a": 1}, "POST", b'{"a": 1}'), 400, "'a' is both in the address and in the body"),
        (lambda: asked("$a: Int", {}, "POST", b"{}" + b" " * 1_000), 413, "the body is larger than 1000 bytes"),
        (lambda: asked("$a: Int", {}, "POST", b"{}", content_type="text/plain"), 415, "send application/json"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused(ask: Callable[[], Request], status: int, words: str) -> None:
    """With its own status, and words that say what there is."""
    found = malformed(ask)

    assert found[0] == status
    assert words in found[1]


def test_a_refusal_does_not_reflect_a_long_name() -> None:
    """Whoever sends one knows it."""
    long = "x" * 10_000
    _, words = malformed(lambda: asked("$a: Int", {long: 1}, "POST", json.dumps({long: 1})[:900].encode()))

    assert len(words) < 300


@pytest.mark.parametrize(("method", "get"), [("GET", True), ("HEAD", True), ("POST", False)])
def test_variables_of_an_address_go_with_every_method(method: str, get: bool) -> None:
    """A POST may be without a body."""
    assert asked("$a: Int", {"a": 1}, method) == Request("{ all }", {"a": 1}, get=get)


@pytest.mark.parametrize("content_type", ["", "application/json", "application/x-www-form-urlencoded"])
def test_an_empty_body_is_no_body_whatever_it_is_said_to_be(content_type: str) -> None:
    """One that comes in chunks does not say beforehand that it is empty."""
    assert asked("$a: Int", {"a": 1}, "POST", b"", content_type).variables == {"a": 1}


def test_a_body_and_an_address_may_each_have_some_of_the_variables() -> None:
    """Those of the body are JSON already."""
    found: Any = asked("$a: Int, $b: Float", {"a": 1}, "POST", b'{"b": 1.50}').variables

    assert found == {"a": 1, "b": 1.5}
    assert repr(found["b"]) == "1.50"


def test_an_operation_that_is_not_there_is_404() -> None:
    """But another method is told first that it is none."""

    async def receive() -> Message:
        return {"type": "http.request"}

    async def ask(method: str) -> Request:
        scope = {"method": method, "query_string": b""}
        return await operation_request(scope, receive, Headers(), 1_000, Workers(1), None, {})

    assert malformed(lambda: asyncio.run(ask("GET")))[0] == 404
    assert malformed(lambda: asyncio.run(ask("DELETE")))[0] == 405
