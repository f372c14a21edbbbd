"""The documents of `operations/`: which there are, which are answered, and what is wrong with the others."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from graphql import GraphQLError, build_schema

from gql import operations as module
from gql.answer import Request
from gql.document import Documents
from gql.errors import NOT_TRUSTED
from gql.operations import FOLDER, Operation, Operations, problems_of

USER = "query ($id: ID!) { user(id: $id) }"


SCHEMA = build_schema("""
    type Query { user(id: ID): Int  all(where: Where, size: Float): Int }
    input Where { a: Int }
    scalar BigInt  scalar Decimal  scalar Date  scalar JSON
    enum By { DAY PLAN }
""")


def make(root: Path) -> Path:
    """A project with two operations."""
    write(root, "users/dashboard", USER)
    write(root, "all", "{ all }")
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Such a project."""
    return make(tmp_path)


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


def test_a_file_that_could_not_be_read_is_read_later(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Though nobody wrote to it; and it is complained of once."""
    operations, read = Operations(root, trusted_only=False), module._read

    def fail(path: Path) -> Operation:
        raise OSError("too many open files")

    monkeypatch.setattr(module, "_read", fail)
    assert [operations.at("all") for _ in range(2)] == [None, None]
    monkeypatch.setattr(module, "_read", read)
    assert operations.at("all") is not None
    assert len(caplog.records) == 2


def test_a_file_that_goes_after_it_could_not_be_read_is_known_no_more(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor trusted."""
    operations = Operations(root, trusted_only=True)
    assert operations.at("all") is not None
    path = write(root, "all", "{ all } ")

    def fail(path: Path) -> Operation:
        raise PermissionError("not for you")

    monkeypatch.setattr(module, "_read", fail)
    assert operations.at("all") is not None
    path.unlink()
    assert operations.at("all") is None
    assert refused(operations, Request("{ all }", {})) == NOT_TRUSTED


def test_a_file_that_is_no_document_is_not_read_again_until_it_is_written(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor are the others."""
    write(root, "broken", "{ all")
    operations = Operations(root, trusted_only=False)
    assert operations.at("all") is not None
    monkeypatch.setattr(module, "_read", lambda path: pytest.fail(f"{path} was read again"))
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
