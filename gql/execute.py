"""What is asked -> rows of this generation -> the response."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from graphql import DocumentNode, ExecutionResult, GraphQLError, Node, execute_sync

from snapshot.errors import DeadlineExceeded, NotComputable, OutOfRange, QueryError
from snapshot.reader import OpenGeneration, Reader

from .asked import Ask
from .complete import Completed, RowExecutor, completed
from .cursor import cursor_at
from .errors import BAD_INPUT, NOT_COMPUTABLE, TOO_COMPLEX, TOO_MANY_ROWS, refusal
from .fill import MAX_PERIODS, TOO_MANY_PERIODS
from .fixed import filled_in
from .plan import Plan
from .prepare import Prepared
from .resident import NotResident, Part, Shape
from .schema import Api
from .table import Table, table
from .types import metric_of, snapshot_of, status_of

# DuckDB's own words would tell of what is inside, and do not say of which column.
BEYOND = (
    "a value goes beyond its type, or is none of it, in the answer or on the way to it; ask for less with 'where', or "
    "cast it to a wider type, or with try_cast, in the metric's SELECT"
)
UNDEFINED = (
    "a measure has no value for these rows, as a division of a whole number by zero has none; ask for other rows or "
    "measures, or say what it is then in the metric's SELECT: divide by nullif(..., 0)"
)
# GraphQL's Int.
MAX_INT = 2**31 - 1
# So many values of rows are completed without keeping anybody waiting, and so many at all: some hundreds of megabytes.
AT_ONCE, MAX_CELLS = 20_000, 5_000_000


class _Page(NamedTuple):
    """Rows, whether more follow, and how many there are without paging, where that is known."""

    table: Table
    more: bool
    number: int | None = None


class Answering:
    """The answering of one request from one generation, until its deadline (a moment of time.monotonic()).

    Without a deadline nothing is asked of DuckDB. `cells` may be held in memory. `ways` is how each part of the answer
    was had, once it was.
    """

    def __init__(
        self,
        reader: Reader[Api],
        generation: OpenGeneration[Api],
        prepared: Prepared,
        deadline: float | None,
        cells: int,
    ) -> None:
        self.reader, self.generation, self.deadline, self.cells = reader, generation, deadline, cells
        self.asked, self.values = prepared.asked, prepared.values
        self.residents = generation.value.residents
        self.ways: dict[str, dict[str, str]] = {}
        self._taken = 0

    def respond(
        self, document: DocumentNode, variables: Mapping[str, Any], operation_name: str | None
    ) -> ExecutionResult:
        """Compute the answer of every root field, then complete the response from them.

        Raises GraphQLError for what turns out too large, DeadlineExceeded, QueryFailed, and NotResident where there is
        no deadline.
        """
        answers = {found.key: self._placed(found) for found in self.asked.metrics}
        if not self.asked.others and all(isinstance(answer, Completed) for answer in answers.values()):
            return ExecutionResult({key: answer.value for key, answer in answers.items()}, None)
        if self.deadline is None:
            raise NotResident
        answers |= {key: self._other(field) for key, field in self.asked.others.items()}
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

    def _placed(self, asked: Ask) -> Any:
        """A metric's answer; what its data does not allow is refused at its field. Raises DeadlineExceeded."""
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise DeadlineExceeded("the answer took longer than it may", "ask for less")
        try:
            return self._answer(asked)
        except (OutOfRange, NotComputable) as error:
            raise not_allowed(error, asked.node) from error

    def _answer(self, asked: Ask) -> Any:
        """A metric's answer, completed; where that would break a promise of the schema, as the executor takes it."""
        self.ways[asked.key] = {}
        if asked.root.look_up:
            found = self._page(asked).table
            if found.broken:
                return found.dicts()[0] if found.rows else None
            return Completed(next(iter(completed(found, asked.selection)), None))
        tables, answer = self._tables(asked)
        if not any(found.broken for found in tables.values()) and answer.get("totalCount", 0) <= MAX_INT:
            answer |= tables | ({"totals": tables["totals"].dicts()[0]} if "totals" in tables else {})
            return Completed(completed(answer, asked.selection))
        rows = {part: found.dicts() for part, found in tables.items()}
        return answer | {part: found if part == "nodes" else found[0] for part, found in rows.items()}

    def _tables(self, asked: Ask) -> tuple[dict[str, Table], dict[str, Any]]:
        """What is asked of a metric: its rows and its totals, and what is said of them."""
        page = self._page(asked)
        answer: dict[str, Any] = {
            "asOf": self.generation.catalog.snapshot.as_of.isoformat(),
            "computedAt": asked.root.metric.computed_at.isoformat(),
        }
        tables = {"nodes": page.table}
        if "columns" in asked.parts:
            answer["columns"] = {field: list(values) for field, values in page.table.columns().items()}
        if "pageInfo" in asked.parts:
            answer["pageInfo"] = self._page_info(asked, page)
        if asked.totals and asked.totals_shape:
            tables["totals"] = self._rows(asked.key, "totals", asked.totals, asked.totals_shape).table
        if "totalCount" in asked.parts:
            answer["totalCount"] = self._count(asked, page)
        return tables, answer

    def _page(self, asked: Ask) -> _Page:
        """The rows of a page. Raises GraphQLError where no page was asked for and there are too many."""
        if asked.nodes is None or asked.nodes_shape is None:
            return _Page(Table((), ()), more=False)
        page = self._rows(asked.key, "nodes", asked.nodes, asked.nodes_shape, asked.offset, asked.wanted)
        if page.more and asked.first is None:
            way_out = "use 'where', a coarser 'by', or 'first' and 'offset'"
            message = f"the answer has {self._count(asked, page)} rows, more than {asked.wanted}; {way_out}"
            raise refusal(TOO_MANY_ROWS, message, asked.node)
        self._take(len(page.table.rows) * asked.width, asked.node)
        return page

    def _take(self, cells: int, node: Node | None) -> None:
        """Count what is to be completed. Raises NotResident and GraphQLError where all of it is too much."""
        self._taken += cells
        if self.deadline is None and self._taken > AT_ONCE:
            raise NotResident
        if self._taken > MAX_CELLS:
            message = f"the answer has more than {MAX_CELLS:,} values; ask for less, or send several requests"
            raise refusal(TOO_COMPLEX, message, node)

    def _count(self, asked: Ask, page: _Page) -> int:
        if page.number is not None:
            self.ways[asked.key]["totalCount"] = self.ways[asked.key]["nodes"]
            return page.number
        if asked.count is None:
            return 0
        found = self._rows(asked.key, "totalCount", asked.count, Shape(asked.count, None))
        return int(found.table.rows[0][0])

    def _rows(self, key: str, name: str, plan: Plan, shape: Shape, offset: int = 0, wanted: int = 1) -> _Page:
        """So many of the rows of a plan: of those that are held, else by its query."""
        if part := self._held(shape):
            self.ways[key][name] = f"resident, {part.way}"
            start = min(part.start + offset, part.stop)
            stop = min(start + wanted, part.stop)
            if self.deadline is None and stop - start > AT_ONCE:
                raise NotResident
            return _Page(part.table.part(start, stop), stop < part.stop, part.stop - part.start)
        self.ways[key][name] = plan.way
        found = table(plan, self._query(plan.filled(self.values)))
        return _Page(found.part(0, wanted), len(found.rows) > wanted)

    def _held(self, shape: Shape) -> Part | None:
        """The rows where they are held, now or from now on."""
        if not self.cells:
            return None
        found = self.residents.find(shape, self.values)
        if found or self.deadline is None:
            return found
        # A query that takes too long is not to take the question's time, too.
        until = time.monotonic() + (self.deadline - time.monotonic()) / 2
        held = self.residents.load(shape, self.values, lambda plan: self._query(plan, until), self.cells)
        return self.residents.find(shape, self.values) if held else None

    def _query(self, plan: Plan, until: float | None = None) -> Sequence[tuple[Any, ...]]:
        if self.deadline is None:
            raise NotResident
        return self.generation.query(plan.sql, plan.parameters, until or self.deadline)

    def _page_info(self, asked: Ask, page: _Page) -> dict[str, Any]:
        """Where a page stands: the cursors behind its first and its last row are of the question with its values."""
        number, start, end = len(page.table.rows), None, None
        if number:
            where = filled_in(asked.rows.where, self.values)
            question = replace(asked.rows, where=where)
            begin = cursor_at(question, self.generation.catalog.snapshot.number, asked.offset + 1)
            start, end = str(begin), str(replace(begin, rows=asked.offset + number))
        return {
            "hasNextPage": page.more,
            "hasPreviousPage": asked.offset > 0,
            "startCursor": start,
            "endCursor": end,
        }


def not_allowed(error: QueryError, node: Node | None = None) -> GraphQLError:
    """What a client is told of data that does not allow its question, which the document asks at `node`."""
    if TOO_MANY_PERIODS in error.message:
        return refusal(TOO_MANY_ROWS, f"{TOO_MANY_PERIODS}: more than {MAX_PERIODS:,}; name a range", node)
    if isinstance(error, OutOfRange):
        return refusal(BAD_INPUT, BEYOND, node)
    return refusal(NOT_COMPUTABLE, UNDEFINED, node)
