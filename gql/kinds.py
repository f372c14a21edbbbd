"""The kinds of one schema's columns: an ENUM is a GraphQL enum, a LIST a list, a STRUCT an object type.

Each type is named after its column, so that another metric changes nothing. What has no GraphQL names for its parts is
text or JSON.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import duckdb
import strawberry

from snapshot.catalog import Column, Metric, is_nested

from .fields import attribute, capital
from .nested import fields_of, is_enum_name
from .scalars import Kind, kind_of


class Kinds:
    """`made` are the object types, by name."""

    def __init__(self) -> None:
        self.made: dict[str, Any] = {}
        # What a type of that name is, and whose.
        self._claimed: dict[str, tuple[str, str]] = {}
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
        self._claim(name, description, description)
        return self._object(name, fields, annotations, description)

    def _claim(self, name: str, what: str, place: str) -> None:
        """Let a type have a name. Raises ValueError where another type has it."""
        other, taken = self._claimed.setdefault(name, (what, place))
        if other != what:
            raise ValueError(f"its type would be called {name}, as another one is, of '{taken}'; rename one of the two")

    def _object(self, name: str, fields: Mapping[str, Any], annotations: Mapping[str, Any], description: str) -> Any:
        if name not in self.made:
            body = {"__annotations__": dict(annotations), **fields}
            self.made[name] = strawberry.type(type(name, (), body), name=name, description=description)
        return self.made[name]

    def _new(self, duckdb_type: str, name: str, place: str) -> Kind:
        plain = kind_of(duckdb_type)
        if not is_nested(duckdb_type) and not duckdb_type.startswith("ENUM"):
            return plain  # without asking DuckDB, which would open a database of its own for that
        parsed: Any = duckdb.sqltype(duckdb_type)
        if parsed.id == "enum":
            ((_, values),) = parsed.children
            if not all(map(is_enum_name, values)):
                return plain
            self._claim(name, duckdb_type, place)
            # Python does not take every name of GraphQL's for a member.
            members: Any = enum.Enum(name, {f"value_{number}": value for number, value in enumerate(values)})  # type: ignore[misc]  # made here
            made: Any = strawberry.enum(members, description="One of these.", graphql_name_from="value")
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
        self._claim(name, str(parsed), place)
        kinds = {
            names[child]: self.of(str(kind), name + capital(names[child]), place) for child, kind in parsed.children
        }
        fields = {attribute(field): strawberry.field(name=field) for field in kinds}
        annotations = {attribute(field): kind.annotation | None for field, kind in kinds.items()}
        return self._object(name, fields, annotations, f"A {parsed.id} of the column.")
