"""Documents that are known by another name than their text: the project's own, and those that clients hand in once.

The files of `operations/` are trusted: the project wrote them. `operations/users/dashboard.graphql` is asked at
`/api/users/dashboard`. A document that a client registers by its hash is anybody's (Apollo's protocol for that is
called automatic persisted queries).
"""

from __future__ import annotations

import hashlib
import logging
import math
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from stat import S_ISREG

from graphql import GraphQLError, OperationDefinitionNode, OperationType, VariableDefinitionNode, parse

from snapshot.errors import Problem

from .answer import Request
from .bounded import Bounded
from .document import Documents
from .errors import BAD_INPUT, NOT_TRUSTED, UNKNOWN_HASH, refusal

log = logging.getLogger("pacelayer.gql")

FOLDER, ENDING = "operations", ".graphql"
# The folder is looked at again after so long.
LOOK_SECONDS = 1.0
# What clients may have registered, in bytes, and what one of them takes beside its text.
REGISTERED_BYTES, OVERHEAD = 5_000_000, 500


@dataclass(frozen=True)
class Operation:
    """One file of the project: its text, and the variables of its one query or subscription."""

    text: str
    variables: tuple[VariableDefinitionNode, ...]


class Operations:
    """The documents of a project's folder, and those that were registered. Lives on the event loop."""

    def __init__(self, root: Path, *, trusted_only: bool) -> None:
        self._folder, self.trusted_only = root / FOLDER, trusted_only
        self._looked = -math.inf
        self._seen: dict[Path, tuple[int, int] | None] = {}
        self._problems: list[Problem] = []
        self._files: dict[str, Operation] = {}
        self._by_hash: dict[str, str] = {}
        self._registered = Bounded[str, str](REGISTERED_BYTES, lambda _, text: OVERHEAD + sys.getsizeof(text))

    def at(self, name: str) -> Operation | None:
        """The project's operation of a name like `users/dashboard`."""
        self._look()
        return self._files.get(name)

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
        """Read what was written since the last look. What cannot be read stays as it was."""
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        try:
            seen = files(self._folder)
        except OSError as error:
            log.error("%s/ cannot be read, and stays as it was: %s", FOLDER, error)
            return
        if seen != self._seen:
            found, errors = read_all(self._folder, seen)
            names = {name_of(self._folder, path) for path in seen}
            self._files = {name: known for name, known in self._files.items() if name in names} | found
            self._by_hash = {_hash(operation.text): operation.text for operation in self._files.values()}
            # What the disk refused may be had later, though nobody wrote to it.
            self._seen = {p: None if isinstance(errors.get(p), OSError) else s for p, s in seen.items()}
            problems = [_problem(self._folder, path, error) for path, error in errors.items()]
            for problem in problems if problems != self._problems else ():
                log.error("an operation cannot be read, and stays as it was: %s", problem)
            self._problems = problems


def files(folder: Path) -> dict[Path, tuple[int, int]]:
    """The documents of a folder, at any depth, each with when it was written and its size. Raises OSError."""
    found = {}
    for path in sorted(folder.rglob(f"*{ENDING}")):
        with suppress(FileNotFoundError):  # it has gone, or is a link to nothing
            status = path.stat()
            if S_ISREG(status.st_mode):
                found[path] = status.st_mtime_ns, status.st_size
    return found


def name_of(folder: Path, path: Path) -> str:
    """`users/dashboard`."""
    return path.relative_to(folder).as_posix().removesuffix(ENDING)


def read_all(folder: Path, paths: Iterable[Path]) -> tuple[dict[str, Operation], dict[Path, Exception]]:
    """The operations of these files by their names, and what is wrong with the others."""
    found: dict[str, Operation] = {}
    errors: dict[Path, Exception] = {}
    for path in paths:
        try:
            found[name_of(folder, path)] = _read(path)
        except (GraphQLError, OSError, UnicodeDecodeError) as error:
            errors[path] = error
    return found, errors


def problems_of(root: Path, documents: Documents, max_tokens: int) -> Iterator[Problem]:
    """What is wrong with the operations of a project, each with its place."""
    folder = root / FOLDER
    found, wrong = read_all(folder, files(folder))
    yield from (_problem(folder, path, error) for path, error in wrong.items())
    for name, operation in found.items():
        path = folder / f"{name}{ENDING}"
        try:
            errors = documents(operation.text, max_tokens).errors
        except GraphQLError as error:  # it is too long
            errors = (error,)
        yield from (_problem(folder, path, error) for error in errors)


def _read(path: Path) -> Operation:
    text = path.read_bytes().decode()  # to the letter, ends of lines included: a client's hash is of that
    operations = [node for node in parse(text).definitions if isinstance(node, OperationDefinitionNode)]
    if len(operations) != 1 or operations[0].operation is OperationType.MUTATION:
        raise GraphQLError("the file must hold one query or subscription, with its fragments", operations[-1:])
    return Operation(text, tuple(operations[0].variable_definitions or ()))


def _problem(folder: Path, path: Path, error: Exception) -> Problem:
    places = error.locations or [] if isinstance(error, GraphQLError) else []
    message = error.message if isinstance(error, GraphQLError) else str(error)
    return Problem(path.relative_to(folder.parent).as_posix(), places[0].line if places else 0, message)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
