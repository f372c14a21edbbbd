"""A snapshot's catalogue -> a Strawberry schema.

`python -m gql.schema FILE` prints it, or compares it with a contract.
"""

from __future__ import annotations

import enum
import keyword
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import strawberry
from graphql import (
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    print_schema,
)
from strawberry.annotation import StrawberryAnnotation
from strawberry.extensions import FieldExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from snapshot.catalog import Catalog, Column, Metric

from .document import Documents, documents
from .inputs import Direction, Inputs, input_type
from .scalars import SCALARS, DateTime, Kind, kind_of
from .types import MetricType, PageInfo, SnapshotType, StatusType


@dataclass(frozen=True)
class Root:
    """What a root field stands for: a metric's rows, or one of them by its key."""

    metric: Metric
    look_up: bool


@dataclass(frozen=True)
class Api:
    """One generation's schema, and which fields of its root type are metrics."""

    catalog: Catalog
    schema: GraphQLSchema
    root: GraphQLObjectType
    roots: Mapping[str, Root]
    documents: Documents
    sdl: str


def build(catalog: Catalog) -> Api:
    """The schema of a catalogue. Raises ValueError for a column type that has no scalar."""
    inputs, roots, fields = Inputs(), dict[str, Root](), dict[str, Any]()
    for metric in catalog.metrics:
        row = _row_type(metric)
        fields[metric.field] = _root_field(_result_type(metric, row), _arguments(metric, inputs), metric.description)
        roots[metric.field] = Root(metric, False)
        if metric.keys:
            name = look_up_field(metric)
            keys = [
                _argument(_attribute(c.field), c.field, kind_of(c.type).annotation, c.description)
                for c in map(metric.column, metric.keys)
            ]
            fields[name] = _root_field(
                row | None, keys, f"One row of {metric.field} by its key; null where there is none."
            )
            roots[name] = Root(metric, True)
    fields["snapshot"] = _root_field(SnapshotType, (), "The generation that this answer is from.")
    fields["status"] = _root_field(StatusType, (), "What moves with the clock; never cached.")
    fields["metrics"] = _root_field(
        list[MetricType], (), "The catalogue: every metric, its columns and what they mean."
    )
    query = strawberry.type(
        type("Query", (), fields), name="Query", description=f"The numbers of {catalog.snapshot.project}."
    )
    graphql = strawberry.Schema(query, config=StrawberryConfig(scalar_map=SCALARS))._schema
    root = graphql.query_type
    assert root is not None  # noqa: S101  it was made above; this tells mypy
    for field in root.fields.values():
        field.resolve = _answer
    for kind in (graphql.type_map[_type_name(m, suffix)] for m in catalog.metrics for suffix in _suffixes(m)):
        for field in cast("GraphQLObjectType", kind).fields.values():
            field.resolve = _item
    return Api(catalog, graphql, root, roots, documents(graphql), print_schema(graphql) + "\n")


def look_up_field(metric: Metric) -> str:
    """`userDashboard` by `userId` -> `userDashboardByUserId`."""
    return metric.field + "By" + "And".join(_capital(metric.column(key).field) for key in metric.keys)


def enum_value(column: Column) -> str:
    """`order_day` -> `ORDER_DAY`, how a dimension is named in `by`."""
    return column.name.upper()


class _Arguments(FieldExtension):
    """Declares arguments that are made at run time, where Strawberry reads a resolver's signature."""

    def __init__(self, arguments: Sequence[StrawberryArgument]) -> None:
        self.arguments = list(arguments)

    def apply(self, field: StrawberryField) -> None:
        """Called once, when the schema is made."""
        field.arguments = self.arguments


def _root_field(annotation: Any, arguments: Sequence[StrawberryArgument], description: str) -> Any:
    def unused():  # type: ignore[no-untyped-def]  # noqa: ANN202  Strawberry takes the type from graphql_type
        raise AssertionError

    return strawberry.field(
        resolver=unused, graphql_type=annotation, description=description or None, extensions=[_Arguments(arguments)]
    )


def _answer(answers: Mapping[str, Any], info: GraphQLResolveInfo[Any], **_: Any) -> Any:
    """A root field: its answer is there before execution begins, by its key in the response."""
    return answers[str(info.path.key)]


def _item(source: Mapping[str, Any], info: GraphQLResolveInfo[Any]) -> Any:
    """A field of a metric's answer: results, totals and rows are dicts by field."""
    return source[info.field_name]


def _row_type(metric: Metric) -> Any:
    words = f"A row of {metric.field}" + (
        "; only what is grouped by can be selected among the dimensions." if metric.grouped else "."
    )
    return _object_type(_type_name(metric, "Row"), metric.columns, words)


def _result_type(metric: Metric, row: Any) -> Any:
    body: dict[str, tuple[Any, str]] = {
        "nodes": (list[row], "The rows."),
        "columns": (_columns_type(metric), "The same rows column by column, as charts want them: a list each."),
        "totalCount": (int, "The number of rows without first and offset."),
        "pageInfo": (PageInfo, "Where these rows stand among all."),
        "asOf": (DateTime, "The moment that the snapshot's data is of."),
        "computedAt": (DateTime, "The moment of the data that this metric was computed from."),
    }
    if metric.grouped:
        totals = _object_type(
            _type_name(metric, "Totals"),
            metric.measures,
            f"The measures of {metric.field} over all rows that 'where' lets in.",
        )
        body["totals"] = (totals, "The measures over all rows that 'where' lets in, grouped by nothing.")
    name = _type_name(metric, "Result")
    annotations = {key: annotation for key, (annotation, _) in body.items()}
    described = {key: strawberry.field(name=key, description=words) for key, (_, words) in body.items()}
    return strawberry.type(
        type(name, (), {"__annotations__": annotations, **described}),
        name=name,
        description=f"The answer of {metric.field}.",
    )


def _columns_type(metric: Metric) -> Any:
    words = f"The columns of {metric.field}; the values of one row have one place in each list."
    return _object_type(_type_name(metric, "Columns"), metric.columns, words, listed=True)


def _object_type(name: str, columns: Sequence[Column], description: str, *, listed: bool = False) -> Any:
    body: dict[str, Any] = {"__annotations__": {}}
    for column in columns:
        annotation = _kind(name, column).annotation
        value: Any = annotation | None if column.nullable else annotation
        body["__annotations__"][_attribute(column.field)] = list[value] if listed else value
        words = ". ".join(filter(None, (column.description.rstrip("."), f"Unit: {column.unit}" if column.unit else "")))
        body[_attribute(column.field)] = strawberry.field(
            name=column.field, description=words or None, deprecation_reason=column.deprecated or None
        )
    return strawberry.type(type(name, (), body), name=name, description=description)


def _kind(type_name: str, column: Column) -> Kind:
    try:
        return kind_of(column.type)
    except ValueError as error:
        raise ValueError(f"{type_name}.{column.field}: {error}") from error


def _arguments(metric: Metric, inputs: Inputs) -> list[StrawberryArgument]:
    columns = metric.dimensions if metric.grouped else metric.columns
    filters: dict[str, tuple[Any, str]] = {c.field: (inputs.filter_of(c.type), c.description) for c in columns}
    name = _type_name(metric, "Where")
    where = input_type(
        name, filters, f"Which rows of {metric.field} count; several conditions hold together.", connected=True
    )
    having = {c.field: (inputs.filter_of(c.type), c.description) for c in metric.measures}
    order = {c.field: (Direction, c.description) for c in metric.columns}
    one_key: Any = input_type(
        _type_name(metric, "Order"), order, f"One key of an order of {metric.field}.", one_of=True
    )
    arguments = [
        _argument("where", "where", where | None, "Which rows count."),
        _argument("order_by", "orderBy", list[one_key] | None, "The order, made total by the other dimensions."),
        _argument("first", "first", int | None, "At most so many rows."),
        _argument("offset", "offset", int | None, "Leave out so many rows first."),
    ]
    if metric.grouped:
        words = f"Which groups of {metric.field} are given, by their measures; several conditions hold together."
        name = _type_name(metric, "Having")
        groups: Any = input_type(name, having, words, connected=True)
        arguments.insert(1, _argument("having", "having", groups | None, "Which groups are given."))
        values = enum.Enum(_type_name(metric, "By"), {enum_value(c): c.name for c in metric.dimensions})  # type: ignore[misc]
        by: Any = strawberry.enum(values, description=f"What {metric.field} can be grouped by.")
        default = ", ".join(enum_value(metric.column(name)) for name in metric.own_grain)
        arguments.insert(0, _argument("by", "by", list[by] | None, f"What to group by; without it: {default}."))
    return arguments


def _attribute(field: str) -> str:
    """The Python name of a field: Python's own words get an underscore."""
    return field + "_" if keyword.iskeyword(field) else field


def _argument(python: str, name: str, annotation: Any, description: str) -> StrawberryArgument:
    return StrawberryArgument(python, name, StrawberryAnnotation(annotation), description=description or None)


def _suffixes(metric: Metric) -> tuple[str, ...]:
    """The object types that a metric has."""
    return ("Result", "Row", "Columns", "Totals") if metric.grouped else ("Result", "Row", "Columns")


def _type_name(metric: Metric, suffix: str) -> str:
    return _capital(metric.field) + suffix


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]
