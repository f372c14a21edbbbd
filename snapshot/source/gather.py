"""Rows as a driver gives them -> Arrow batches of texts and bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import nanoarrow

from ..errors import SourceValueError
from .batches import BYTES
from .shape import TableShape

# Of a batch: memory does not grow with the table, nor with its rows.
BATCH_ROWS, BATCH_BYTES = 20_000, BYTES

Rows = Sequence[Sequence[Any]]


def gathered(parts: Iterable[Rows]) -> Iterator[Rows]:
    """Rows that come a few at a time, by batches."""
    batch: list[Sequence[Any]] = []
    size = 0
    for part in parts:
        batch += part
        size += sum(len(value) for row in part for value in row if isinstance(value, str | bytes))
        if len(batch) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def batch_of(rows: Rows, shape: TableShape, table: str) -> nanoarrow.Array:
    """A batch of rows: texts, and bytes where the type is bytes. Raises SourceValueError for bytes that are no text."""
    columns, fields = [], {"_pacelayer_row": nanoarrow.int8()}
    for (name, column), values in zip(shape.columns.items(), zip(*rows, strict=True), strict=True):
        binary = column.type == "BLOB"
        as_it_is, convert = ((bytes, type(None)), _bytes) if binary else ((str, type(None)), _text)
        fields[name] = nanoarrow.binary() if binary else nanoarrow.string()
        try:
            sent = [value if isinstance(value, as_it_is) else convert(value) for value in values]
        except UnicodeDecodeError as error:
            what = f"{table}.{name}: the value {error.object[:40]!r} does not fit {column.type}"
            raise SourceValueError(what) from error
        columns.append(nanoarrow.c_array(sent, fields[name]))
    ones = nanoarrow.c_array([1] * len(rows), nanoarrow.int8())
    batch = nanoarrow.c_array_from_buffers(nanoarrow.struct(fields), len(rows), [None], children=[ones, *columns])
    return nanoarrow.Array(batch)


def _bytes(value: Any) -> bytes:
    return _text(value).encode()


def _text(value: Any) -> str:
    """Python's exact value as a text that gives it again."""
    if isinstance(value, bytes):
        return value.decode()
    return value.isoformat(sep=" ") if isinstance(value, datetime) else str(value)
