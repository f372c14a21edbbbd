"""What is wanted of a table, and what a read of it came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..catalog import TableState
from ..settings import TableSettings
from ..source import TableShape
from ..staging import Table

Mode = Literal["full", "delta", "unchanged", "carried over"]


@dataclass(frozen=True)
class Wanted:
    """A table of the project: its shape, what the toml says of it, and a name for both and where it is read from.

    `state` is how the last generation left it; None where there is nothing to go on from. Only where it is `due` is it
    read. `declared` names the types that the source gives its columns, once it was asked. `feeds` are the metrics that
    are due and read it.
    """

    table: Table
    shape: TableShape
    settings: TableSettings
    definition: str
    state: TableState | None
    due: bool
    feeds: frozenset[str] = frozenset()
    declared: str = ""

    @property
    def is_placed(self) -> bool:
        """Whether its rows can be found by their places, as which none of its columns is called."""
        return all(name.lower() != "rowid" for name in self.shape.columns)


@dataclass(frozen=True)
class Change:
    """What a read did to a table, and how it left it; `whole` where all of it was read, and is in the new file.

    `marked` where the next look can begin at another mark of the source's than before.
    """

    mode: Mode
    state: TableState
    whole: bool = False
    read: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    bytes: int = 0
    marked: bool = False
