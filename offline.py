"""The API that the metrics and sources.lock make, before anything is built: its contract, and what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator

import terminal
from gql.contract import breaks
from gql.operations import FOLDER, problems_of
from gql.schema import Api, build
from snapshot.errors import Problem
from snapshot.project import empty_snapshot
from snapshot.reader import read_catalog
from snapshot.settings import Settings


def api_of(settings: Settings) -> Api:
    """The API of a project. Raises ProjectError."""
    with empty_snapshot(settings) as path:
        return build(read_catalog(path))


def operation_problems(settings: Settings) -> Iterator[Problem]:
    """What is wrong with the documents of `operations/`."""
    if (settings.root / FOLDER).exists():
        yield from problems_of(settings.root, api_of(settings).documents, settings.server.max_tokens)


def contract_is(settings: Settings) -> bool:
    """Whether `schema.graphql` is what the metrics say; what to do is said where it is not."""
    current = _contract(settings) == api_of(settings).sdl
    if not current:
        terminal.complain("schema.graphql is not what the metrics say; run 'pacelayer schema' and commit it")
    return current


def write_contract(settings: Settings, *, accept: bool) -> bool:
    """Write `schema.graphql`; not, and False, where that would break the one that is there and it is not accepted."""
    api, current = api_of(settings), _contract(settings)
    broken = breaks(current, api.schema) if current and not accept else []
    for words in broken:
        terminal.complain(f"schema.graphql: {words}")
    if broken:
        terminal.note("clients may rely on that; 'pacelayer schema --accept' makes it the contract all the same")
        return False
    (settings.root / "schema.graphql").write_text(api.sdl, encoding="utf-8")
    terminal.say(f"schema.graphql {'is as it was' if current == api.sdl else 'is written'}")
    return True


def _contract(settings: Settings) -> str:
    path = settings.root / "schema.graphql"
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
