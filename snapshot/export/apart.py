"""What rows take in a file of their own."""

from __future__ import annotations

from .. import connect
from ..connect import bounded
from ..staging import Staging
from ..stored import Stored, measure
from .rows import JOINING

# To see what many rows take, about so many bytes of them are written.
SAMPLE = 8 * 2**20
_ROWS = "apart.main.rows"


def apart(staging: Staging, rows: str) -> Stored:
    """What the rows of a SELECT take, written at once to a file that is removed then."""
    file = staging.folder / "apart.duckdb"
    connect.attach(staging.connection, "apart", file)
    try:
        with bounded(staging.connection, JOINING):
            staging.connection.execute(f"create table {_ROWS} as {rows}")
            staging.connection.execute("checkpoint apart")
        return measure(staging.connection, _ROWS)
    finally:
        staging.connection.execute("detach apart")
        file.unlink()
