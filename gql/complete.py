"""Rows into the response: a list of them is completed from the selection once, not field by field.

The executor of graphql-core makes several calls for each field of each row. Rows are flat and JSON-ready, so what the
client selected of one is what it selected of all: aliases, fragments and `__typename` included.
"""

from __future__ import annotations

from typing import Any, cast

from graphql import GraphQLObjectType, get_named_type, get_nullable_type, is_non_null_type
from graphql.execution.executor import Executor

TYPENAME = "__typename"


class Rows(list[dict[str, Any]]):
    """The rows of a metric: each a dict by field, its values JSON-ready."""


class Values(list[Any]):
    """One column of a metric's rows, its values JSON-ready."""


class RowExecutor(Executor[Any]):
    """The executor of graphql-core, but for `Rows` and `Values`."""

    def complete_list_value(self, return_type: Any, field_details_list: Any, *arguments: Any) -> Any:
        """The list, completed at once; where that would break a promise of the schema, the usual way to its error."""
        result = arguments[2]
        if isinstance(result, Rows):
            kind = cast("GraphQLObjectType", get_named_type(return_type))
            selected = self.collect_subfields(kind, field_details_list).grouped_field_set
            names = {key: details[0].node.name.value for key, details in selected.items()}
            if not _breaks_promise(kind, result, names):
                return _completed(kind.name, result, names)
        elif isinstance(result, Values):
            item = get_nullable_type(return_type).of_type
            if not is_non_null_type(item) or None not in result:
                return list(result)
        return super().complete_list_value(return_type, field_details_list, *arguments)


def _completed(kind: str, rows: Rows, names: dict[str, str]) -> list[dict[str, Any]]:
    if TYPENAME in names.values():
        return [{key: kind if name == TYPENAME else row[name] for key, name in names.items()} for row in rows]
    return [{key: row[name] for key, name in names.items()} for row in rows]


def _breaks_promise(kind: GraphQLObjectType, rows: Rows, names: dict[str, str]) -> bool:
    """Whether a field that is never null is null in some row."""
    never = [name for name in set(names.values()) - {TYPENAME} if is_non_null_type(kind.fields[name].type)]
    return any(row[name] is None for name in never for row in rows)
