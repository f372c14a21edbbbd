"""Fields and arguments that are made at run time, where Strawberry reads a class and a resolver's signature."""

from __future__ import annotations

import keyword
from collections.abc import Sequence
from typing import Any

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.extensions import FieldExtension
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField


class _Arguments(FieldExtension):
    """Declares the arguments of a field."""

    def __init__(self, arguments: Sequence[StrawberryArgument]) -> None:
        self.arguments = list(arguments)

    def apply(self, field: StrawberryField) -> None:
        """Called once, when the schema is made."""
        field.arguments = self.arguments


def field_with(annotation: Any, arguments: Sequence[StrawberryArgument], description: str) -> Any:
    """A field of that type with arguments; who makes the schema gives it a resolver."""

    def unused():  # type: ignore[no-untyped-def]  # noqa: ANN202  Strawberry takes the type from graphql_type
        raise AssertionError

    return strawberry.field(
        resolver=unused, graphql_type=annotation, description=description or None, extensions=[_Arguments(arguments)]
    )


def argument(
    name: str, annotation: Any, description: str, *, python: str = "", default: Any = None
) -> StrawberryArgument:
    """An argument; its Python name is its own, but for Python's own words."""
    given = {} if default is None else {"default": default}
    return StrawberryArgument(
        python or attribute(name), name, StrawberryAnnotation(annotation), description=description or None, **given
    )


def attribute(field: str) -> str:
    """The Python name of a field: Python's own words get an underscore."""
    return field + "_" if keyword.iskeyword(field) else field


def capital(name: str) -> str:
    """`revenue` -> `Revenue`."""
    return name[:1].upper() + name[1:]
