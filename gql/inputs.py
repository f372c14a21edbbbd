"""Filters, ordering and paging: the input types of a metric's field, and the SQL that they stand for.

SQL is made of the catalogue's names and operators from one table; what a client sends only ever becomes a parameter.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import Node
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.field import StrawberryField

from snapshot.catalog import Column, Metric

from .errors import BAD_INPUT, named, refusal
from .kinds import Kinds
from .relative import Last, Span
from .scalars import Kind

# The most values of a list, and the most characters of SQL that a filter may stand for.
MAX_LIST = 1_000
MAX_CONDITION = 50_000


@strawberry.enum(description="The direction of an order; nulls come last unless it says otherwise.")
class Direction(enum.Enum):
    """GraphQL value -> SQL."""

    ASC = "asc nulls last"
    DESC = "desc nulls last"
    ASC_NULLS_FIRST = "asc nulls first"
    DESC_NULLS_FIRST = "desc nulls first"


@dataclass(frozen=True)
class Predicate:
    """A condition and its parameters, in their order."""

    sql: str = "true"
    parameters: tuple[Any, ...] = ()


_EQUAL = {"eq": "{column} = ?", "ne": "{column} <> ?"}
# With the SQL for an empty list: nothing is in it, everything is not.
_LISTS = {"in": ("{column} in ({marks})", "false"), "notIn": ("{column} not in ({marks})", "true")}
_ORDERED = {"lt": "{column} < ?", "lte": "{column} <= ?", "gt": "{column} > ?", "gte": "{column} >= ?"}
_TEXT = {
    "contains": "contains({column}, ?)",
    "startsWith": "starts_with({column}, ?)",
    "endsWith": "ends_with({column}, ?)",
}
_OPERATORS = _EQUAL | _ORDERED | _TEXT
_DESCRIPTIONS = {
    "eq": "Equal.", "ne": "Not equal; null is neither.", "in": "One of; an empty list is nothing.",
    "notIn": "None of; null is neither.", "lt": "Less than.", "lte": "At most.", "gt": "More than.", "gte": "At least.",
    "between": "From and to, both included.", "isNull": "Whether it is null.",
    "last": "Within this time before the snapshot's asOf.", "contains": "Contains the text, case counts.",
    "startsWith": "Starts with the text, case counts.", "endsWith": "Ends with the text, case counts.",
}  # fmt: skip


def filter_of(kinds: Kinds, metric: Metric, column: Column) -> Any:
    """The filter input of a column, `DateFilter` for a date: one for each scalar, shared by all metrics."""
    kind = kinds.column(metric, column)
    words = f"Conditions on a {kind.name}; several hold together."
    return kinds.named(f"{kind.name}Filter", words, lambda: _filter_type(kind, words))


def input_type(
    name: str, fields: Mapping[str, tuple[Any, str]], description: str, *, one_of: bool = False, connected: bool = False
) -> Any:
    """A GraphQL input whose fields are all optional: field name -> (annotation, description).

    `connected` adds and, or and not, which are of the type itself.
    """
    made: Any = strawberry.input(type(name, (), {}), name=name, description=description, one_of=one_of)
    if connected:
        fields = {
            **fields,
            "and": (list[made], "All of these hold."),
            "or": (list[made], "Any of these holds; of an empty list none does."),
            "not": (made, "This does not hold."),
        }
    made.__strawberry_definition__.fields.extend(
        StrawberryField(
            python_name=field,
            graphql_name=field,
            type_annotation=StrawberryAnnotation(annotation | None),
            description=words or None,
            default=strawberry.UNSET,
        )
        for field, (annotation, words) in fields.items()
    )
    return made


def predicate(where: Mapping[str, Any] | None, columns: Mapping[str, str], node: Node | None = None) -> Predicate:
    """The condition that a coerced `where` stands for. `columns` maps a field to the SQL of its column.

    `node` is where the client says so. Raises GraphQLError for what no column can be compared with.
    """
    parts: list[Predicate] = []
    for field, value in (where or {}).items():
        if value is None:
            message = f"{named(node, field)} is null, which says nothing; to find nulls use isNull: true"
            raise refusal(BAD_INPUT, message, node)
        if field in ("and", "or"):
            parts.append(_joined([predicate(item, columns, node) for item in value], field))
        elif field == "not":
            inner = predicate(value, columns, node)
            parts.append(Predicate(f"not ({inner.sql})", inner.parameters))
        else:
            parts.extend(
                _condition(field, operator, operand, columns[field], node) for operator, operand in value.items()
            )
    joined = _joined(parts, "and")
    if len(joined.sql) > MAX_CONDITION:
        raise refusal(BAD_INPUT, "the filter has too many conditions; use 'in', or ask in parts", node)
    return joined


def _joined(parts: list[Predicate], word: str) -> Predicate:
    """All of them, or any; of none, what holds for nothing to ask: true for `and`, false for `or`."""
    if not parts:
        return Predicate("true" if word == "and" else "false")
    sql = f" {word} ".join(f"({part.sql})" for part in parts)
    return Predicate(sql, tuple(value for part in parts for value in part.parameters))


def _condition(field: str, operator: str, operand: Any, column: str, node: Node | None) -> Predicate:
    what = named(node, f"{field}.{operator}")
    if operand is None:
        message = f"{what} is null, which is never true in SQL; to find nulls use isNull: true"
        raise refusal(BAD_INPUT, message, node)
    operand = _plain(operand)
    if _is_odd(operand):
        raise refusal(BAD_INPUT, f"{what} is a number beyond those of a Float; compare with one up to 1.8e308", node)
    if operator == "isNull":
        return Predicate(f"{column} is {'' if operand else 'not '}null")
    if isinstance(operand, Span):
        return Predicate(f"({column} > ? and {column} <= ?)", (operand.start, operand.end))
    if operator == "between":
        return Predicate(f"{column} between ? and ?", (operand["from"], operand["to"]))
    if operator in _LISTS:
        if len(operand) > MAX_LIST:
            raise refusal(BAD_INPUT, f"{what} has {len(operand)} values, more than {MAX_LIST}; ask in parts", node)
        sql, empty = _LISTS[operator]
        marks = ", ".join("?" * len(operand))
        return Predicate(sql.format(column=column, marks=marks), tuple(operand)) if operand else Predicate(empty)
    return Predicate(_OPERATORS[operator].format(column=column), (operand,))


def _plain(operand: Any) -> Any:
    """The texts that GraphQL's enum values stand for."""
    if isinstance(operand, list):
        return [_plain(item) for item in operand]
    if isinstance(operand, dict):
        return {end: _plain(item) for end, item in operand.items()}
    return operand.value if isinstance(operand, enum.Enum) else operand


def _is_odd(operand: Any) -> bool:
    """Whether it is a number beyond all, which JSON has none for."""
    values = operand.values() if isinstance(operand, dict) else operand if isinstance(operand, list) else [operand]
    return any(isinstance(value, float) and not math.isfinite(value) for value in values)


def _filter_type(kind: Kind, words: str) -> Any:
    """`DateFilter { eq ne in notIn lt lte gt gte between isNull }`, less where the type has no order."""
    one: Any = kind.annotation
    many = list[one]
    operators: dict[str, Any] = {}
    if kind.filters != "null":
        operators |= dict.fromkeys(_EQUAL, one) | dict.fromkeys(_LISTS, many)
    if kind.filters in ("ordered", "text"):
        operators |= dict.fromkeys(_ORDERED, one) | {"between": _range_type(kind)}
    if kind.filters == "text":
        operators |= dict.fromkeys(_TEXT, one)
    if kind.name in ("Date", "DateTime", "LocalDateTime"):
        operators["last"] = Last
    operators["isNull"] = bool
    fields = {name: (annotation, _DESCRIPTIONS[name]) for name, annotation in operators.items()}
    return input_type(f"{kind.name}Filter", fields, words)


def _range_type(kind: Kind) -> Any:
    body: dict[str, Any] = {"__annotations__": {"start": kind.annotation, "end": kind.annotation}}
    body["start"] = strawberry.field(name="from", description="The least, included.")
    body["end"] = strawberry.field(name="to", description="The greatest, included.")
    return strawberry.input(
        type(f"{kind.name}Range", (), body), name=f"{kind.name}Range", description="Both ends are included."
    )
