"""What is asked -> rows of this generation -> the response."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from graphql import DocumentNode, ExecutionResult, execute_sync

from snapshot.catalog import MAX_SAFE_INTEGER
from snapshot.errors import OutOfRange, QueryFailed
from snapshot.reader import OpenGeneration, Reader

from .asked import Ask, Asked
from .complete import RowExecutor, Rows, Values
from .errors import BAD_INPUT, TOO_MANY_ROWS, refusal
from .fill import MAX_PERIODS, TOO_MANY_PERIODS
from .plan import Plan
from .scalars import TooWide, kind_of
from .schema import Api
from .types import PageInfo, metric_of, snapshot_of, status_of

# DuckDB's own words would tell of what is inside, and do not say of which column.
BEYOND = (
    "a number, a time or a length of time goes beyond its type, in the answer or on the way to it; ask for less with "
    "'where', or cast it to a wider type in the metric's SELECT"
)


class Answering:
    """The answering of one request from one generation, until its deadline (a moment of time.monotonic())."""

    def __init__(self, reader: Reader[Api], generation: OpenGeneration[Api], deadline: float) -> None:
        self.reader, self.generation, self.deadline = reader, generation, deadline

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
            rows = self._rows(asked.nodes)
            return rows[0] if rows else None
        nodes = self._rows(asked.nodes)
        if len(nodes) > asked.wanted and asked.first is None:
            way_out = "use 'where', a coarser 'by', or 'first' and 'offset'"
            message = f"the answer has {self._count(asked.count)} rows, more than {asked.wanted}; {way_out}"
            raise refusal(TOO_MANY_ROWS, message, asked.node)
        given = Rows(nodes[: asked.wanted])
        columns = asked.nodes.columns if asked.nodes else ()
        return {
            "nodes": given,
            "columns": {column.field: Values(row[column.field] for row in given) for column in columns},
            "totals": self._rows(asked.totals)[0] if asked.totals else None,
            "totalCount": self._count(asked.count) if asked.counted else None,
            "pageInfo": _page_info(asked, len(nodes)),
            "asOf": self.generation.catalog.snapshot.as_of,
            "computedAt": asked.root.metric.computed_at,
        }

    def _count(self, plan: Plan | None) -> int:
        return int(self._query(plan)[0][0]) if plan else 0

    def _query(self, plan: Plan) -> list[tuple[Any, ...]]:
        try:
            return self.generation.query(plan.sql, plan.parameters, self.deadline)
        except OutOfRange as error:
            raise refusal(BAD_INPUT, BEYOND) from error
        except QueryFailed as error:
            if TOO_MANY_PERIODS not in str(error):
                raise
            raise refusal(TOO_MANY_ROWS, f"{TOO_MANY_PERIODS}: more than {MAX_PERIODS:,}; name a range") from error

    def _rows(self, plan: Plan | None) -> Rows:
        """The rows of a plan as dicts by field, their values JSON-ready; none of no plan."""
        if plan is None:
            return Rows()
        found = self._query(plan)
        # The values beside a row's columns are flat until all are JSON-ready.
        places: dict[Any, str] = {column.field: column.type for column in plan.columns}
        places |= {extra.path: extra.type for extra in plan.extras}
        rows = Rows(dict(zip(places, row, strict=False)) for row in found)
        for place, kind in places.items():
            convert = kind_of(kind).to_json
            if convert is not None:
                try:
                    for row in rows:
                        if row[place] is not None:
                            row[place] = convert(row[place])
                except TooWide as error:
                    raise _too_wide(place if isinstance(place, str) else place[-1]) from error
            elif kind in ("BIGINT", "UBIGINT") and any(abs(row[place] or 0) > MAX_SAFE_INTEGER for row in rows):
                raise _too_wide(place if isinstance(place, str) else place[-1])
        for extra in plan.extras:
            for row in rows:
                _put(row, extra.path)
        return rows


def _page_info(asked: Ask, found: int) -> PageInfo:
    """`found` is one more than was wanted where more rows follow."""

    def cursor(rows: int) -> str | None:
        return str(replace(asked.first_row, rows=asked.offset + rows)) if given and asked.first_row else None

    given = min(found, asked.wanted)
    return PageInfo(
        has_next_page=found > asked.wanted,
        has_previous_page=asked.offset > 0,
        start_cursor=cursor(1),
        end_cursor=cursor(given),
    )


def _put(row: dict[Any, Any], path: tuple[str, ...]) -> None:
    """Move an extra value from its path into the object that it belongs to; nothing belongs to one that is null."""
    value, into = row.pop(path), row
    for name in path[:-1]:
        if into[name] is None:
            return
        into[name] = into[name] if isinstance(into[name], dict) else {}
        into = into[name]
    into[path[-1]] = value


def _too_wide(field: str) -> Exception:
    return refusal(BAD_INPUT, f"'{field}' goes beyond 2^53 in this answer; cast it to decimal or varchar in the metric")
