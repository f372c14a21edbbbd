"""The way of one request, on one screen: parse, validate, plan, query, respond; all of one generation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import ExecutionResult, OperationDefinitionNode, OperationType, get_operation_ast
from graphql.execution.values import VariableValues, get_variable_values

from snapshot.reader import OpenGeneration, Reader
from snapshot.settings import ServerSettings

from .ask import ask
from .errors import BAD_INPUT, INVALID, MAX_ERRORS, refusal
from .execute import Answering
from .schema import Api


@dataclass(frozen=True)
class Request:
    """A well-formed GraphQL request; `get` where it came by a method that must not change anything."""

    query: str
    variables: Mapping[str, Any]
    operation_name: str | None = None
    get: bool = False


class NotByGet(Exception):
    """Something else than a query was sent by GET."""


def answer(
    request: Request, reader: Reader[Api], generation: OpenGeneration[Api], limits: ServerSettings, deadline: float
) -> ExecutionResult:
    """The result of a request. Where it is refused there is no data, and nothing was run.

    Raises GraphQLError with a code, NotByGet, DeadlineExceeded and QueryFailed.
    """
    api = generation.value
    document = api.documents(request.query, limits.max_tokens)
    operation = get_operation_ast(document.node, request.operation_name)
    if request.get and operation is not None and operation.operation is not OperationType.QUERY:
        raise NotByGet
    if document.errors:
        return ExecutionResult(None, list(document.errors), {"code": INVALID})
    if operation is None:
        raise refusal(INVALID, "name one of the document's operations as operationName")
    if operation.operation is not OperationType.QUERY:
        raise refusal(INVALID, "there are queries only: numbers are changed at their source", operation)
    asked = ask(api, document.node, operation, _variables(api, operation, request.variables), limits)
    answering = Answering(reader, generation, deadline)
    return answering.respond(document.node, asked, request.variables, request.operation_name)


def _variables(api: Api, operation: OperationDefinitionNode, inputs: Mapping[str, Any]) -> VariableValues:
    definitions = operation.variable_definitions or ()
    values = get_variable_values(api.schema, definitions, dict(inputs), max_errors=MAX_ERRORS)
    if isinstance(values, VariableValues):
        return values
    raise refusal(BAD_INPUT, "; ".join(error.message for error in values))
