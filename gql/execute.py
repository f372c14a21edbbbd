"""What is asked -> rows of this generation -> the response."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from graphql import DocumentNode, ExecutionResult, execute_sync

from snapshot.catalog import MAX_SAFE_INTEGER, Column
from snapshot.reader import OpenGeneration, Reader

from .ask import Ask, Asked
from .complete import RowExecutor, Rows
from .errors import BAD_INPUT, TOO_MANY_ROWS, refusal
from .plan import Plan, Question, plan_count, plan_rows
from .scalars import kind_of
from .schema import Api
from .types import PageInfo, metric_of, snapshot_of, status_of


class Answering:
    """The answering of one request from one generation, until its deadline (a moment of time.monotonic())."""

    def __init__(self, reader: Reader[Api], generation: OpenGeneration[Api], deadline: float, max_rows: int) -> None:
        self.reader, self.generation, self.deadline, self.max_rows = reader, generation, deadline, max_rows

    def respond(
        self, document: DocumentNode, asked: Asked, variables: Mapping[str, Any], operation_name: str | None
    ) -> ExecutionResult:
        """Compute the answer of every root field, then complete the response from them.

        Raises GraphQLError for what turns out too large, DeadlineExceeded and QueryFailed.
        """
        answers = {found.key: self._metric(found) for found in asked.metrics}
        answers |= {key: self._other(field) for key, field in asked.others.items()}
        return execute_sync(
            self.generation.value.schema,
            document,
            root_value=answers,
            variable_values=dict(variables),
            operation_name=operation_name,
            executor_class=RowExecutor,
        )

    def _other(self, field: str) -> Any:
        catalog = self.generation.catalog
        if field == "snapshot":
            return snapshot_of(catalog)
        if field == "metrics":
            return [metric_of(metric) for metric in catalog.metrics]
        if field == "status":
            return status_of(catalog, self.reader.status(), self.reader.generations(), datetime.now(UTC))
        return "Query"  # __typename; __schema and __type are the executor's own

    def _metric(self, asked: Ask) -> dict[str, Any] | None:
        if asked.root.look_up:
            assert asked.nodes is not None  # noqa: S101  a look-up always has its row there; this tells mypy
            rows = self._rows(plan_rows(asked.nodes, limit=1))
            return rows[0] if rows else None
        nodes, more = self._nodes(asked) if asked.nodes else (Rows(), False)
        metric = asked.root.metric
        return {
            "nodes": nodes,
            "totals": self._rows(plan_rows(asked.totals, limit=1))[0] if asked.totals else None,
            "totalCount": self._count(asked.count) if asked.count else None,
            "pageInfo": PageInfo(has_next_page=more, has_previous_page=asked.offset > 0),
            "asOf": self.generation.catalog.snapshot.as_of,
            "computedAt": metric.computed_at,
        }

    def _nodes(self, asked: Ask) -> tuple[Rows, bool]:
        """The rows and whether more follow. One row more than is wanted is asked for, which tells."""
        question, wanted = asked.nodes, self.max_rows if asked.first is None else asked.first
        assert question is not None  # noqa: S101  the caller looked; this tells mypy
        if wanted > self.max_rows:
            raise refusal(
                TOO_MANY_ROWS, f"'first' is {wanted}, and at most {self.max_rows} rows are given at once", question.node
            )
        rows = self._rows(plan_rows(question, limit=wanted + 1, offset=asked.offset))
        if len(rows) > wanted and asked.first is None:
            count = self._count(question)
            way_out = "use 'where', a coarser 'by', or 'first' and 'offset'"
            message = f"the answer has {count} rows, more than {self.max_rows}; {way_out}"
            raise refusal(TOO_MANY_ROWS, message, question.node)
        return Rows(rows[:wanted]), len(rows) > wanted

    def _count(self, question: Question) -> int:
        plan = plan_count(question)
        ((count,),) = self.generation.query(plan.sql, plan.parameters, self.deadline)
        return int(count)

    def _rows(self, plan: Plan) -> Rows:
        """The rows of a plan as dicts by field, their values JSON-ready."""
        found = self.generation.query(plan.sql, plan.parameters, self.deadline)
        names = [column.field for column in plan.columns]
        rows = Rows(dict(zip(names, row, strict=False)) for row in found)
        for name, column in zip(names, plan.columns, strict=True):
            convert = kind_of(column.type).to_json
            if convert is not None:
                for row in rows:
                    if row[name] is not None:
                        row[name] = convert(row[name])
            elif column.type in ("BIGINT", "UBIGINT") and any(abs(row[name] or 0) > MAX_SAFE_INTEGER for row in rows):
                raise _too_wide(column)
        return rows


def _too_wide(column: Column) -> Exception:
    return refusal(
        BAD_INPUT, f"'{column.field}' goes beyond 2^53 in this answer; cast it to decimal or varchar in the metric"
    )
