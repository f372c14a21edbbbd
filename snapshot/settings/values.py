"""A project's settings, as frozen values.

Secrets never enter: a source's URL is kept as written (`${SHOP_URL}`) and is expanded only by the one who connects.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PACE = re.compile(r"(\d+)\s*(s|m|h|d)")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


WEEK_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class TableSettings:
    """`[sources.X.tables.Y]`: what is exported of one table beyond what the metrics use, and how its changes are found.

    `key` names a row where the source has no primary key. Rows are changed where `changed` is; with `append_only` none
    is, and the key grows. What was written up to `overlap` seconds before the last that was seen is read again.
    `deletes` is `reconcile`, to compare keys where rows are missing, or `soft:<column>`. With `max_source_age` seconds,
    the newest row must not be older.
    """

    columns: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    private: bool = False
    types: Mapping[str, str] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    changed: str = ""
    append_only: bool = False
    deletes: str = "reconcile"
    overlap: int = 600
    max_source_age: int | None = None

    @property
    def incremental(self) -> bool:
        """Whether only what changed is read."""
        return bool(self.changed) or self.append_only

    @property
    def soft(self) -> str:
        """The column that marks a row as deleted; empty where there is none."""
        return self.deletes.removeprefix("soft:") if self.deletes.startswith("soft:") else ""


@dataclass(frozen=True)
class SourceSettings:
    """`[sources.X]`: one database. `url` is as written, with `${NAME}` where the environment comes in.

    `schema` is read where it is not the database's default one; a read is ended after `read_limit` seconds.
    """

    name: str
    url: str = field(repr=False)
    schema: str = ""
    read_limit: int = 600
    tables: Mapping[str, TableSettings] = field(default_factory=dict)


@dataclass(frozen=True)
class SnapshotSettings:
    """`[snapshots]`: where generations live and how many are kept; a build's DuckDB takes at most `memory`.

    The groupings of one metric have at most so many `cells`, rows by columns. A refresh is ended after `time_limit`
    seconds.
    """

    path: str = "snapshots"
    keep: int = 5
    memory: str = "4GB"
    cells: int = 50_000_000
    time_limit: int = 3_600


@dataclass(frozen=True)
class ServerSettings:
    """`[server]`: the API. `deadline` in seconds for one request, `max_rows` for one answer, `max_body` in bytes.

    Answers are kept in `answer_bytes` of memory, and rows of at most `resident_cells` values together. `allow` is `any`
    document, or `trusted` ones.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    deadline: float = 5.0
    max_rows: int = 100_000
    max_body: int = 1_000_000
    max_tokens: int = 2_000
    max_fields: int = 20
    threads: int = 4
    memory: str = "1GB"
    answer_bytes: int = 64_000_000
    resident_cells: int = 2_000_000
    allow: str = "any"


@dataclass(frozen=True)
class Settings:
    """A project: its folder, its name, its pace in seconds, its time zone and weeks, and the tables of the file.

    `on_failure` is the command or the webhook that is told of refreshes that fail.
    """

    root: Path
    name: str
    pace: int = 300
    time_zone: str = "UTC"
    week_start: str = WEEK_DAYS[0]
    on_failure: str = ""
    sources: tuple[SourceSettings, ...] = ()
    snapshots: SnapshotSettings = SnapshotSettings()
    server: ServerSettings = ServerSettings()

    @property
    def directory(self) -> Path:
        """The directory of generations."""
        return (self.root / self.snapshots.path).resolve()


def parse_pace(text: str) -> int:
    """`5m` -> 300 seconds. Raises ValueError for anything but a whole number above zero with s, m, h or d."""
    match = PACE.fullmatch(text.strip())
    if match is None or int(match[1]) == 0:
        raise ValueError(f"'{text}' is not a pace; write a whole number with s, m, h or d, like 30s, 5m or 1h")
    return int(match[1]) * SECONDS[match[2]]
