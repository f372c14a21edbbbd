"""Documents by their hash: registered by clients, or the project's own; and where those alone are answered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gql.answer import Request
from gql.errors import BAD_INPUT, NOT_TRUSTED, UNKNOWN_HASH
from gql.operations import REGISTERED_BYTES, Operations

from .test_operations import USER, digest, make, refused


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with two operations."""
    return make(tmp_path)


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
