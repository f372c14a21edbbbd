"""`/table/revenue.csv?by=DAY,PLAN&where={...}` -> the question that the GraphQL field of the metric would be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from graphql import GraphQLError, GraphQLObjectType, GraphQLOutputType, OperationDefinitionNode, get_named_type, parse

from snapshot.catalog import Column, Metric
from snapshot.settings import ServerSettings

from ..ask import ask
from ..errors import BAD_INPUT, refusal
from ..execute import MAX_INT
from ..operation_request import values_by_name
from ..operations import Operation
from ..page import plan_table
from ..plan import Plan
from ..prepare import variables_of
from ..question import Policy, everything
from ..read import Malformed, parameters_of
from ..schema import Api, enum_value
from .formats import FORMATS, Format

COLUMNS = "columns"
# Lists whose values may stand in one parameter, as people write them.
_LISTS = ("by", COLUMNS)
# An argument that a file has none of, for it is no page.
_OF_PAGES = "after"


@dataclass(frozen=True)
class TableRequest:
    """A metric's table as a file; `parameters` are the values of the address by their names."""

    metric: Metric
    format: Format
    parameters: Mapping[str, Sequence[str]]


def table_request(api: Api, file: str, query_string: bytes) -> TableRequest:
    """What is asked of a table's address. Raises Malformed."""
    name, _, ending = file.rpartition(".")
    metric = next((metric for metric in api.catalog.metrics if metric.name == name), None)
    if metric is None or ending not in FORMATS:
        raise Malformed(
            404, f"there is no such table; ask for the name of a metric, with one of .{', .'.join(FORMATS)}"
        )
    parameters: dict[str, list[str]] = {}
    for parameter, text in parameters_of(query_string):
        values = text.split(",") if parameter in _LISTS else [text]
        parameters.setdefault(parameter, []).extend(filter(None, values) if parameter in _LISTS else values)
    known = [COLUMNS, *(argument for argument in api.root.fields[metric.field].args if argument != _OF_PAGES)]
    if unknown := sorted(parameters.keys() - set(known)):
        raise Malformed(400, f"'{unknown[0][:100]}' is not a parameter of the table; there are: {', '.join(known)}")
    return TableRequest(metric, FORMATS[ending], parameters)


def plan_of(request: TableRequest, api: Api, limits: ServerSettings, policy: Policy = everything) -> Plan:
    """The query for the table: what the API would answer, however many rows there are.

    Raises GraphQLError with a code for what it would refuse, and Malformed for what is no JSON.
    """
    columns = _columns(request)
    document = parse(_document(request, api, columns))
    (node,) = document.definitions
    assert isinstance(node, OperationDefinitionNode)  # noqa: S101  it was made so
    given = [(name, text) for name, texts in request.parameters.items() if name != COLUMNS for text in texts]
    operation = Operation("", tuple(node.variable_definitions or ()))
    values = values_by_name(operation, given, api.schema.type_map)
    if "by" in request.parameters and not request.parameters["by"]:
        values["by"] = []
    try:
        variables = variables_of(api.schema, node, values)
        (asked,) = ask(api, document, node, variables, replace(limits, max_rows=MAX_INT), policy).metrics
        return plan_table(asked.rows, columns, request.format.shown, limit=asked.first, offset=asked.offset)
    except GraphQLError as error:  # the document is ours, so its places tell the client nothing
        raise GraphQLError(error.message, extensions=error.extensions) from error


def _columns(request: TableRequest) -> tuple[Column, ...]:
    """Those that are asked for; else what is grouped by, and all measures. Raises GraphQLError."""
    metric = request.metric
    if COLUMNS in request.parameters:
        asked = tuple(dict.fromkeys(request.parameters[COLUMNS]))
        unknown = next((field for field in asked if field not in metric.by_field), None if asked else "")
        if unknown is not None:
            known = ", ".join(metric.by_field)
            raise refusal(BAD_INPUT, f"'{COLUMNS}': '{unknown[:100]}' is none of them; there are: {known}")
        return tuple(metric.by_field[field] for field in asked)
    if not metric.grouped:
        return metric.columns
    dimensions = {enum_value(column): column for column in metric.dimensions}
    by = request.parameters.get("by", [enum_value(metric.column(name)) for name in metric.own_grain])
    return (*(dimensions[name] for name in dict.fromkeys(by) if name in dimensions), *metric.measures)


def _document(request: TableRequest, api: Api, columns: Sequence[Column]) -> str:
    """What a client of GraphQL would send."""
    field = api.root.fields[request.metric.field]
    names = [name for name in request.parameters if name != COLUMNS]
    variables = ", ".join(f"${name}: {field.args[name].type}" for name in names)
    arguments = ", ".join(f"{name}: ${name}" for name in names)
    result = get_named_type(field.type)
    assert isinstance(result, GraphQLObjectType)  # noqa: S101  as every metric's
    row = get_named_type(result.fields["nodes"].type)
    assert isinstance(row, GraphQLObjectType)  # noqa: S101  as every metric's
    selected = " ".join(_selected(column.field, row.fields[column.field].type) for column in columns) or "__typename"
    heads = (f"query ({variables})", f"({arguments})") if names else ("query", "")
    return f"{heads[0]} {{ {request.metric.field}{heads[1]} {{ nodes {{ {selected} }} }} }}"


def _selected(name: str, kind: GraphQLOutputType) -> str:
    """A field with all that is in it."""
    inner = get_named_type(kind)
    if not isinstance(inner, GraphQLObjectType):
        return name
    return f"{name} {{ {' '.join(_selected(field, found.type) for field, found in inner.fields.items())} }}"
