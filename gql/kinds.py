"""The kinds of a metric's columns: an ENUM is a GraphQL enum, a LIST a list, a STRUCT an object type.

Each type is named after its column, so that another metric changes nothing. What has no GraphQL names for its parts is
text or JSON.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import strawberry

from snapshot.catalog import Column, Metric, is_nested

from .fields import attribute, capital
from .nested import fields_of, is_enum_name
from .scalars import Kind, kind_of


@dataclass(frozen=True)
class Named:
    """A type, in words what it is, and of which metric or column."""

    type: Any
    what: str
    place: str


class Kinds:
    """Those of one metric. `types` are the types that it needs, by name, and `objects` the names of those with fields.

    `taken` are the types of its schema so far; those of the metric are added.
    """

    def __init__(self, taken: dict[str, Named]) -> None:
        self._taken = taken
        self.types: dict[str, Named] = {}
        self.objects: set[str] = set()
        self._kinds: dict[tuple[str, str], Kind] = {}

    def column(self, metric: Metric, column: Column) -> Kind:
        """The kind of a metric's column. Raises ValueError where it has none."""
        place = f"{metric.field}.{column.field}"
        try:
            return self.of(column.type, f"{capital(metric.field)}{capital(column.field)}Value", place)
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from error

    def of(self, duckdb_type: str, name: str, place: str) -> Kind:
        """The kind of a type; a type of its own that it needs gets that name. Raises ValueError where it has none.

        `place` is the metric and column of which it is, or is a part.
        """
        if (duckdb_type, name) not in self._kinds:
            self._kinds[duckdb_type, name] = self._new(duckdb_type, name, place)
        return self._kinds[duckdb_type, name]

    def object(self, name: str, fields: Mapping[str, Any], annotations: Mapping[str, Any], description: str) -> Any:
        """An object type; the same one where there is one of that name. Raises ValueError where it is another."""
        body = {"__annotations__": dict(annotations), **fields}
        self.objects.add(name)
        return self.named(
            name, description, lambda: strawberry.type(type(name, (), body), name=name, description=description)
        )

    def named(self, name: str, what: str, make: Callable[[], Any], place: str = "") -> Any:
        """The type of that name: the one that is there, or one that is made.

        Raises ValueError where the one that is there is another.
        """
        found = self._taken.get(name)
        if found is None:
            found = self._taken[name] = Named(make(), what, place or what)
        elif found.what != what:
            message = f"its type would be called {name}, as another one is, of '{found.place}'; rename one of the two"
            raise ValueError(message)
        self.types[name] = found
        return found.type

    def _new(self, duckdb_type: str, name: str, place: str) -> Kind:
        plain = kind_of(duckdb_type)
        if not is_nested(duckdb_type) and not duckdb_type.startswith("ENUM"):
            return plain  # without asking DuckDB, which would open a database of its own for that
        parsed: Any = duckdb.sqltype(duckdb_type)
        if parsed.id == "enum":
            ((_, values),) = parsed.children
            if not all(map(is_enum_name, values)):
                return plain
            made: Any = self.named(name, duckdb_type, lambda: _enum(name, values), place)
            return Kind(made, name, None, "equal")
        annotation = self._annotation(parsed, name, place)
        return plain if annotation is None else Kind(annotation, plain.name, plain.to_json, plain.filters)

    def _annotation(self, parsed: Any, name: str, place: str) -> Any:
        """Of a list or a struct; None of another type."""
        if parsed.id in ("list", "array"):
            item: Any = self.of(str(parsed.children[0][1]), name, place).annotation
            return list[item | None]
        names = fields_of(parsed)
        if not names:
            return None
        kinds = {
            names[child]: self.of(str(kind), name + capital(names[child]), place) for child, kind in parsed.children
        }
        self.objects.add(name)
        return self.named(name, str(parsed), lambda: _struct(name, kinds), place)


def _enum(name: str, values: Sequence[str]) -> Any:
    # Python does not take every name of GraphQL's for a member.
    members: Any = enum.Enum(name, {f"value_{number}": value for number, value in enumerate(values)})  # type: ignore[misc]  # made here
    return strawberry.enum(members, description="One of these.", graphql_name_from="value")


def _struct(name: str, kinds: Mapping[str, Kind]) -> Any:
    body: dict[str, Any] = {attribute(field): strawberry.field(name=field) for field in kinds}
    body["__annotations__"] = {attribute(field): kind.annotation | None for field, kind in kinds.items()}
    return strawberry.type(type(name, (), body), name=name, description="A struct of the column.")
