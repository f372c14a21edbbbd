"""`/api/users/dashboard?userId=7` -> the request that its operation stands for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from graphql import ListTypeNode, NamedTypeNode, NonNullTypeNode, TypeNode, VariableDefinitionNode, is_input_object_type
from graphql.type import GraphQLNamedType
from starlette.types import Receive, Scope

from .answer import Request
from .limits import LOOP_BYTES, Workers
from .operations import Operation
from .read import METHODS, Headers, Malformed, body_of, json, parameters_of

WHOLE = ("Int", "BigInt")

Types = Mapping[str, GraphQLNamedType]


async def operation_request(
    scope: Scope,
    receive: Receive,
    headers: Headers,
    max_body: int,
    workers: Workers,
    operation: Operation | None,
    types: Types,
) -> Request:
    """What is asked of an operation's address: its variables by name, and by POST in a JSON object.

    Raises Malformed and Overloaded.
    """
    if scope["method"] not in METHODS:
        raise Malformed(405, "ask by GET or POST", Allow=", ".join(METHODS))
    if operation is None:
        raise Malformed(404, "there is no operation of that name")
    address, get = scope["query_string"], scope["method"] != "POST"
    body = b"" if get else await body_of(receive, headers, max_body)
    read, large = partial(_sent, operation, address, body, types), len(address) + len(body) > LOOP_BYTES
    return Request(operation.text, await workers.run(read) if large else read(), get=get, large=large)


def _sent(operation: Operation, address: bytes, body: bytes, types: Types) -> dict[str, Any]:
    """The variables of an address and a body. Raises Malformed for those that the operation has not."""
    sent, twice = values_by_name(operation, parameters_of(address), types), list[str]()
    if body:
        more = json(body)
        if not isinstance(more, dict):
            raise Malformed(400, "the body must be a JSON object of variables")
        twice, sent = sorted(sent.keys() & more.keys()), sent | more
    if unknown := sorted(sent.keys() - _variables(operation).keys()):
        known = ", ".join(_variables(operation)) or "none"
        raise Malformed(400, f"'{unknown[0][:100]}' is not a variable of the operation; there are: {known}")
    if twice:
        raise Malformed(400, f"'{twice[0]}' is both in the address and in the body")
    return sent


def _variables(operation: Operation) -> dict[str, VariableDefinitionNode]:
    return {definition.variable.name.value: definition for definition in operation.variables}


def values_by_name(operation: Operation, parameters: Iterable[tuple[str, str]], types: Types) -> dict[str, Any]:
    """The values of an address: lists by repeated names; a name that no variable has stays as it is."""
    found: dict[str, list[str]] = {}
    for name, text in parameters:
        found.setdefault(name, []).append(text)
    variables = _variables(operation)
    return {
        name: _value(name, texts, variables[name].type, types) if name in variables else texts
        for name, texts in found.items()
    }


def _value(name: str, texts: list[str], kind: TypeNode, types: Types) -> Any:
    """A text of an address as JSON would have the variable's value. What is none is left to the type's own refusal."""
    if isinstance(kind, NonNullTypeNode):
        return _value(name, texts, kind.type, types)
    if isinstance(kind, ListTypeNode):
        return [_value(name, [text], kind.type, types) for text in texts]
    if len(texts) > 1:
        raise Malformed(400, f"'{name}' is given more than once")
    assert isinstance(kind, NamedTypeNode)  # noqa: S101  there is no other one
    (text,), type_name = texts, kind.name.value
    if is_input_object_type(types.get(type_name)):
        return json(text.encode())
    if type_name == "Boolean":
        return {"true": True, "false": False}.get(text, text)
    if type_name in WHOLE and re.fullmatch(r"-?[0-9]{1,30}", text):
        return int(text)
    return _number(text) if type_name == "Float" else text


def _number(text: str) -> Any:
    return json(text.encode()) if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", text) else text
