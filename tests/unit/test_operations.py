"""The documents of `operations/`: which there are, what is wrong with the others, and what an address says for them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from graphql import GraphQLError, build_schema, parse
from starlette.types import Message

from gql import operations as module
from gql.answer import Request
from gql.document import Documents
from gql.errors import BAD_INPUT, NOT_TRUSTED, UNKNOWN_HASH
from gql.limits import Workers
from gql.operation_request import operation_request
from gql.operations import FOLDER, REGISTERED_BYTES, Operation, Operations, problems_of
from gql.read import Headers, Malformed

USER = "query ($id: ID!) { user(id: $id) }"
SCHEMA = build_schema("""
    type Query { user(id: ID): Int  all(where: Where, size: Float): Int }
    input Where { a: Int }
    scalar BigInt  scalar Decimal  scalar Date  scalar JSON
    enum By { DAY PLAN }
""")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with two operations."""
    write(tmp_path, "users/dashboard", USER)
    write(tmp_path, "all", "{ all }")
    return tmp_path


@pytest.fixture(autouse=True)
def _looking_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0)


def write(root: Path, name: str, text: str) -> Path:
    """A file of `operations/`, later than what was there."""
    path = root / FOLDER / f"{name}.graphql"
    path.parent.mkdir(parents=True, exist_ok=True)
    later = path.stat().st_mtime_ns + 1_000_000 if path.exists() else None
    path.write_text(text)
    if later:
        os.utime(path, ns=(later, later))
    return path


def digest(text: str) -> str:
    """The hash by which a document is called."""
    return hashlib.sha256(text.encode()).hexdigest()


def refused(operations: Operations, request: Request) -> str:
    """The code of the refusal of a request."""
    with pytest.raises(GraphQLError) as refusal:
        operations.resolved(request)
    return str((refusal.value.extensions or {})["code"])


# The folder


def test_an_operation_is_found_by_its_path(root: Path) -> None:
    """Below the folder, without its ending."""
    operations = Operations(root, trusted_only=False)

    found = operations.at("users/dashboard")

    assert found is not None
    assert found.text == USER
    assert [one.variable.name.value for one in found.variables] == ["id"]


def test_an_operation_is_its_file_to_the_letter(root: Path) -> None:
    """Its hash is that of the bytes, whatever its lines end with."""
    text = "{\r\n  all\r\n}\r\n"
    (root / FOLDER / "all.graphql").write_bytes(text.encode())

    found = Operations(root, trusted_only=True).resolved(Request("", {}, digest=digest(text)))

    assert found.query == text


@pytest.mark.parametrize(
    "name",
    ["", "users", "users/", "users/dashboard/", "users//dashboard", "./all", "users/../all", "../secret", "all.graphql",
     "ALL", "{root}/all", "/{root}/operations/all", "all\0", "users\\dashboard", "%61ll"],
)  # fmt: skip
def test_no_other_path_leads_to_a_file(root: Path, name: str) -> None:
    """Neither one out of the folder, nor a second one to the same operation."""
    (root / "secret.graphql").write_text("{ all }")

    assert Operations(root, trusted_only=False).at(name.format(root=root)) is None


def test_what_is_written_later_is_found(root: Path) -> None:
    """A new file, another text, and a file that is gone."""
    operations = Operations(root, trusted_only=False)
    operations.at("all")
    write(root, "new", "{ all }")
    write(root, "all", "{ a: all }")
    (root / FOLDER / "users" / "dashboard.graphql").unlink()

    new, changed = operations.at("new"), operations.at("all")

    assert new is not None
    assert changed is not None
    assert changed.text == "{ a: all }"
    assert operations.at("users/dashboard") is None


@pytest.mark.parametrize("text", ["{ all", "", "mutation { a }"])
def test_a_file_that_cannot_be_read_leaves_the_operation_as_it_was(root: Path, text: str) -> None:
    """An editor writes half of it first."""
    operations = Operations(root, trusted_only=True)
    operations.at("all")
    write(root, "all", text)

    found = operations.at("all")

    assert found is not None
    assert found.text == "{ all }"
    assert operations.resolved(Request("{ all }", {})).query == "{ all }"


def test_a_folder_that_cannot_be_read_stays_as_it_was(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests go on."""
    operations = Operations(root, trusted_only=False)
    operations.at("all")

    def fails(folder: Path) -> dict[Path, tuple[int, int]]:
        raise PermissionError(folder)

    monkeypatch.setattr(module, "files", fails)

    assert operations.at("all") is not None


def test_links_to_nothing_and_folders_with_the_ending_are_no_operations(root: Path) -> None:
    """They are passed over."""
    (root / FOLDER / "gone.graphql").symlink_to(root / "nowhere")
    (root / FOLDER / "folder.graphql").mkdir()

    assert Operations(root, trusted_only=False).at("all") is not None
    assert list(problems_of(root, Documents(SCHEMA), 100)) == []


def test_a_project_may_have_no_operations(tmp_path: Path) -> None:
    """Nothing is found."""
    assert Operations(tmp_path, trusted_only=False).at("all") is None


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("{ all", 1, "Expected Name, found <EOF>"),
        ("# nothing", 1, "Unexpected <EOF>"),
        ("{ all }\n\nquery b { all }", 3, "one query"),
        ("fragment f on Query { all }", 0, "one query"),
        ("# change\nmutation { all }", 2, "one query"),
        ("{\n  all\n  none\n}", 3, "Cannot query field 'none'"),
        ("query (\n  $id: IDS\n) { user(id: $id) }", 2, "Unknown type 'IDS'"),
        ("{ " + "all " * 100 + "}", 1, "more than 100 tokens"),
    ],
)
def test_what_is_wrong_with_an_operation_is_told_with_its_place(root: Path, text: str, line: int, words: str) -> None:
    """The file, the line and what it is; those that are right are not named."""
    write(root, "users/odd", text)

    (problem, *_) = problems_of(root, Documents(SCHEMA), 100)

    assert (problem.path, problem.line) == ("operations/users/odd.graphql", line)
    assert words in problem.message


def test_a_file_that_is_no_text_is_a_problem(root: Path) -> None:
    """It is named."""
    (root / FOLDER / "odd.graphql").write_bytes(b"\xff\xfe")

    (problem,) = problems_of(root, Documents(SCHEMA), 100)

    assert problem.path == "operations/odd.graphql"


# By hash


def test_a_document_is_known_by_its_hash_once_it_was_sent_with_it() -> None:
    """Unknown, registered, known."""
    operations = Operations(Path("nowhere"), trusted_only=False)
    asked = Request("", {"a": 1}, "b", get=True, digest=digest(USER))

    assert refused(operations, asked) == UNKNOWN_HASH
    assert operations.resolved(replace(asked, query=USER)) == replace(asked, query=USER, digest="")
    assert operations.resolved(asked) == replace(asked, query=USER, digest="")


def test_a_hash_of_something_else_is_refused_and_registers_nothing() -> None:
    """Else a client could have others run what they did not mean."""
    operations = Operations(Path("nowhere"), trusted_only=False)

    assert refused(operations, Request("{ all }", {}, digest=digest(USER))) == BAD_INPUT
    assert refused(operations, Request("", {}, digest=digest(USER))) == UNKNOWN_HASH


def test_an_operation_of_the_project_is_known_by_its_hash_from_the_start(root: Path) -> None:
    """Nobody has to register it."""
    assert Operations(root, trusted_only=False).resolved(Request("", {}, digest=digest(USER))).query == USER


def test_what_clients_register_is_bounded() -> None:
    """The oldest goes, however short or long they are."""
    operations = Operations(Path("nowhere"), trusted_only=False)
    texts = [f"{{ a{number} }}" for number in range(REGISTERED_BYTES // 500)]
    for text in texts:
        operations.resolved(Request(text, {}, digest=digest(text)))

    assert refused(operations, Request("", {}, digest=digest(texts[0]))) == UNKNOWN_HASH
    assert operations.resolved(Request("", {}, digest=digest(texts[-1]))).query == texts[-1]


@pytest.mark.parametrize("how", [{"query": USER}, {"query": "", "digest": digest(USER)}])
def test_a_trusted_document_is_answered_by_its_text_or_its_hash(root: Path, how: dict[str, str]) -> None:
    """To the letter."""
    request = replace(Request("", {}), **how)  # type: ignore[arg-type]  # both are texts

    assert Operations(root, trusted_only=True).resolved(request).query == USER


@pytest.mark.parametrize("text", ["{ __typename }", USER + " ", "{ __schema { queryType { name } } }"])
def test_nothing_else_is_answered_where_only_trusted_documents_are(root: Path, text: str) -> None:
    """Nor can it be registered."""
    operations = Operations(root, trusted_only=True)

    assert refused(operations, Request(text, {})) == NOT_TRUSTED
    assert refused(operations, Request(text, {}, digest=digest(text))) == NOT_TRUSTED
    assert refused(operations, Request("", {}, digest=digest(text))) == NOT_TRUSTED


# Variables in an address


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
