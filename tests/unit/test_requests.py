"""What a request says, read: which are equal, which form of an answer is wanted, and which answers a client has."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any
from urllib.parse import urlencode

import brotli
import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.types import Message, Scope

from gql.answer import Request
from gql.encoding import compress, encoding_of
from gql.exact import MAX_DEPTH, json_of
from gql.limits import Workers
from gql.read import Headers, Malformed, graphql_request, headers_of
from gql.write import is_known

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text("ab1é'", max_size=3) | st.just("None"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab'", max_size=2), inner, max_size=3),
    max_leaves=10,
)
VARIABLES = st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES, max_size=3)


# Keys


@given(VARIABLES, VARIABLES)
@example({"a": {}}, {"a": []})
@example({"a": 1}, {"a": True})
@example({"a": None}, {})
@example({"a": ["b", 1]}, {"a": {"b": 1}})
@example({"a": [["b", 1]]}, {"a": {"b": 1}})
def test_requests_have_one_key_where_their_json_is_the_same_and_only_then(one: Any, other: Any) -> None:
    """In whatever order they name their variables, and however deep."""
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)

    assert (Request("{ a }", one).key == Request("{ a }", other).key) is same


@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ('{"a": ', "}")])
def test_variables_that_are_not_too_deep_have_a_key_and_a_size(begin: str, end: str) -> None:
    """Python calls itself only so often."""
    request = Request("{ a }", {"a": json_of(begin * MAX_DEPTH + "1" + end * MAX_DEPTH)})

    assert request.key
    assert request.size


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 600, 990, 5_000])
@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ('{"a": ', "}")])
def test_variables_that_are_too_deep_are_refused(begin: str, end: str, depth: int) -> None:
    """However much too deep."""
    with pytest.raises(ValueError, match=r"deep|depth"):
        json_of(begin * depth + "1" + end * depth)


def test_a_text_may_have_any_number_of_brackets() -> None:
    """Which are no values within values."""
    assert json_of(f'["{"[{" * MAX_DEPTH}"]') == ["[{" * MAX_DEPTH]


@pytest.mark.parametrize("number", ["1e5000", "-1.5e5000", "1e-5000", "9" * 5_000, "-" + "9" * 101, "9" * 100])
def test_a_number_of_any_size_is_read_as_it_is_written(number: str) -> None:
    """It is JSON; whether it fits is for its type to say, with the place."""
    assert repr(json_of(f"[{number}]")) == f"[{number}]"


@pytest.mark.parametrize(
    "text",
    [
        *(b"NaN", b"-Infinity", b"01", b"1.", b"+1", b"[1,]", b"", b"\x00", b"[]\x0c", b"\xff", b"\xef\xbb\xbf{}"),
        *(b'"\x01"', b'"\xed\xa0\x80"', b'"\\ud800"', b'{"\\udc00\\ud800": 1}', "{}".encode("utf-16")),
    ],
)
def test_what_is_no_json_in_utf_8_is_refused(text: bytes) -> None:
    """Also what Python would take for it: numbers that are none, and halves of characters."""
    with pytest.raises(Malformed, match="not JSON"):
        request_of({"method": "POST"}, text)


@given(VARIABLES)
def test_the_order_of_names_does_not_matter(variables: dict[str, Any]) -> None:
    """Clients put together what they send as it comes."""
    assert Request("{ a }", variables).key == Request("{ a }", dict(reversed(variables.items()))).key


@pytest.mark.parametrize(
    ("one", "other"), [("1.0", "1.00"), ("1", "1.0"), ("0.1", "0.10000000000000001"), ("1e2", "100.0")]
)
def test_decimals_that_were_written_otherwise_have_other_keys(one: str, other: str) -> None:
    """They are compared with all their digits, so an answer to one may be none to the other."""
    keys = {Request("{ a }", json_of(f'{{"a": {text}}}')).key for text in (one, other)}

    assert len(keys) == 2


@pytest.mark.parametrize(
    "other",
    [
        Request("{ b }", {}),
        Request("{ a }", {}, "a"),
        Request("{ a }", {}, get=True),
        Request("{ a }", {}, explain=True),
        Request("{ a }", {"a": None}),
    ],
)
def test_whatever_decides_the_answer_is_in_the_key(other: Request) -> None:
    """The text, the operation, whether it may change anything, and what else is told."""
    assert Request("{ a }", {}).key != other.key


def test_a_key_does_not_grow_with_the_request() -> None:
    """It is kept beside the answer."""
    assert len(Request("{ a }" + " " * 1_000_000, {}).key) == len(Request("{ a }", {}).key)


# Encodings


@pytest.mark.parametrize(
    ("accept", "encoding"),
    [
        ("", ""),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("zstd;q=0.5, br;q=0.5, gzip;q=0.9", "gzip"),
        ("gzip;q=0", ""),
        ("gzip;q=0, *", "zstd"),
        ("*;q=0", ""),
        ("identity", ""),
        ("identity, gzip;q=0.5", ""),
        ("identity;q=0.5, gzip", "gzip"),
        ("deflate, compress", ""),
        ("gzip;q=nonsense", ""),
        (", ,;q=1,gzip", "gzip"),
        ("gzip2, xgzip", ""),
    ],
)
def test_the_encoding_is_the_one_that_the_client_likes_best(accept: str, encoding: str) -> None:
    """Of those that it likes alike, the smallest; none where it says nothing, or would rather have none."""
    assert encoding_of(accept) == encoding


@pytest.mark.parametrize(
    ("accept", "encoding"),
    [("gzip, br", ""), ("identity;q=0.5, gzip", ""), ("identity;q=0, gzip", "gzip"), ("gzip, *;q=0", "gzip")],
)
def test_a_small_answer_is_encoded_only_for_who_does_not_take_it_plain(accept: str, encoding: str) -> None:
    """It fits into a packet as it is."""
    assert encoding_of(accept, small=True) == encoding


@given(st.text("gzipbrst*,;q=01. "))
def test_whatever_a_client_accepts_is_no_reason_to_break(accept: str) -> None:
    """An encoding of ours, or none."""
    assert encoding_of(accept) in ("", "zstd", "br", "gzip")


@given(st.binary(max_size=5_000))
def test_every_form_decodes_to_the_same_bytes(body: bytes) -> None:
    """And the same body has the same form each time."""
    decoded = {
        "zstd": zstandard.ZstdDecompressor().decompress,
        "br": brotli.decompress,
        "gzip": gzip.decompress,
    }
    for encoding, decode in decoded.items():
        assert decode(compress(body, encoding)) == body
        assert compress(body, encoding) == compress(body, encoding)


# Tags


@pytest.mark.parametrize("known", ['W/"1"', '"1"', '"0", W/"1"', ' W/"1" ,"2"', "*"])
def test_a_tag_that_the_client_has_is_found(known: str) -> None:
    """Weak and strong ones are compared alike, and any is any."""
    assert is_known('W/"1"', known)


@pytest.mark.parametrize("known", ['"2"', '"11"', "1", 'W/"1', "W/*", '"*"', '"0", *', "", ",", 'w/"1"'])
def test_another_tag_is_not(known: str) -> None:
    """Nor what is no tag."""
    assert not is_known('W/"1"', known)


# Requests


def request_of(scope: Scope, body: bytes = b"") -> Request:
    """What is asked of `/graphql`."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    headers = Headers(content_type="application/json")
    return asyncio.run(graphql_request(scope, receive, headers, 1_000_000, Workers(1)))


@given(VARIABLES, st.sampled_from([None, "a"]))
def test_a_request_by_get_is_the_one_by_post(variables: dict[str, Any], name: str | None) -> None:
    """But that it must not change anything."""
    body = {"query": "{ a }", "variables": variables, "operationName": name}
    address = {key: value if isinstance(value, str) else json.dumps(value) for key, value in body.items() if value}

    posted = request_of({"method": "POST"}, json.dumps(body).encode())
    got = request_of({"method": "GET", "query_string": urlencode(address).encode()})

    assert (got.query, got.variables, got.operation_name) == (posted.query, posted.variables, posted.operation_name)
    assert (got.get, posted.get) == (True, False)


@pytest.mark.parametrize(
    "persisted",
    [
        *(1, [], {}, {"version": 1}, {"version": 2, "sha256Hash": "a" * 64}),
        *({"version": 1, "sha256Hash": digest} for digest in ("A" * 64, "a" * 63, "a" * 64 + "\n", 1)),
    ],
)
def test_a_hash_that_is_none_is_malformed(persisted: object) -> None:
    """It is 64 hexadecimal digits, in small letters, of version 1."""
    body = json.dumps({"query": "{ a }", "extensions": {"persistedQuery": persisted}}).encode()

    with pytest.raises(Malformed) as refused:
        request_of({"method": "POST"}, body)

    assert refused.value.status == 400


def test_blanks_around_a_header_are_none_of_it() -> None:
    """Also behind it, and tabs."""
    assert headers_of({"headers": [(b"if-none-match", b"\t* "), (b"x-snapshot-min", b"2 ")]}) == Headers(
        if_none_match="*", x_snapshot_min="2"
    )


def test_a_header_that_comes_twice_is_one_list() -> None:
    """As HTTP has it."""
    raw = [(b"accept-encoding", b"gzip"), (b"x-other", b"1"), (b"accept-encoding", b"br"), (b"if-none-match", b'"1"')]

    assert headers_of({"headers": raw}) == Headers(accept_encoding="gzip, br", if_none_match='"1"')
