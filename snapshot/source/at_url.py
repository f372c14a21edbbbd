"""What all sources have in common that are named by a URL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy

from ..errors import SourceUnavailable
from ..settings import SourceSettings
from .limit import advice


@dataclass(frozen=True)
class SourceAtUrl:
    """The database at `url`; what the project says of it."""

    settings: SourceSettings
    url: sqlalchemy.URL = field(repr=False)

    @property
    def name(self) -> str:
        """The schema of its tables in the snapshot."""
        return self.settings.name

    @property
    def place(self) -> str:
        """The URL without its password."""
        return self.url.set(password=None).render_as_string()

    def unavailable(self, error: Exception) -> SourceUnavailable:
        """An error of its driver, in our words."""
        # The driver's own words: SQLAlchemy adds the statement, which says nothing to whoever reads this.
        reason = self.reason(str(getattr(error, "orig", None) or error).splitlines())
        return SourceUnavailable(f"source '{self.name}' cannot be read: {reason}", advice(reason))

    def reason(self, lines: Sequence[str]) -> str:
        """What of a driver's message says why."""
        return lines[0]
