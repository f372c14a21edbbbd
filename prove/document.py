"""A GraphQL document as a question: what its metric's source would be asked instead, and what the snapshot is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlglot
from graphql import GraphQLError, get_operation_ast
from graphql.execution.values import VariableValues, get_variable_values
from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from gql.ask import ask
from gql.asked import Ask
from gql.exact import json_of
from gql.page import plan_live
from gql.plan import Plan
from gql.question import Question
from gql.schema import build
from snapshot.catalog import Catalog
from snapshot.errors import Problem, ProjectError
from snapshot.settings import ServerSettings

from .prototype import Asked
from .translate import CannotRunLive


@dataclass(frozen=True)
class Document:
    """The text of a document that asks for the nodes of one metric, and its variables as JSON."""

    text: str
    variables: str
    limits: ServerSettings

    def live(self, catalog: Catalog) -> tuple[str, Callable[[], str]]:
        """The metric's name, and what makes the question as DuckDB would be asked over the sources.

        That raises CannotRunLive.
        """
        found, rows, _ = self._ask(catalog)

        def question() -> str:
            plan = plan_live(rows, limit=found.first, offset=found.offset)
            if plan is None:
                raise CannotRunLive("its SELECT cannot be grouped anew")
            return _written_in(plan.sql, plan.parameters)

        return found.root.metric.name, question

    def asked(self, catalog: Catalog) -> Asked:
        """The question as the snapshot is asked."""
        _, _, plan = self._ask(catalog)
        columns = ", ".join(f'"{column.name}"' for column in plan.columns)
        return Asked(f"select {columns} from ({plan.sql})", plan.parameters, plan.columns, self.text, self.variables)

    def _ask(self, catalog: Catalog) -> tuple[Ask, Question, Plan]:
        api = build(catalog)
        try:
            document = api.documents(self.text, self.limits.max_tokens)
        except GraphQLError as error:
            raise _refused([error.message]) from error
        operation = get_operation_ast(document.node)
        if document.errors or operation is None:
            raise _refused([error.message for error in document.errors] or ["name one operation"])
        definitions = operation.variable_definitions or ()
        values = get_variable_values(api.schema, definitions, json_of(self.variables))
        if not isinstance(values, VariableValues):
            raise _refused([error.message for error in values])
        try:
            metrics = ask(api, document.node, operation, values, self.limits).metrics
        except GraphQLError as error:
            raise _refused([error.message]) from error
        if len(metrics) == 1 and metrics[0].rows and metrics[0].nodes:
            return metrics[0], metrics[0].rows, metrics[0].nodes
        raise _refused(["it must ask for the nodes of one metric"])


def _refused(messages: Sequence[str]) -> ProjectError:
    return ProjectError(tuple(Problem("the document", 0, message) for message in messages))


def _written_in(sql: str, parameters: Sequence[Any]) -> str:
    """A query with its parameters as literals, each in the place of its question mark."""
    written, end, values = "", 0, iter(parameters)
    for token in sqlglot.tokenize(sql, read="duckdb"):
        if token.token_type is TokenType.PLACEHOLDER:
            written += sql[end : token.start] + exp.convert(next(values)).sql("duckdb")
            end = token.end + 1
    return written + sql[end:]
