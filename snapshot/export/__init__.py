"""Source tables into the new snapshot: one consistent read of each source, and of each table what changed."""

from .copying import has_outgrown, in_disorder
from .export import Export, export, write
from .wanted import Change, Wanted

__all__ = ["Change", "Export", "Wanted", "export", "has_outgrown", "in_disorder", "write"]
