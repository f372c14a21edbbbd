"""A snapshot's catalogue -> a Strawberry schema.

`python -m gql.schema FILE` prints it, or compares it with a contract.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import strawberry
from graphql import (
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    print_schema,
)
from strawberry.schema.config import StrawberryConfig
from strawberry.types.arguments import StrawberryArgument

from snapshot.catalog import Catalog, Column, Metric

from .bounded import Bounded
from .coerce import SCALARS
from .complete import row_key
from .document import DOCUMENT_BYTES, Documents
from .fields import argument, capital, field_with
from .inputs import Direction, filter_of, input_type
from .kinds import Kinds, Named
from .metric_types import MetricTypes, type_name
from .resident import Residents
from .types import MetricType, SnapshotPublishedType, SnapshotType, StatusType

if TYPE_CHECKING:  # they stand on this
    from .asked import Asked
    from .prepare import Operation, PlanKey

# What the questions may take that are kept planned, in bytes.
PLAN_BYTES = 32_000_000


@dataclass(frozen=True)
class Root:
    """What a root field stands for: a metric's rows, or one of them by its key."""

    metric: Metric
    look_up: bool


@dataclass(frozen=True, eq=False)
class Part:
    """What one metric adds to a schema: fields of its root type, and the types that those need, by name.

    `objects` are the names of those that have fields.
    """

    fields: Mapping[str, Any]
    types: Mapping[str, Named]
    objects: frozenset[str]


@dataclass(frozen=True, eq=False)
class Api:
    """One generation's schema, which fields of its root type are metrics, and what is kept of answering questions.

    `parts` are what the schema is made of, by the metrics' definitions.
    """

    catalog: Catalog
    schema: GraphQLSchema
    root: GraphQLObjectType
    roots: Mapping[str, Root]
    documents: Documents
    parts: Mapping[Metric, Part]
    operations: Bounded[tuple[str, str | None, int], Operation] = field(
        default_factory=lambda: Bounded(DOCUMENT_BYTES, lambda _, operation: operation.document.size)
    )
    prepared: Bounded[PlanKey, Asked] = field(default_factory=lambda: Bounded(PLAN_BYTES, lambda key, _: key.size))
    residents: Residents = field(default_factory=Residents)

    @cached_property
    def sdl(self) -> str:
        """The schema as text."""
        return print_schema(self.schema) + "\n"


def build(catalog: Catalog, known: Collection[Api] = ()) -> Api:
    """The schema of a catalogue. Raises ValueError for a column type that has no scalar.

    What is the same in one of those that are known already is not made again: the whole, or the types of a metric.
    """
    project, definitions = catalog.snapshot.project, tuple(replace(metric, grains=()) for metric in catalog.metrics)
    for same in known:
        if (same.catalog.snapshot.project, tuple(same.parts)) == (project, definitions):
            return Api(catalog, same.schema, same.root, _roots(catalog), same.documents, same.parts)
    parts = _parts(definitions, known)
    schema = _schema(project, parts.values())
    assert schema.query_type is not None  # noqa: S101  it was made with one; this tells mypy
    return Api(catalog, schema, schema.query_type, _roots(catalog), Documents(schema), parts)


def _roots(catalog: Catalog) -> dict[str, Root]:
    """The root fields, by their names."""
    found = {metric.field: Root(metric, False) for metric in catalog.metrics}
    return found | {look_up_field(metric): Root(metric, True) for metric in catalog.metrics if metric.keys}


def _parts(definitions: Sequence[Metric], known: Collection[Api]) -> dict[Metric, Part]:
    """The parts of a schema: those of the known one that has most of them, and new ones of what is left.

    Of one only, for types that two metrics share must be the same.
    """
    kept = max((api.parts for api in known), key=lambda parts: len(parts.keys() & set(definitions)), default={})
    kept = {definition: kept[definition] for definition in definitions if definition in kept}
    taken = {name: named for part in kept.values() for name, named in part.types.items()}
    return {definition: kept.get(definition) or _part(definition, taken) for definition in definitions}


def _part(definition: Metric, taken: dict[str, Named]) -> Part:
    """Made of a metric without its tables: whatever changes with the data, no type can depend on."""
    kinds, words = Kinds(taken), definition.description
    types = MetricTypes(kinds)
    fields = {definition.field: field_with(types.result(definition), _arguments(definition, kinds), words)}
    if definition.keys:
        fields[look_up_field(definition)] = _look_up(definition, types)
    return Part(fields, kinds.types, frozenset(kinds.objects))


def _schema(project: str, parts: Collection[Part]) -> GraphQLSchema:
    fields = {name: field for part in parts for name, field in part.fields.items()}
    fields["snapshot"] = field_with(SnapshotType, (), "The generation that this answer is from.")
    fields["status"] = field_with(StatusType, (), "What moves with the clock; never cached.")
    fields["metrics"] = field_with(list[MetricType], (), "The catalogue: every metric, its columns and what they mean.")
    query = strawberry.type(type("Query", (), fields), name="Query", description=f"The numbers of {project}.")
    config = StrawberryConfig(scalar_map=SCALARS)
    schema = strawberry.Schema(query, subscription=_subscription(), config=config)._schema
    resolvers: dict[str, Any] = {name: _item for part in parts for name in (*part.objects, "PageInfo")}
    for name, resolve in {**resolvers, "Query": _answer, "Subscription": _event}.items():
        for found in cast("GraphQLObjectType", schema.type_map[name]).fields.values():
            found.resolve = resolve
    return schema


def look_up_field(metric: Metric) -> str:
    """`userDashboard` by `userId` -> `userDashboardByUserId`."""
    return metric.field + "By" + "And".join(capital(metric.column(key).field) for key in metric.keys)


def enum_value(column: Column) -> str:
    """`order_day` -> `ORDER_DAY`, how a dimension is named in `by`."""
    return column.name.upper()


def _subscription() -> Any:
    words = "Each generation that becomes current from now on; those between two that you are told of are passed over."
    fields = {"snapshot_published": field_with(SnapshotPublishedType, (), words)}
    what = "Events, for clients that ask with `Accept: text/event-stream`."
    return strawberry.type(type("Subscription", (), fields), name="Subscription", description=what)


def _event(published: SnapshotPublishedType, _: GraphQLResolveInfo[Any]) -> SnapshotPublishedType:
    """The root field of a subscription: who runs it for an event has what it tells."""
    return published


def _answer(answers: Mapping[str, Any], info: GraphQLResolveInfo[Any], **_: Any) -> Any:
    """A root field: its answer is there before execution begins, by its key in the response."""
    return answers[str(info.path.key)]


def _item(source: Mapping[str, Any], info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
    """A field of a metric's answer: results, totals and rows are dicts by field."""
    return source[row_key(info.field_name, arguments)]


def _look_up(metric: Metric, types: MetricTypes) -> Any:
    keys = [
        argument(c.field, types.kinds.column(metric, c).annotation, c.description)
        for c in map(metric.column, metric.keys)
    ]
    words = f"One row of {metric.field} by its key; null where there is none."
    return field_with(types.row(metric) | None, keys, words)


def _arguments(metric: Metric, kinds: Kinds) -> list[StrawberryArgument]:
    columns = metric.dimensions if metric.grouped else metric.columns
    filters: dict[str, tuple[Any, str]] = {c.field: (filter_of(kinds, metric, c), c.description) for c in columns}
    words = f"Which rows of {metric.field} count; several conditions hold together."
    where = input_type(type_name(metric, "Where"), filters, words, connected=True)
    order = {c.field: (Direction, c.description) for c in metric.columns}
    words = f"One key of an order of {metric.field}."
    one_key: Any = input_type(type_name(metric, "Order"), order, words, one_of=True)
    return [
        *(_by(metric) if metric.grouped else ()),
        argument("where", where | None, "Which rows count."),
        *(_having(metric, kinds) if metric.grouped else ()),
        argument("orderBy", list[one_key] | None, "The order, made total by the other dimensions.", python="order_by"),
        argument("first", int | None, "At most so many rows."),
        argument("after", str | None, "Only what follows this cursor, of the generation that gave it out."),
        argument("offset", int | None, "Leave out so many rows first."),
        *([_fill()] if metric.times else ()),
    ]


def _by(metric: Metric) -> Iterator[StrawberryArgument]:
    # Python does not take every name of GraphQL's for a member.
    members = {f"by_{n}": strawberry.enum_value(c.name, name=enum_value(c)) for n, c in enumerate(metric.dimensions)}
    values = enum.Enum(type_name(metric, "By"), members)  # type: ignore[misc]
    by: Any = strawberry.enum(values, description=f"What {metric.field} can be grouped by.")
    default = ", ".join(enum_value(metric.column(name)) for name in metric.own_grain)
    yield argument("by", list[by] | None, f"What to group by; without it: {default}.")


def _having(metric: Metric, kinds: Kinds) -> Iterator[StrawberryArgument]:
    words = f"Which groups of {metric.field} are given, by their measures; several conditions hold together."
    measures = {c.field: (filter_of(kinds, metric, c), c.description) for c in metric.measures}
    groups: Any = input_type(type_name(metric, "Having"), measures, words, connected=True)
    yield argument("having", groups | None, "Which groups are given.")


def _fill() -> StrawberryArgument:
    words = "Give the periods, too, in which nothing happened, from the first to the last: counts are 0, all else null."
    return argument("fill", bool, words, default=False)
