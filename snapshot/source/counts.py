"""What one look at all rows of a table tells."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """How many rows there are, how many of them are among others, and the exact sum of a column of whole numbers.

    `within` is the condition on the part of the table that those others lie in, as far as the source can tell.
    """

    rows: int
    among: int
    total: int
    within: str = "1 = 1"
