"""What a snapshot says of itself: written by the build into the schema `pacelayer`, read by everyone."""

from .generation import BuildRecord, Catalog, CheckRecord, Pending, SnapshotInfo, SourceInfo, TableState
from .metric import COARSER, MAX_SAFE_INTEGER, Column, Component, Grain, Metric, Role, Rollup
from .names import field_name, literal, quote
from .served import SERVED_TYPES, is_key, is_nested, is_served, served_type
from .tables import FORMAT, read, write

__all__ = [
    "COARSER",
    "FORMAT",
    "MAX_SAFE_INTEGER",
    "SERVED_TYPES",
    "BuildRecord",
    "Catalog",
    "CheckRecord",
    "Column",
    "Component",
    "Grain",
    "Metric",
    "Pending",
    "Role",
    "Rollup",
    "SnapshotInfo",
    "SourceInfo",
    "TableState",
    "field_name",
    "is_key",
    "is_nested",
    "is_served",
    "literal",
    "quote",
    "read",
    "served_type",
    "write",
]
