"""Documents that are known by another name than their text: the project's own, and those that clients hand in once.

The files of `operations/` are trusted: the project wrote them. `operations/users/dashboard.graphql` is asked at
`/api/users/dashboard`. A document that a client registers by its hash is anybody's (Apollo's protocol for that is
called automatic persisted queries).
"""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from graphql import (
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    VariableDefinitionNode,
    parse,
    validate,
)

from snapshot.errors import Problem

from .answer import Request
from .bounded import Bounded
from .errors import BAD_INPUT, NOT_TRUSTED, UNKNOWN_HASH, refusal

log = logging.getLogger("pacelayer.gql")

FOLDER, ENDING = "operations", ".graphql"
# The folder is looked at again after so long.
LOOK_SECONDS = 1.0
# What clients may have registered, in bytes.
REGISTERED_BYTES = 5_000_000


@dataclass(frozen=True)
class Operation:
    """One file of the project: its text, and the variables of its one query."""

    text: str
    variables: tuple[VariableDefinitionNode, ...]


class Operations:
    """The documents of a project's folder, and those that were registered. Lives on the event loop."""

    def __init__(self, root: Path, *, trusted_only: bool) -> None:
        self._folder, self.trusted_only = root / FOLDER, trusted_only
        self._looked = -math.inf
        self._seen: dict[Path, tuple[int, int]] = {}
        self._files: dict[Path, Operation] = {}
        self._by_hash: dict[str, str] = {}
        self._registered = Bounded[str, str](REGISTERED_BYTES, len)

    def at(self, path: str) -> Operation | None:
        """The project's operation of a path like `users/dashboard`."""
        self._look()
        return self._files.get(self._folder / f"{path}{ENDING}")

    def resolved(self, request: Request) -> Request:
        """A request with the text of its document. Raises GraphQLError where that is not known, or not trusted."""
        text, digest = request.query, request.digest
        if text and digest and _hash(text) != digest:
            raise refusal(BAD_INPUT, "'sha256Hash' is not the hash of 'query'")
        if digest or self.trusted_only:
            self._look()
            digest = digest or _hash(text)
            known = self._by_hash.get(digest)
            if known is None and self.trusted_only:
                raise refusal(NOT_TRUSTED, f"only the documents of {FOLDER}/ are answered here")
            if known is None and text:
                self._registered.put(digest, text)
            known = known or text or self._registered.get(digest)
            if known is None:
                raise refusal(UNKNOWN_HASH, "PersistedQueryNotFound")
            text = known
        return replace(request, query=text, digest="")

    def _look(self) -> None:
        """Read what was written since the last look."""
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        seen = {path: (stat.st_mtime_ns, stat.st_size) for path in files(self._folder) for stat in [path.stat()]}
        if seen != self._seen:
            self._seen = seen
            self._files, problems = read_all(self._folder)
            self._by_hash = {_hash(operation.text): operation.text for operation in self._files.values()}
            for problem in problems:
                log.error("an operation is left out: %s", problem)


def files(folder: Path) -> list[Path]:
    """The documents of a folder, at any depth."""
    return sorted(path for path in folder.rglob(f"*{ENDING}") if path.is_file())


def read_all(folder: Path) -> tuple[dict[Path, Operation], list[Problem]]:
    """The operations of a folder, and what is wrong with the others."""
    found: dict[Path, Operation] = {}
    problems: list[Problem] = []
    for path in files(folder):
        try:
            found[path] = _read(path)
        except (GraphQLError, OSError, UnicodeDecodeError) as error:
            problems.append(_problem(folder, path, error))
    return found, problems


def problems_of(root: Path, schema: GraphQLSchema) -> Iterator[Problem]:
    """What is wrong with the operations of a project, each with its place."""
    found, problems = read_all(root / FOLDER)
    yield from problems
    for path, operation in found.items():
        for error in validate(schema, parse(operation.text)):
            yield _problem(root / FOLDER, path, error)


def _read(path: Path) -> Operation:
    text = path.read_text(encoding="utf-8")
    operations = [node for node in parse(text).definitions if isinstance(node, OperationDefinitionNode)]
    if len(operations) != 1 or operations[0].operation is not OperationType.QUERY:
        raise GraphQLError("the file must hold one query, with its fragments", operations[:2])
    return Operation(text, tuple(operations[0].variable_definitions or ()))


def _problem(folder: Path, path: Path, error: Exception) -> Problem:
    places = error.locations or [] if isinstance(error, GraphQLError) else []
    message = error.message if isinstance(error, GraphQLError) else str(error)
    return Problem(str(path.relative_to(folder.parent)), places[0].line if places else 0, message)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
