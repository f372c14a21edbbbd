"""The GraphQL types that every schema has: what a snapshot says of itself, and what moves with the clock."""

from __future__ import annotations

import enum
from datetime import datetime

import strawberry

from snapshot.catalog import Catalog, Metric
from snapshot.reader import Generation, Status

from .scalars import BigInt, DateTime


@strawberry.type(name="Source", description="One source database, as of this snapshot.")
class SourceType:
    """`pacelayer.sources`."""

    name: str
    as_of: DateTime = strawberry.field(description="Its clock when the one consistent read began.")
    tables: int
    rows: BigInt


@strawberry.type(name="Snapshot", description="The constants of the generation that this answer is from.")
class SnapshotType:
    """`pacelayer.snapshot`."""

    id: str = strawberry.field(description="The file's name, unique for ever.")
    number: BigInt = strawberry.field(description="Grows by one with each generation.")
    as_of: DateTime = strawberry.field(description="The moment that the data is of: the earliest of its sources'.")
    built_at: DateTime = strawberry.field(description="When this generation was built.")
    stale_after: DateTime = strawberry.field(description="From then on a newer generation is overdue.")
    pace: int = strawberry.field(description="Seconds between two refreshes.")
    project: str
    time_zone: str
    sources: list[SourceType]


@strawberry.type(name="SnapshotPublished", description="Another generation is current.")
class SnapshotPublishedType:
    """What `snapshotPublished` tells."""

    snapshot: SnapshotType = strawberry.field(description="The generation.")
    changed_metrics: list[str] = strawberry.field(
        description="The fields of Query whose answers may be others than in the generation that you were told of last."
    )


@strawberry.enum(description="Whether the data is as new as the pace promises.")
class Freshness(enum.Enum):
    """Compared by the clock of this server."""

    FRESH = "FRESH"
    STALE = "STALE"


@strawberry.type(name="Failure", description="The last refresh that did not succeed.")
class FailureType:
    """From `status.json`; the message stays with the operators."""

    at: DateTime
    code: str


@strawberry.type(name="Generation", description="A generation that is kept.")
class GenerationType:
    """A file of the directory."""

    id: str
    number: BigInt
    current: bool


@strawberry.type(name="Status", description="What moves with the clock; never part of a cached answer.")
class StatusType:
    """From `status.json` and the clock."""

    age: float = strawberry.field(
        description="Seconds since the moment that the data is of: asOf, or a later one at which nothing had changed."
    )
    freshness: Freshness
    last_run: DateTime | None = strawberry.field(description="When the last refresh began.")
    last_success: DateTime | None = strawberry.field(description="When the last refresh that succeeded began.")
    next_expected_at: DateTime | None = strawberry.field(description="When the next refresh is meant to begin.")
    failures: int = strawberry.field(description="Refreshes that failed since the last success.")
    last_failure: FailureType | None
    generations: list[GenerationType]


@strawberry.type(name="Column", description="A column of a metric, and a field of its rows.")
class ColumnType:
    """`pacelayer.columns`."""

    name: str = strawberry.field(description="Its name in SQL.")
    field: str = strawberry.field(description="Its name in GraphQL.")
    type: str = strawberry.field(description="Its type in SQL.")
    nullable: bool
    role: str = strawberry.field(
        description="dimension, grain (a coarser unit of the time dimension), measure or column."
    )
    description: str
    unit: str
    deprecated: str = strawberry.field(description="The reason, where it is deprecated.")
    rollup: str = strawberry.field(description="How a measure rolls up: additive, decomposed, holistic or derived.")
    lineage: list[str] = strawberry.field(description="The source columns that feed it.")


@strawberry.type(name="Grain", description="A stored grouping of a metric, read without any aggregation.")
class GrainType:
    """`pacelayer.grains`."""

    by: list[str]
    rows: BigInt


@strawberry.type(name="Metric", description="One SELECT of the project: a table of the snapshot and a field of Query.")
class MetricType:
    """`pacelayer.metrics`."""

    name: str
    field: str
    description: str
    grouped: bool = strawberry.field(description="Whether it can be grouped anew; a plain table has its own rows only.")
    why: str = strawberry.field(description="What of the SELECT decided that.")
    sql: str
    pace: int
    computed_at: DateTime
    time: str | None = strawberry.field(description="The time dimension.")
    keys: list[str]
    columns: list[ColumnType]
    grains: list[GrainType]


@strawberry.type(name="PageInfo", description="Where a page stands among all rows.")
class PageInfo:
    """Of `first`, `after` and `offset`."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None = strawberry.field(description="Behind the first row.")
    end_cursor: str | None = strawberry.field(description="Behind the last row: the next page's 'after'.")


def snapshot_of(catalog: Catalog) -> SnapshotType:
    """The constants of a generation as GraphQL shows them."""
    info = catalog.snapshot
    return SnapshotType(
        id=info.id,
        number=BigInt(info.number),
        as_of=DateTime(info.as_of),
        built_at=DateTime(info.built_at),
        stale_after=DateTime(info.stale_after),
        pace=info.pace,
        project=info.project,
        time_zone=info.time_zone,
        sources=[
            SourceType(name=s.name, as_of=DateTime(s.as_of), tables=s.tables, rows=BigInt(s.rows))
            for s in catalog.sources
        ],
    )


def metric_of(metric: Metric) -> MetricType:
    """A metric as GraphQL shows it."""
    columns = [
        ColumnType(
            name=c.name,
            field=c.field,
            type=c.type,
            nullable=c.nullable,
            role=c.role,
            description=c.description,
            unit=c.unit,
            deprecated=c.deprecated,
            rollup=c.rollup,
            lineage=list(c.lineage),
        )
        for c in metric.columns
    ]
    return MetricType(
        name=metric.name,
        field=metric.field,
        description=metric.description,
        grouped=metric.grouped,
        why=metric.why,
        sql=metric.sql,
        pace=metric.pace,
        computed_at=DateTime(metric.computed_at),
        time=metric.time or None,
        keys=list(metric.keys),
        columns=columns,
        grains=[
            GrainType(by=list(by), rows=BigInt(rows)) for by, rows in {g.by: g.rows for g in metric.grains}.items()
        ],
    )


def status_of(catalog: Catalog, status: Status, generations: list[Generation], now: datetime) -> StatusType:
    """What moves with the clock. An age is never negative, whatever the clocks say."""
    info, failure = catalog.snapshot, status.last_failure
    as_of, stale_after = status.renewed(info.number, info.as_of, info.stale_after)
    return StatusType(
        age=max(0.0, (now - as_of).total_seconds()),
        freshness=Freshness.STALE if now > stale_after else Freshness.FRESH,
        last_run=DateTime(status.last_run) if status.last_run else None,
        last_success=DateTime(status.last_success) if status.last_success else None,
        next_expected_at=DateTime(status.next_run) if status.next_run else None,
        failures=status.failures,
        last_failure=FailureType(at=DateTime(failure.at), code=failure.code) if failure else None,
        generations=[
            GenerationType(id=g.id, number=BigInt(g.number), current=g.number == info.number) for g in generations
        ],
    )
