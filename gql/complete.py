"""Rows into the response: a list of them is completed from the selection once, not field by field.

The executor of graphql-core makes several calls for each field of each row. Rows are flat and JSON-ready, so what the
client selected of one is what it selected of all: aliases, fragments and `__typename` included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from graphql import GraphQLObjectType, get_named_type, get_nullable_type, is_non_null_type
from graphql.execution.executor import Executor
from graphql.execution.values import get_argument_values

TYPENAME = "__typename"


class Rows(list[dict[str, Any]]):
    """The rows of a metric: each a dict by field, its values JSON-ready."""


class Values(list[Any]):
    """One column of a metric's rows, its values JSON-ready."""


@dataclass(frozen=True)
class Place:
    """Where the value of a selected field stands in a row, and what is selected of it where it is an object.

    `constant` is the value of a field that is the same for all rows.
    """

    key: str
    below: Selection | None = None
    constant: str | None = None


# By the field's key in the response.
Selection = dict[str, Place]


class RowExecutor(Executor[Any]):
    """The executor of graphql-core, but for `Rows` and `Values`."""

    def complete_list_value(self, return_type: Any, field_details_list: Any, *arguments: Any) -> Any:
        """The list, completed at once; where that would break a promise of the schema, the usual way to its error."""
        result = arguments[2]
        if isinstance(result, Rows):
            kind = cast("GraphQLObjectType", get_named_type(return_type))
            selection = self._selection(kind, field_details_list)
            if not _breaks_promise(kind, result, selection):
                return _completed(result, selection)
        elif isinstance(result, Values):
            item = get_nullable_type(return_type).of_type
            if not is_non_null_type(item) or None not in result:
                inner = get_named_type(item)
                below = self._selection(inner, field_details_list) if isinstance(inner, GraphQLObjectType) else None
                return [_within(value, below) for value in result] if below is not None else list(result)
        return super().complete_list_value(return_type, field_details_list, *arguments)

    def _selection(self, kind: GraphQLObjectType, details: Any) -> Selection:
        found: Selection = {}
        for key, fields in self.collect_subfields(kind, details).grouped_field_set.items():
            node = fields[0].node
            if node.name.value == TYPENAME:
                found[key] = Place(TYPENAME, constant=kind.name)
                continue
            field = kind.fields[node.name.value]
            arguments = get_argument_values(field, node, self.variable_values) if field.args else {}
            inner = get_named_type(field.type)
            below = self._selection(inner, fields) if isinstance(inner, GraphQLObjectType) else None
            found[key] = Place(row_key(node.name.value, arguments), below)
        return found


def row_key(field: str, arguments: Mapping[str, Any]) -> str:
    """Where the value of a field stands in a row: `revenue`, `previous:WEEK`."""
    return f"{field}:{arguments['by'].name}" if arguments else field


def _completed(rows: list[dict[str, Any]], selection: Selection) -> list[dict[str, Any]]:
    if not any(place.below is not None or place.constant for place in selection.values()):
        keys = {key: place.key for key, place in selection.items()}
        return [{key: row[name] for key, name in keys.items()} for row in rows]
    return [{key: _value(row, place) for key, place in selection.items()} for row in rows]


def _value(row: dict[str, Any], place: Place) -> Any:
    value: Any = place.constant or row[place.key]
    return value if place.below is None else _within(value, place.below)


def _within(value: Any, selection: Selection) -> Any:
    """An object, or a list of objects at any depth."""
    if isinstance(value, list):
        return [_within(item, selection) for item in value]
    return None if value is None else _completed([value], selection)[0]


def _breaks_promise(kind: GraphQLObjectType, rows: Rows, selection: Selection) -> bool:
    """Whether a field that is never null is null in some row."""
    places = {place.key for place in selection.values() if not place.constant}
    never = [key for key in places if is_non_null_type(kind.fields[key.partition(":")[0]].type)]
    return any(row[key] is None for key in never for row in rows)
