"""What a client may be told: a code, where in the question, and the way out; never what happened inside."""

from __future__ import annotations

from collections.abc import Sequence

from graphql import ArgumentNode, ExecutionResult, FieldNode, GraphQLError, GraphQLSyntaxError, Node

# The codes of refusals. A refusal is a request error: the answer has `errors` and no `data`.
SYNTAX = "GRAPHQL_PARSE_FAILED"
INVALID = "GRAPHQL_VALIDATION_FAILED"
BAD_INPUT = "BAD_USER_INPUT"
NOT_GROUPED = "NOT_GROUPED"
NOT_ANSWERABLE = "NOT_ANSWERABLE"
NOT_COMPUTABLE = "NOT_COMPUTABLE"
TOO_MANY_ROWS = "TOO_MANY_ROWS"
TOO_COMPLEX = "TOO_COMPLEX"
TIMEOUT = "TIMEOUT"
SNAPSHOT_GONE = "SNAPSHOT_GONE"
NOT_TRUSTED = "NOT_TRUSTED"
# The code of Apollo's protocol.
UNKNOWN_HASH = "PERSISTED_QUERY_NOT_FOUND"
INTERNAL = "INTERNAL_SERVER_ERROR"
# The codes of a request that is no GraphQL request at all, or comes at a bad time.
MALFORMED = "BAD_REQUEST"
NO_SNAPSHOT = "NO_SNAPSHOT"
OVERLOADED = "OVERLOADED"

MAX_ERRORS = 5
MAX_MESSAGE = 500


def refusal(code: str, message: str, nodes: Sequence[Node] | Node | None = None) -> GraphQLError:
    """A refusal with its code, to be raised; `nodes` say where in the document."""
    return GraphQLError(message, nodes, extensions={"code": code})


def place(node: Node | None, argument: str) -> Node | None:
    """Where an argument of a field is; the field itself, where it is not written there."""
    arguments = (node.arguments or ()) if isinstance(node, FieldNode) else ()
    return next((found for found in arguments if found.name.value == argument), node)


def named(node: Node | None, path: str) -> str:
    """What a client finds at a place: `'where.day.eq'`, with the argument that it is in."""
    return f"'{node.name.value}.{path}'" if isinstance(node, ArgumentNode) else f"'{path}'"


def formatted(result: ExecutionResult) -> list[dict[str, object]]:
    """At most five errors as JSON, each with a code, none reflecting at length what was sent."""
    shown = []
    for error in (result.errors or [])[:MAX_ERRORS]:
        entry: dict[str, object] = dict(error.formatted)
        entry["message"] = error.message if len(error.message) <= MAX_MESSAGE else error.message[:MAX_MESSAGE] + " ..."
        entry["extensions"] = {"code": _code(error, result), **(error.extensions or {})}
        shown.append(entry)
    return shown


def _code(error: GraphQLError, result: ExecutionResult) -> str:
    """The code of an error that has none of its own: by where it came from."""
    if isinstance(error, GraphQLSyntaxError):
        return SYNTAX
    if error.path:  # a field of the answer
        return INTERNAL
    return str((result.extensions or {}).get("code", BAD_INPUT))
