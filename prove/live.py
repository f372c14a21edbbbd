"""A question asked of its source again and again, as an endpoint does that aggregates on request."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy

from .translate import CannotRunLive

WARM_UP = 2


@dataclass(frozen=True)
class Live:
    """Milliseconds of each run, and the median of each layer: together they are the whole."""

    total: tuple[float, ...]
    layers: Mapping[str, float]


@dataclass(frozen=True)
class Answers:
    """The answers of the first run and the last: where they differ, the source moved."""

    columns: tuple[str, ...]
    first: Sequence[tuple[Any, ...]]
    last: Sequence[tuple[Any, ...]]


def ask_live(engine: sqlalchemy.Engine, sql: str, runs: int) -> tuple[Live, Answers]:
    """Ask so many times, after some to warm up. Raises CannotRunLive with the database's words where it refuses."""
    times: list[tuple[float, float, float]] = []
    answers: list[Sequence[tuple[Any, ...]]] = []
    columns: tuple[str, ...] = ()
    try:
        for _ in range(WARM_UP + runs):
            begun = time.perf_counter()
            with engine.connect() as connection:
                connected = time.perf_counter()
                result = connection.exec_driver_sql(sql, execution_options={"no_parameters": True})
                if not result.returns_rows:
                    raise CannotRunLive("it gives no rows")
                executed = time.perf_counter()
                rows = [tuple(row) for row in result.fetchall()]
                fetched = time.perf_counter()
            columns = tuple(result.keys())
            answers = [*answers[:1], rows]
            times.append((connected - begun, executed - connected, fetched - executed))
        planning, execution = _own_account(engine, sql)
    except (sqlalchemy.exc.SQLAlchemyError, TypeError) as error:  # a driver's, of an option in the URL
        raise CannotRunLive(str(getattr(error, "orig", None) or error).splitlines()[0]) from error
    runs_of = [tuple(1000 * t for t in layer) for layer in zip(*times[WARM_UP:], strict=True)]
    total = tuple(map(sum, zip(*runs_of, strict=True)))
    connect, execute, fetch = map(statistics.median, runs_of)
    live = Live(total, _layers(connect, execute, fetch, planning, execution))
    return live, Answers(columns, answers[0], answers[-1])


def _layers(
    connect: float, execute: float, fetch: float, planning: float | None, execution: float | None
) -> Mapping[str, float]:
    if execution is None:  # SQLite computes each row as it is fetched; MySQL does not say
        return {"connect": connect, "database": execute + fetch}
    plan = min(planning or 0.0, execute)
    inside = min(execution, execute - plan)
    return {"connect": connect, "plan": plan, "database": inside, "transfer": execute - plan - inside, "fetch": fetch}


def _own_account(engine: sqlalchemy.Engine, sql: str) -> tuple[float | None, float | None]:
    """Milliseconds of planning and execution, as EXPLAIN ANALYZE measures them."""
    dialect = engine.dialect
    if dialect.name == "postgresql":
        ((plan,),) = _fetch(engine, f"explain (analyze, timing off, format json) {sql}")
        return plan[0]["Planning Time"], plan[0]["Execution Time"]
    if dialect.name == "mysql" and getattr(dialect, "is_mariadb", False):
        ((text,),) = _fetch(engine, f"analyze format=json {sql}")
        plan = json.loads(text)
        planning = plan.get("query_optimization", {}).get("r_total_time_ms")
        return planning, plan["query_block"].get("r_total_time_ms")
    return None, None


def _fetch(engine: sqlalchemy.Engine, sql: str) -> Sequence[Sequence[Any]]:
    with engine.connect() as connection:
        return connection.exec_driver_sql(sql, execution_options={"no_parameters": True}).fetchall()
