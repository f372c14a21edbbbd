"""A document's root fields -> what each asks, checked before anything is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    Node,
    OperationDefinitionNode,
    get_named_type,
)
from graphql.execution.collect_fields import FieldDetailsList, FragmentDetails, collect_fields, collect_subfields
from graphql.execution.values import VariableValues, get_argument_values

from snapshot.catalog import Column, Metric
from snapshot.settings import ServerSettings

from .asked import Ask, Asked
from .complete import Selection, selection_of
from .cursor import rows_before
from .errors import BAD_INPUT, NOT_GROUPED, TOO_COMPLEX, TOO_MANY_ROWS, place, refusal
from .extras import Extras
from .fit import fitted
from .page import plan_count, plan_rows
from .question import Policy, Question, everything, filtered, order_keys
from .relative import resolved
from .schema import Api, Root, enum_value

# The most values of one row, its aliases counted, where there are not more columns.
MAX_KEYS = 250


def ask(
    api: Api,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: VariableValues,
    limits: ServerSettings,
    policy: Policy = everything,
) -> Asked:
    """What an operation asks, all of it planned, of what the caller may see.

    Raises GraphQLError with a code for what is refused, OtherGeneration where that one is to answer.
    """
    fragments = {
        node.name.value: FragmentDetails(node)
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    collecting = _Collecting(api, fragments, variables, operation)
    fields = collecting.root()
    if len(fields) > limits.max_fields:
        raise refusal(TOO_COMPLEX, f"{len(fields)} root fields are asked, more than {limits.max_fields}", operation)
    metrics, others = [], {}
    for key, details in fields.items():
        name = details[0].node.name.value
        if name in api.roots:
            metrics.append(_Asking(collecting, key, api.roots[name], details, limits.max_rows, policy).ask())
        else:
            others[key] = name
    return Asked(tuple(metrics), others)


@dataclass(frozen=True)
class _Collecting:
    """The selections of one operation, fragments and directives resolved as the executor does."""

    api: Api
    fragments: dict[str, FragmentDetails]
    variables: VariableValues
    operation: OperationDefinitionNode

    def root(self) -> Mapping[str, FieldDetailsList]:
        return collect_fields(
            self.api.schema, self.fragments, self.variables, self.api.root, self.operation
        ).grouped_field_set

    def sub(self, kind: GraphQLObjectType, details: FieldDetailsList) -> Mapping[str, FieldDetailsList]:
        return collect_subfields(
            self.api.schema, self.fragments, self.variables, self.operation, kind, details
        ).grouped_field_set


class _Asking:
    """The reading of one root field."""

    def __init__(
        self,
        collecting: _Collecting,
        key: str,
        root: Root,
        details: FieldDetailsList,
        max_rows: int,
        policy: Policy,
    ) -> None:
        self.collecting, self.key, self.root, self.details = collecting, key, root, details
        self.max_rows, self.policy = max_rows, policy(root.metric)
        self.node = details[0].node
        self.field = collecting.api.root.fields[self.node.name.value]
        self.arguments = _arguments(self.field, self.node, collecting.variables)
        self.by_field = self.metric.by_field
        info = collecting.api.catalog.snapshot
        # A key may be called like them.
        conditions = {} if root.look_up else self.arguments
        self.where, having = (
            resolved(conditions.get(name), self.by_field, info, place(self.node, name)) for name in ("where", "having")
        )
        self.having = fitted(having, self.by_field)

    @property
    def metric(self) -> Metric:
        return self.root.metric

    @property
    def generation(self) -> int:
        return self.collecting.api.catalog.snapshot.number

    def ask(self) -> Ask:
        kind = get_named_type(self.field.type)
        if self.root.look_up:
            key = {field: {"eq": value} for field, value in self.arguments.items()}
            columns = tuple(self._selected(kind, self.details))
            row = Question(self.metric, (), columns, key, policy=self.policy, node=self.node)
            return Ask(self.key, self.root, self._selection(kind), row, plan_rows(row, limit=1), first=1)
        parts: dict[str, FieldDetailsList] = {}
        for details in self.collecting.sub(kind, self.details).values():
            parts.setdefault(details[0].node.name.value, []).extend(details)
        first, offset = self._number("first"), self._number("offset") or 0
        wanted = self.max_rows if first is None else first
        if wanted > self.max_rows:
            message = f"'first' is {first}, and at most {self.max_rows} rows are given at once"
            raise refusal(TOO_MANY_ROWS, message, place(self.node, "first"))
        selected = {
            column: node
            for name in ("nodes", "columns")
            for column, node in self._selected(get_named_type(kind.fields[name].type), parts.get(name, [])).items()
        }
        extras = self._extras(get_named_type(kind.fields["nodes"].type), parts.get("nodes", []))
        rows = self._question(dict.fromkeys(extras.measures, self.node) | selected)
        if (after := self.arguments.get("after")) is not None:
            offset += rows_before(after, rows, self.generation)
        asks_rows = not {"nodes", "columns", "pageInfo"}.isdisjoint(parts)
        total = self._total(kind, parts["totals"]) if "totals" in parts else None
        # One row more than is wanted is asked for, which tells whether more follow.
        return Ask(
            key=self.key,
            root=self.root,
            selection=self._selection(kind),
            rows=rows,
            nodes=plan_rows(rows, limit=wanted + 1, offset=offset, extras=extras) if asks_rows else None,
            count=plan_count(rows),
            total=total,
            totals=plan_rows(total, limit=1) if total else None,
            parts=frozenset(parts),
            wanted=wanted,
            first=first,
            offset=offset,
            extras=extras,
            node=self.node,
        )

    def _selection(self, kind: Any) -> Selection:
        return selection_of(kind, self.details, self.collecting.sub, self.collecting.variables)

    def _total(self, kind: Any, details: FieldDetailsList) -> Question:
        measures = tuple(self._selected(get_named_type(kind.fields["totals"].type), details))
        return Question(self.metric, (), measures, self.where, policy=self.policy, node=self.node, part="totals")

    def _question(self, selected: Mapping[Column, Node]) -> Question:
        by = self._by()
        order = order_keys(self.arguments.get("orderBy"), self.by_field.__getitem__)
        for column in (*selected, *(column for column, _ in order)):
            if column.role in ("dimension", "grain") and column not in by:
                message = f"'{column.field}' is not grouped by; add {enum_value(column)} to 'by'"
                raise refusal(NOT_GROUPED, message, selected.get(column, self.node))
        filtered_by = (self.by_field[field] for field in filtered(self.having))
        wanted = dict.fromkeys((*selected, *(column for column, _ in order), *filtered_by))
        measures = tuple(column for column in wanted if column not in by)
        fill = bool(self.arguments.get("fill"))
        return Question(self.metric, by, measures, self.where, self.having, order, fill, self.policy, self.node)

    def _extras(self, kind: Any, details: FieldDetailsList) -> Extras:
        """What is selected of each row beside its columns."""
        info = self.collecting.api.catalog.snapshot
        asked: dict[str, Any] = {"previous": {}, "change": {}}
        for found in self.collecting.sub(kind, details).values() if details else ():
            field, name = kind.fields.get(found[0].node.name.value), found[0].node.name.value
            if name == "complete":
                asked["complete"] = True
            elif name == "share":
                asked["share"] = (*asked.get("share", ()), *self._selected(get_named_type(field.type), found))
            elif name in ("previous", "change"):
                shift = get_argument_values(field, found[0].node, self.collecting.variables)["by"]
                measures = self._selected(get_named_type(field.type), found)
                asked[name][shift] = tuple(dict.fromkeys((*asked[name].get(shift, ()), *measures)))
        return Extras(**asked, clock=self.metric.computed_at.astimezone(ZoneInfo(info.time_zone)))

    def _by(self) -> tuple[Column, ...]:
        if not self.metric.grouped:
            return ()
        asked = self.arguments.get("by")
        names = self.metric.own_grain if asked is None else tuple(dict.fromkeys(value.value for value in asked))
        return tuple(map(self.metric.column, names))

    def _number(self, name: str) -> int | None:
        value = self.arguments.get(name)
        if value is not None and value < 0:
            raise refusal(BAD_INPUT, f"'{name}' must not be negative", place(self.node, name))
        return value

    def _selected(self, kind: Any, details: FieldDetailsList) -> dict[Column, Node]:
        """The columns that are selected of a row, each with where.

        Rows that are selected under two names may have different fields of one name, so all of them are looked at.
        """
        selected = self.collecting.sub(kind, details)
        if len(selected) > (most := max(MAX_KEYS, len(self.by_field))):
            message = f"{len(selected)} values are asked of each row, more than {most}"
            raise refusal(TOO_COMPLEX, message, self.node)
        nodes = [detail.node for found in selected.values() for detail in found]
        places: dict[Column, Node] = {}
        for node in nodes:
            if node.name.value in self.by_field:
                places.setdefault(self.by_field[node.name.value], node)
        return places


def _arguments(field: GraphQLField, node: FieldNode, variables: VariableValues) -> dict[str, Any]:
    """The arguments of a field. Raises GraphQLError, with its place, for an input of which one key is to be named."""
    found: dict[str, Any] = {}
    for name, argument in field.args.items():
        try:
            found |= get_argument_values(GraphQLField(field.type, {name: argument}), node, variables)
        except GraphQLError as error:
            raise refusal(BAD_INPUT, f"'{name}': {error.message}", place(node, name)) from error
    return found
