"""`metrics/*.sql` read strictly: grouped metric or plain table, dimensions, measures and how they roll up."""

from .bind import create_tables
from .definition import Base, Definition
from .metric import digest
from .project import Project, read_project

__all__ = ["Base", "Definition", "Project", "create_tables", "digest", "read_project"]
