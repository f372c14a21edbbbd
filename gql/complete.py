"""Answers into the response: what a client selected is read once, then whole columns are completed.

The executor of graphql-core makes several calls for each field of each row. Answers are JSON-ready, so what was
selected of one row is what was selected of all: aliases, fragments and `__typename` included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from sys import getsizeof
from typing import Any, cast

from graphql import GraphQLObjectType, get_named_type
from graphql.execution.collect_fields import FieldDetailsList
from graphql.execution.executor import Executor
from graphql.execution.values import VariableValues, get_argument_values

from .bounded import Bounded
from .table import Table

TYPENAME = "__typename"
# How rows are made is kept in so many bytes: so many for each set of keys, each value of a row, and each key beside its
# name, which stands in two places.
MAKERS_BYTES, MAKER_BYTES, VALUE_BYTES, KEY_BYTES = 8_000_000, 1_500, 20, 100


@dataclass(frozen=True)
class Place:
    """Where the value of a selected field stands, and what is selected of it where it is an object, or a list of them.

    `constant` is the value of a field that is the same for all.
    """

    key: str
    below: Selection | None = None
    constant: str | None = None


# Rows -> dicts.
Maker = Callable[[Iterable[tuple[Any, ...]]], list[dict[str, Any]]]
# The places of a row whose values are wanted, each with its key.
Wanted = tuple[tuple[int, str], ...]
# A type and its selection in the document -> the fields by their keys.
Collect = Callable[[GraphQLObjectType, FieldDetailsList], Mapping[str, FieldDetailsList]]


class Selection(dict[str, Place]):
    """What is selected of an object, by the fields' keys in the response."""

    _kept: tuple[tuple[str, ...], int, Maker] | None = None

    @cached_property
    def is_flat(self) -> bool:
        """Whether it is values of a row, and nothing else."""
        return not any(place.constant or place.below is not None for place in self.values())

    def maker(self, fields: tuple[str, ...], width: int) -> Maker:
        """What makes it of rows of some width, which begin with those fields: the same ones, time after time."""
        kept = self._kept
        if kept is None or kept[0] != fields or kept[1] != width:
            places = {field: place for place, field in enumerate(fields)}
            selected = tuple((places[place.key], key) for key, place in self.items())
            self._kept = kept = fields, width, _maker_of_rows(width, selected)
        return kept[2]


@dataclass(frozen=True)
class Completed:
    """What a root field is in the response."""

    value: Any


class RowExecutor(Executor[Any]):
    """The executor of graphql-core, but for the root fields that are completed already."""

    def execute_field(self, parent_type: Any, source: Any, details: Any, path: Any, context: Any) -> Any:
        """The field's value in the response."""
        if path.prev is None and isinstance(found := source[path.key], Completed):
            return found.value
        return super().execute_field(parent_type, source, details, path, context)


def selection_of(
    kind: GraphQLObjectType, details: FieldDetailsList, collect: Collect, variables: VariableValues
) -> Selection:
    """What is selected of an object of that type."""
    found = Selection()
    for key, fields in collect(kind, details).items():
        node = fields[0].node
        if node.name.value == TYPENAME:
            found[key] = Place(TYPENAME, constant=kind.name)
            continue
        field = kind.fields[node.name.value]
        arguments = get_argument_values(field, node, variables) if field.args else {}
        inner = get_named_type(field.type)
        below = selection_of(inner, fields, collect, variables) if isinstance(inner, GraphQLObjectType) else None
        found[key] = Place(row_key(node.name.value, arguments), below)
    return found


def size_of(selection: Selection | None) -> int:
    """How many values it has, those of objects within it included."""
    return sum(1 + size_of(place.below) for place in (selection or {}).values())


def row_key(field: str, arguments: Mapping[str, Any]) -> str:
    """Where the value of a field stands in a row: `revenue`, `previous:WEEK`."""
    return f"{field}:{arguments['by'].name}" if arguments else field


def completed(value: Any, selection: Selection | None) -> Any:
    """A table as a list of rows, an object, or a list of objects at any depth, as the response has them."""
    if selection is None or value is None:
        return value
    if isinstance(value, Table):
        return _rows(value, selection)
    if isinstance(value, list):
        return [completed(item, selection) for item in value]
    return {key: place.constant or completed(value[place.key], place.below) for key, place in selection.items()}


def _rows(table: Table, selection: Selection) -> list[dict[str, Any]]:
    if selection.is_flat:
        return selection.maker(table.fields, len(table.rows[0]))(table.rows) if table.rows else []
    columns = table.columns()
    values = [_column(columns, place, len(table.rows)) for place in selection.values()]
    return _maker_of_rows(len(values), tuple(enumerate(selection)))(zip(*values, strict=True))


def _column(columns: Mapping[str, Sequence[Any]], place: Place, rows: int) -> Sequence[Any]:
    if place.constant:
        return [place.constant] * rows
    values = columns[place.key]
    return values if place.below is None else [completed(value, place.below) for value in values]


def _weight_of(key: tuple[int, Wanted], _: Maker) -> int:
    width, wanted = key
    return MAKER_BYTES + VALUE_BYTES * width + sum(KEY_BYTES + 2 * getsizeof(name) for _, name in wanted)


_makers = Bounded[tuple[int, Wanted], Maker](MAKERS_BYTES, _weight_of)


def _maker_of_rows(width: int, wanted: Wanted) -> Maker:
    """What makes dicts of rows of some width, with the values of some places under their keys.

    Written as one dict display, it takes half of what setting each key takes.
    """
    if (maker := _makers.get((width, wanted))) is None:
        names = "".join(f"v{place}, " for place in range(width))
        display = ", ".join(f"{key!r}: v{place}" for place, key in wanted)
        maker = cast("Maker", eval(f"lambda rows: [{{{display}}} for ({names}) in rows]", {}))
        _makers.put((width, wanted), maker)
    return maker
