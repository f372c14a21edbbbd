"""What happened, as data. Logs, progress bars and counters are observers that each decide what of it they show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# The way of one refresh. Up to `pointer made` the old generation is current, from `pointer flipped` on the new one.
STEPS = (
    "locked",
    "cleaned",
    "staged",
    "exported",
    "aggregated",
    "checked",
    "checkpointed",
    "closed",
    "verified",
    "file synced",
    "file renamed",
    "directory synced",
    "pointer made",
    "pointer flipped",
    "pointer synced",
    "older removed",
)


@dataclass(frozen=True)
class StepReached:
    """A refresh has come so far; `STEPS` has the names in their order.

    A copy that came out too large is `outgrown` after it is checkpointed, and written from nothing before it is closed.
    """

    step: str


@dataclass(frozen=True)
class TableAltered:
    """A source has a table otherwise than before; what of it is otherwise, and what follows from that."""

    table: str
    what: str


@dataclass(frozen=True)
class RowsRead:
    """So far a source table has come, of which so many rows are expected; 0 where nobody knows."""

    table: str
    rows: int
    expected: int
    seconds: float


@dataclass(frozen=True)
class TableExported:
    """A source table is in the staging file. Seconds are wall time."""

    table: str
    rows: int
    seconds: float
    position: int
    total: int


@dataclass(frozen=True)
class MetricComputed:
    """A metric's table and roll-ups are in the staging file, or were carried over from the last generation."""

    metric: str
    rows: int
    seconds: float
    carried: bool
    position: int
    total: int


@dataclass(frozen=True)
class Published:
    """A generation became current."""

    number: int
    id: str
    bytes: int
    seconds: float


@dataclass(frozen=True)
class Unchanged:
    """A refresh found nothing new: the generation that is current is as of now."""

    number: int
    id: str
    seconds: float


@dataclass(frozen=True)
class PaceMissed:
    """A refresh took longer than the pace of what it refreshed, both in seconds."""

    pace: int
    seconds: float


@dataclass(frozen=True)
class RefreshFailed:
    """A refresh ended without publishing; the old snapshot keeps serving. `next_try` is seconds from now."""

    code: str
    message: str
    next_try: float


@dataclass(frozen=True)
class Repaired:
    """The store put something right that an earlier crash had left behind."""

    what: str


@dataclass(frozen=True)
class Flipped:
    """A reader moved to another generation; requests that began before finish on the old one."""

    number: int
    id: str
    seconds: float


@dataclass(frozen=True)
class FollowFailed:
    """A reader could not move to the generation that is current; it keeps serving the one it has."""

    code: str
    message: str


Event = (
    StepReached
    | TableAltered
    | RowsRead
    | TableExported
    | MetricComputed
    | Published
    | Unchanged
    | PaceMissed
    | RefreshFailed
    | Repaired
    | Flipped
    | FollowFailed
)
Observer = Callable[[Event], None]


def nobody(event: Event) -> None:
    """The observer that is not interested."""
