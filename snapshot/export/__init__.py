"""Source tables into the new snapshot: one consistent read of each source, and of each table what changed."""

from .export import Export, export, write
from .table import Change, Wanted

__all__ = ["Change", "Export", "Wanted", "export", "write"]
