"""The way of one request, on one screen: parse, validate, plan, query, respond; all of one generation."""

from __future__ import annotations

import hashlib
import pickle
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from graphql import ExecutionResult, OperationType, get_operation_ast

from snapshot.errors import Damaged, NoSuchGeneration
from snapshot.reader import OpenGeneration, Reader
from snapshot.settings import ServerSettings

from .cursor import OtherGeneration
from .errors import BAD_INPUT, INVALID, SNAPSHOT_GONE, refusal
from .exact import Digits
from .execute import Answering
from .prepare import Operation, operation_of, prepare, prepared
from .question import Policy, everything
from .resident import NotResident
from .schema import Api
from .trace import Trace


@dataclass(frozen=True)
class Request:
    """A well-formed GraphQL request.

    `get` where it came by a method that must not change anything, `explain` where it wants to know the ways taken.
    `digest` is the hash by which it calls its document. A `large` one takes so long to go through, once and again,
    that it is done in a thread.
    """

    query: str
    variables: Mapping[str, Any]
    operation_name: str | None = None
    get: bool = False
    explain: bool = False
    digest: str = ""
    large: bool = False

    @cached_property
    def key(self) -> str:
        """A hash that is equal for equal requests, in whatever order they name their variables."""
        text = repr((self.query, self.operation_name, self.explain, self.get, _sorted(self.variables)))
        return hashlib.blake2b(text.encode(), digest_size=20).hexdigest()

    @cached_property
    def packed(self) -> bytes:
        """The request as bytes, for whoever asks it once more."""
        return pickle.dumps((self.query, self.variables, self.operation_name, self.get, self.explain))

    @staticmethod
    def unpacked(packed: bytes) -> Request:
        """The request that is `packed`, whose document is known by now."""
        return Request(*pickle.loads(packed))  # noqa: S301  packed by `Request` itself

    @property
    def size(self) -> int:
        """The memory that it takes, in bytes."""
        return sys.getsizeof(self.query) + _size(self.variables)


class NotByGet(Exception):
    """Something else than a query was sent by GET."""


def answer(
    request: Request,
    reader: Reader[Api],
    limits: ServerSettings,
    deadline: float,
    policy: Policy = everything,
    trace: Trace | None = None,
) -> ExecutionResult:
    """The result of a request, of the current generation or of the one that its cursors are of.

    Where it is refused there is no data, and nothing was run. Raises GraphQLError with a code, NotByGet, NoSnapshot,
    DeadlineExceeded and QueryFailed.
    """
    try:
        with reader.lease() as generation:
            return answer_from(request, reader, generation, limits, deadline, policy, trace)
    except OtherGeneration as other:
        try:
            with reader.lease(other.number) as generation:
                return answer_from(request, reader, generation, limits, deadline, policy, trace)
        except (NoSuchGeneration, Damaged) as error:
            message = "the generation that the cursor is of is not kept any more; begin with the first page"
            raise refusal(SNAPSHOT_GONE, message) from error
        except OtherGeneration as error:
            raise refusal(BAD_INPUT, "the cursors of one document must be of one generation") from error


def answer_from(
    request: Request,
    reader: Reader[Api],
    generation: OpenGeneration[Api],
    limits: ServerSettings,
    deadline: float,
    policy: Policy = everything,
    trace: Trace | None = None,
) -> ExecutionResult:
    """The same of one generation. Raises OtherGeneration where the document has a cursor of another one."""
    api, trace = generation.value, trace or Trace()
    trace.generation = generation.catalog.snapshot.id
    document = api.documents(request.query, limits.max_tokens)
    node = get_operation_ast(document.node, request.operation_name)
    trace.step("parse")
    if request.get and node is not None and node.operation is OperationType.MUTATION:
        raise NotByGet
    if document.errors:
        return ExecutionResult(None, list(document.errors), {"code": INVALID})
    if node is None:
        raise refusal(INVALID, "name one of the document's operations as operationName")
    if node.operation is OperationType.SUBSCRIPTION:
        raise refusal(INVALID, "a subscription is answered by events; ask with 'Accept: text/event-stream'", node)
    if node.operation is not OperationType.QUERY:
        raise refusal(INVALID, "there are no mutations: numbers are changed at their source", node)
    key = request.query, request.operation_name, limits.max_tokens
    if (operation := api.operations.get(key)) is None:
        api.operations.put(key, operation := operation_of(api, document, node))
    found = prepare(api, operation, request.variables, limits, policy)
    trace.step("plan")
    return _respond(request, operation, Answering(reader, generation, found, deadline, limits.resident_cells), trace)


def answer_now(
    request: Request,
    reader: Reader[Api],
    limits: ServerSettings,
    policy: Policy = everything,
    trace: Trace | None = None,
) -> ExecutionResult:
    """The same where it is at hand: the question was asked before, and its rows are held.

    Nobody is kept waiting, so that it can be asked on an event loop. Raises NotResident where it is not at hand,
    GraphQLError with a code, and NoSnapshot.
    """
    trace, generation = trace or Trace(), reader.current  # no lease: what is held is no file's
    api = generation.value
    trace.generation = generation.catalog.snapshot.id
    operation = api.operations.get((request.query, request.operation_name, limits.max_tokens))
    found = operation and prepared(api, operation, request.variables, limits, policy)
    trace.step("plan")
    if not operation or not found:
        raise NotResident
    return _respond(request, operation, Answering(reader, generation, found, None, limits.resident_cells), trace)


def _respond(request: Request, operation: Operation, answering: Answering, trace: Trace) -> ExecutionResult:
    trace.moves = "status" in answering.asked.others.values()
    result = answering.respond(operation.document.node, request.variables, request.operation_name)
    trace.step("query")
    return ExecutionResult(result.data, result.errors, {"ways": answering.ways}) if request.explain else result


def _sorted(value: Any) -> Any:
    """A value of JSON in one order: an object as a tuple, which nothing else is."""
    if isinstance(value, dict):
        return tuple((name, _sorted(value[name])) for name in sorted(value))
    return [_sorted(inner) for inner in value] if isinstance(value, list) else value


def _size(value: Any) -> int:
    """The memory that a value of JSON takes."""
    if isinstance(value, dict):
        return sys.getsizeof(value) + sum(_size(name) + _size(inner) for name, inner in value.items())
    if isinstance(value, Digits):
        return sys.getsizeof(value) + sys.getsizeof(repr(value))
    return sys.getsizeof(value) + (sum(map(_size, value)) if isinstance(value, list) else 0)
