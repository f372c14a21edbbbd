"""One question of the current snapshot in this process, without a server: GraphQL as a client would get it, or SQL."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import ExecutionResult, GraphQLError

from snapshot.events import Observer
from snapshot.reader import Reader, Resources
from snapshot.settings import Settings

from . import errors
from .answer import Request, answer
from .exact import Digits
from .schema import Api, build

_GRAPHQL = re.compile(r"\s*(#[^\n]*\n\s*)*(\{|query\b|fragment\b|mutation\b|subscription\b)")
# An analyst's SQL may take longer than a request.
SQL_SECONDS = 300.0


@dataclass(frozen=True)
class Answer:
    """`document` is the response of a GraphQL question, and `text` its JSON; else there are columns and rows."""

    document: dict[str, Any] | None
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Any]] = ()
    text: str = ""

    def table(self, *, of_object: bool) -> tuple[list[str], list[list[Any]]] | None:
        """The nodes of a document with one field as a table; `of_object` takes an object for its one row.

        None for any other answer.
        """
        fields = list(((self.document or {}).get("data") or {}).values())
        if len(fields) != 1 or not isinstance(fields[0], dict | None):
            return None
        if fields[0] and "nodes" in fields[0]:
            nodes = fields[0]["nodes"]
        elif of_object:
            nodes = [fields[0]] if fields[0] else []
        else:
            return None
        return list(nodes[0]) if nodes else [], [list(node.values()) for node in nodes]


def ask_locally(settings: Settings, text: str, observe: Observer) -> Answer:
    """The answer. Raises NoSnapshot, DeadlineExceeded, and QueryFailed where DuckDB refuses the SQL."""
    server = settings.server
    reader: Reader[Api] = Reader(settings.directory, Resources(server.threads, server.memory), build, observe)
    reader.follow()
    try:
        if not _GRAPHQL.match(text):
            with reader.lease() as generation:
                return Answer(None, *generation.table(text, time.monotonic() + SQL_SECONDS))
        try:
            result = answer(Request(text, {}), reader, server, time.monotonic() + server.deadline)
        except GraphQLError as error:
            result = ExecutionResult(None, [error])
    finally:
        reader.stop()
    document: dict[str, Any] = {} if result.data is None else {"data": result.data}
    if result.errors:
        document["errors"] = errors.formatted(result)
    text = orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
    return Answer(json.loads(text, parse_float=Digits), text=text)
