"""Arrow batches of a good size: the memory of an export grows neither with a table nor with the width of its rows."""

from __future__ import annotations

from collections.abc import Iterator

import nanoarrow

from ..errors import SourceUnavailable
from .ahead import Part
from .limit import advice
from .stream import StreamError, chunks

# Of a batch: large enough that what each costs does not show. A few are in memory at once.
BYTES = 8 * 2**20


def batches(stream: object, table: str) -> Part:
    """The batches of a table's Arrow stream, joined where they are not half as large as they should; none is empty.

    Raises SourceUnavailable where the stream breaks off.
    """
    gathered: list[nanoarrow.Array] = []
    size = 0
    for chunk in _chunks(stream, table):
        gathered.append(chunk)
        size += bytes_of(chunk)
        if size >= BYTES // 2:
            yield nanoarrow.Array.from_chunks(gathered)
            gathered, size = [], 0
    if any(map(len, gathered)):
        yield nanoarrow.Array.from_chunks(gathered)


def _chunks(stream: object, table: str) -> Iterator[nanoarrow.Array]:
    try:
        yield from chunks(stream)
    except StreamError as error:
        # `[libpq] Failed to execute COPY: ERROR:  canceling statement`: what the database itself said.
        reason = str(error).splitlines()[0].rpartition("ERROR: ")[2].strip()
        raise SourceUnavailable(f"{table} could not be read to the end: {reason}", advice(reason)) from error


def bytes_of(batches: nanoarrow.Array) -> int:
    """What its buffers hold together."""
    return sum(_bytes_of(chunk) for chunk in batches.iter_chunks())


def _bytes_of(chunk: nanoarrow.Array) -> int:
    own = sum(int(buffer.size_bytes) for buffer in chunk.buffers if buffer is not None)
    return own + sum(map(_bytes_of, chunk.iter_children()))
