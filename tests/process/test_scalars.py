"""How values of each type look in an answer, and which ones are taken in a question."""

from __future__ import annotations

import httpx
import pytest

from .asking import RESPONSE_JSON, code, data, post

UID = "00000000-0000-0000-0000-000000000001"
FIRST = {
    "id": 1, "word": "alpha", "big": 10, "small": 10, "exact": "1.10", "ratio": 0.5, "day": "2026-01-01",
    "moment": "2026-01-01T10:00:00", "clock": "08:00:00", "flag": False, "instant": "2026-01-01T10:00:00+00:00",
    "uid": UID, "raw": "AQ==", "doc": {"word": "alpha"}, "list": [10, 1],
}  # fmt: skip
TYPES = {
    "id": "BigInt", "word": "String", "big": "BigInt", "small": "Int", "exact": "Decimal", "ratio": "Float",
    "day": "Date", "moment": "LocalDateTime", "clock": "Time", "flag": "Boolean", "instant": "DateTime", "uid": "UUID",
    "raw": "Bytes", "doc": "JSON", "list": "BigInt",
}  # fmt: skip


@pytest.mark.parametrize("field", FIRST)
def test_a_value_has_the_json_of_its_scalar(things: httpx.Client, field: str) -> None:
    """Numbers are numbers, decimals are exact texts, JSON and lists are themselves."""
    found = data(things, f"{{ thingsById(id: 1) {{ {field} }} }}")

    assert found == {"thingsById": {field: FIRST[field]}}


@pytest.mark.parametrize("field", sorted({*FIRST} - {"id", "doc", "list"}))
def test_a_null_is_null(things: httpx.Client, field: str) -> None:
    """Of whatever type."""
    assert data(things, f"{{ thingsById(id: 4) {{ {field} }} }}") == {"thingsById": {field: None}}


def test_each_type_of_a_column_has_its_scalar(things: httpx.Client) -> None:
    """It is fixed by the column, never by its values."""
    fields = data(things, '{ __type(name: "ThingsRow") { fields { name type { name ofType { name } } } } }')["__type"][
        "fields"
    ]

    assert {field["name"]: field["type"]["name"] or field["type"]["ofType"]["name"] for field in fields} == TYPES


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("big", 10), ("small", 10), ("exact", "1.10"), ("exact", "1.1"), ("exact", 1.1), ("exact", "11e-1"),
        ("ratio", 0.5), ("day", "2026-01-01"), ("moment", "2026-01-01T10:00:00"),
        ("moment", "2026-01-01T10:00:00.000"),
        ("instant", "2026-01-01T10:00:00Z"), ("instant", "2026-01-01T11:00:00+01:00"), ("clock", "08:00:00"),
        ("flag", False), ("uid", UID), ("word", "alpha"),
    ],
)  # fmt: skip
def test_a_value_in_a_variable_means_the_same_as_in_an_answer(things: httpx.Client, field: str, value: object) -> None:
    """What was read can be asked for."""
    kind = TYPES[field]
    query = f"query($value: {kind}) {{ things(where: {{{field}: {{eq: $value}}}}) {{ nodes {{ id }} }} }}"

    assert data(things, query, value=value) == {"things": {"nodes": [{"id": 1}]}}


BAD = {
    "big": ["1", 1.5, True, 2**53, -(2**53), 1e300, [1, 2], {}],
    "small": ["1", 1.5, True, 2**31, -(2**31) - 1],
    "exact": ["", " ", "x", "1,5", "1_000", "NaN", "Infinity", "0x10", "\u0661", "9" * 39, "1e39", True],
    "ratio": ["0.5", "NaN", True],
    "day": ["", "2026-02-29", "2026-13-01", "01.02.2026", "today", "2026-01-01T00:00:00", 20260101],
    "moment": ["", "2026-01-01T10:00:00Z", "2026-01-01T10:00:00+01:00", "2026-01-01T25:00:00", 0],
    "instant": ["", "2026-01-01T10:00:00", "2026-01-01T10:00:00+25:00", "10000-01-01T00:00:00Z", 0],
    "clock": ["", "24:00:01", "8 o'clock", 8],
    "uid": ["", "x", UID + "0", 1],
    "flag": ["true", 1, 0],
    "word": [1, True, ["a", "b"], {"a": 1}],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in BAD.items() for value in values])
def test_a_value_that_is_none_of_its_type_is_refused(things: httpx.Client, field: str, value: object) -> None:
    """As bad input, whether it nearly fits or not at all."""
    query = f"query($value: {TYPES[field]}) {{ things(where: {{{field}: {{eq: $value}}}}) {{ totalCount }} }}"

    assert code(things, query, value=value) == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "literal",
    [
        "big: {eq: 1.0}", 'big: {eq: "1"}', "big: {eq: 9007199254740992}", 'day: {eq: "2026-02-30"}', "day: {eq: 2026}",
        'exact: {eq: "x"}', "exact: {eq: true}", 'ratio: {eq: "0.5"}', "word: {eq: 1}", "word: {eq: alpha}",
        'flag: {eq: "true"}', "uid: {eq: 1}", "raw: {eq: 1}", 'doc: {eq: "x"}', "flag: {lt: true}",
        "big: {contains: 1}",
    ],
)  # fmt: skip
def test_a_literal_that_is_none_of_its_type_is_refused(things: httpx.Client, literal: str) -> None:
    """Before anything is run."""
    query = f"{{ things(where: {{{literal}}}) {{ totalCount }} }}"

    assert code(things, query) == "GRAPHQL_VALIDATION_FAILED"


def test_a_decimal_keeps_every_digit_of_a_literal(things: httpx.Client) -> None:
    """No float stands between the text and the number."""
    where = "{exact: {gt: 1.0999999999999999999999999, lt: 1.1000000000000000000000001}}"
    query = f"{{ things(where: {where}) {{ nodes {{ id }} }} }}"

    assert data(things, query) == {"things": {"nodes": [{"id": 1}]}}


def test_a_decimal_keeps_every_digit_of_a_number_in_a_variable(things: httpx.Client) -> None:
    """Neither does one stand between JSON and the number, by POST or by GET."""
    query = "query($a: Decimal, $b: Decimal) { things(where: {exact: {gt: $a, lt: $b}}) { nodes { id } } }"
    variables = '{"a": 1.0999999999999999999999999, "b": 1.1000000000000000000000001}'
    body = f'{{"query": "{query}", "variables": {variables}}}'
    posted = things.post("/graphql", content=body, headers={"Content-Type": "application/json"})
    got = things.get("/graphql", params={"query": query, "variables": variables})

    assert posted.json() == got.json() == {"data": {"things": {"nodes": [{"id": 1}]}}}


def test_numbers_are_written_so_that_they_read_back_the_same(things: httpx.Client) -> None:
    """JSON of the answer, byte for byte."""
    answer = post(things, "{ things(first: 1) { nodes { big exact ratio } } }", RESPONSE_JSON)

    assert answer.content == b'{"data":{"things":{"nodes":[{"big":10,"exact":"1.10","ratio":0.5}]}}}'
