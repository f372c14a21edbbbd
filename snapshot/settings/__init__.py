"""`pacelayer.toml` as frozen values; every problem with its place, all of them at once."""

from .places import FILE_NAME, problem
from .read import RESERVED_SCHEMAS, load, read
from .values import (
    WEEK_DAYS,
    ServerSettings,
    Settings,
    SnapshotSettings,
    SourceSettings,
    TableSettings,
    parse_pace,
)

__all__ = [
    "FILE_NAME",
    "RESERVED_SCHEMAS",
    "WEEK_DAYS",
    "ServerSettings",
    "Settings",
    "SnapshotSettings",
    "SourceSettings",
    "TableSettings",
    "load",
    "parse_pace",
    "problem",
    "read",
]
