"""What a document asks, planned once: what depends on its text, and on the variables that are no fixed values, is kept.

What is left for a request are the fixed values, which are put into the holes of what was planned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLInputType,
    GraphQLSchema,
    Node,
    ObjectValueNode,
    OperationDefinitionNode,
    ValueNode,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, get_variable_values
from graphql.language.visitor import VisitorAction
from graphql.utilities import coerce_input_value

from snapshot.catalog import Metric
from snapshot.settings import ServerSettings

from .ask import ask
from .asked import Asked
from .cursor import OtherGeneration
from .document import Document
from .errors import BAD_INPUT, MAX_ERRORS, refusal
from .fixed import Hole, can_fix, is_key
from .question import Policy, everything
from .schema import Api, Root

# What a plan takes for each character of the values that it has, in bytes.
CHARACTER_BYTES = 32


class Prepared(NamedTuple):
    """What is asked, and the values of its holes."""

    asked: Asked
    values: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation of a document: the names of its variables, the types of its holes, and the metrics that it may ask.

    `cursors` are the variables that say where a page begins: a place in the answer to one question, all values known.
    """

    document: Document
    node: OperationDefinitionNode
    variables: tuple[str, ...]
    holes: Mapping[str, GraphQLInputType]
    cursors: frozenset[str]
    metrics: tuple[Metric, ...]


class PlanKey(NamedTuple):
    """What a request is to be like to have the same plan: its operation, its holes, all other values, two limits."""

    operation: Operation
    holes: tuple[str, ...]
    values: str
    max_fields: int
    max_rows: int

    @property
    def size(self) -> int:
        """The memory that a plan takes, in bytes: that of its document, at most, and some for its values."""
        return self.operation.document.size + len(self.values) * CHARACTER_BYTES


def prepare(
    api: Api, operation: Operation, inputs: Mapping[str, Any], limits: ServerSettings, policy: Policy
) -> Prepared:
    """What an operation asks with these variables.

    Raises GraphQLError with a code for what is refused, OtherGeneration where that one is to answer.
    """
    if found := prepared(api, operation, inputs, limits, policy):
        return found
    variables = variables_of(api.schema, operation.node, inputs)
    values = _values(operation, inputs)
    if values:
        coerced = variables.coerced | {name: Hole(name) for name in values}
        try:
            asked = ask(
                api, operation.document.node, operation.node, variables._replace(coerced=coerced), limits, policy
            )
        except (GraphQLError, OtherGeneration):
            values = {}  # what is wrong is said with the values
    if not values:
        asked = ask(api, operation.document.node, operation.node, variables, limits, policy)
    api.prepared.put(_key(operation, inputs, values, limits, policy), asked)
    return Prepared(asked, values)


def prepared(
    api: Api, operation: Operation, inputs: Mapping[str, Any], limits: ServerSettings, policy: Policy
) -> Prepared | None:
    """The same where it was planned before."""
    values = _values(operation, inputs)
    asked = api.prepared.get(_key(operation, inputs, values, limits, policy))
    return Prepared(asked, values) if asked else None


def _values(operation: Operation, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the holes; none where one of them cannot be filled in."""
    if any(inputs.get(name) is not None for name in operation.cursors):
        return {}
    values = {}
    for name, kind in operation.holes.items():
        if inputs.get(name) is not None:
            values[name] = coerce_input_value(inputs[name], kind)
            if not is_key(values[name]):
                return {}
    return values


def _key(
    operation: Operation, inputs: Mapping[str, Any], values: Mapping[str, Any], limits: ServerSettings, policy: Policy
) -> PlanKey:
    given = {name: inputs[name] for name in operation.variables if name in inputs and name not in values}
    seen = () if policy is everything else [policy(metric) for metric in operation.metrics]
    return PlanKey(operation, tuple(values), repr((given, seen)), limits.max_fields, limits.max_rows)


def variables_of(
    schema: GraphQLSchema, operation: OperationDefinitionNode, inputs: Mapping[str, Any]
) -> VariableValues:
    """The values of all variables. Raises GraphQLError for those that are none of their types."""
    definitions = operation.variable_definitions or ()
    values = get_variable_values(schema, definitions, dict(inputs), max_errors=MAX_ERRORS)
    if isinstance(values, VariableValues):
        return values
    nodes: list[Node] = []
    messages: list[str] = []
    for definition in definitions:
        errors = get_variable_values(schema, [definition], dict(inputs), max_errors=MAX_ERRORS)
        for error in () if isinstance(errors, VariableValues) else errors:
            what = f"Variable '${definition.variable.name.value}' has invalid value: "
            # An input of which one key is to be named does not say where it is.
            messages.append(error.message if error.nodes else what + error.message)
            nodes.append(definition)
    raise refusal(BAD_INPUT, "; ".join(messages[:MAX_ERRORS]), nodes[:MAX_ERRORS])


def operation_of(api: Api, document: Document, node: OperationDefinitionNode) -> Operation:
    """An operation, read: what its variables are for."""
    uses = _Uses(api.roots)
    for definition in document.node.definitions:
        if definition is node or not isinstance(definition, OperationDefinitionNode):
            visit(definition, uses)
    signatures = [get_variable_signature(api.schema, variable) for variable in node.variable_definitions or ()]
    variables = {found.name: found.type for found in signatures if isinstance(found, GraphQLVariableSignature)}
    holes = {
        name: kind
        for name, kind in variables.items()
        if uses.fixed[name] and uses.fixed[name] == uses.all[name] and not uses.place
    }
    return Operation(document, node, tuple(variables), holes, frozenset(uses.cursors), tuple(uses.metrics))


class _Uses(Visitor):
    """How often each variable is used, and how often as a fixed value; `place` where a page's beginning is written.

    Not as one that is compared with a time, which earlier periods move and gaps begin with.
    """

    def __init__(self, roots: Mapping[str, Root]) -> None:
        super().__init__()
        self.roots, self.all, self.fixed = roots, Counter[str](), Counter[str]()
        self.cursors, self.metrics, self.place = set[str](), dict[Metric, None](), False

    def enter_variable_definition(self, *_: Any) -> VisitorAction:
        """A declaration is no use."""
        return self.SKIP

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        """A use."""
        self.all[node.name.value] += 1

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        """A root field, perhaps."""
        root = self.roots.get(node.name.value)
        if root is None:
            return
        self.metrics[root.metric] = None
        for argument in node.arguments or ():
            name, value = argument.name.value, argument.value
            if root.look_up:
                self._fix(root.metric, name, value)
            elif name == "after":
                self.place |= not isinstance(value, VariableNode)
                self.cursors |= {value.name.value} if isinstance(value, VariableNode) else set()
            elif name == "where" and isinstance(value, ObjectValueNode):
                for condition in value.fields:
                    self._condition(root.metric, condition.name.value, condition.value)

    def _condition(self, metric: Metric, field: str, condition: ValueNode) -> None:
        for comparison in condition.fields if isinstance(condition, ObjectValueNode) else ():
            if comparison.name.value == "eq":
                self._fix(metric, field, comparison.value)

    def _fix(self, metric: Metric, field: str, value: ValueNode) -> None:
        column = metric.by_field.get(field)
        if isinstance(value, VariableNode) and column and can_fix(column) and column not in metric.times:
            self.fixed[value.name.value] += 1
