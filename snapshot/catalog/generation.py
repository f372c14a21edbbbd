"""A generation as both processes know it: its constants, its sources and tables, and what its build did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .metric import Metric


@dataclass(frozen=True)
class SnapshotInfo:
    """The constants of one generation.

    `as_of` is the earliest of its sources'; `stale_after` when the next is overdue.
    """

    number: int
    id: str
    format: int
    project: str
    as_of: datetime
    built_at: datetime
    stale_after: datetime
    pace: int
    time_zone: str
    definition_hash: str
    tool: str


@dataclass(frozen=True)
class SourceInfo:
    """One source as of this generation."""

    name: str
    as_of: datetime
    tables: int
    rows: int


@dataclass(frozen=True)
class TableState:
    """A source's table in this generation: the moment it is of, and what its next read goes on from.

    `definition` names what was exported of it and where from, `horizon` is the source's own mark of how far it was
    read, `content` changes whenever its rows do, `declared` names the types that the source gave its columns.

    The source has its rows in the order of the columns `ordered_by`; of none where in another. Each column should take
    about `row_bytes` for a row. In the order of the columns it `follows`, which most rows are in, each took
    `sorted_bytes` when that was last seen; so many rows have `changed` since. They are empty where it was not.
    """

    source: str
    name: str
    definition: str
    as_of: datetime
    rows: int
    horizon: str
    content: str
    declared: str
    ordered_by: tuple[str, ...] = ()
    row_bytes: tuple[float, ...] = ()
    follows: tuple[str, ...] = ()
    sorted_bytes: tuple[float, ...] = ()
    changed: int = 0

    @property
    def keeps_places(self) -> bool:
        """Whether a row stays where it is in the source when it changes, and that is not by its key."""
        return not (self.horizon or self.ordered_by)

    @property
    def table(self) -> tuple[str, str]:
        """Its source's name and its own."""
        return self.source, self.name


@dataclass(frozen=True)
class Pending:
    """What changed beneath a metric since it was computed: these periods of its time dimension, or everything."""

    metric: str
    everything: bool
    periods: tuple[str | None, ...]


@dataclass(frozen=True)
class BuildRecord:
    """What a refresh did to one table or metric: `mode` is full, delta, carried over or unchanged.

    `rows` are those it has now; `read` came over the wire in so many `bytes`. `content` changes whenever the rows do,
    floats rounded.
    """

    number: int
    kind: str
    name: str
    mode: str
    rows: int
    seconds: float
    read: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    bytes: int = 0
    content: str = ""


@dataclass(frozen=True)
class CheckRecord:
    """One thing that was looked at before publication, and held."""

    subject: str
    rule: str


@dataclass(frozen=True)
class Catalog:
    """All of it."""

    snapshot: SnapshotInfo
    sources: tuple[SourceInfo, ...]
    metrics: tuple[Metric, ...]
    builds: tuple[BuildRecord, ...] = ()
    checks: tuple[CheckRecord, ...] = ()
    tables: tuple[TableState, ...] = ()
    pending: tuple[Pending, ...] = ()
