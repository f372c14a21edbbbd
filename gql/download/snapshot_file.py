"""`/snapshot`: the file of the current generation, all of it or some ranges of its bytes."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from snapshot.errors import Damaged
from snapshot.reader import OpenGeneration, Reader, SnapshotFile

from ..limits import Places
from ..schema import Api
from ..write import is_known
from .http import VARY, RawHeaders, disposition, send_all, send_empty
from .ranges import Span, ranges_of

# So many clients may download the file at once.
MAX_COPIES = 8
CHUNK_BYTES = 256 * 1024
MEDIA = b"application/octet-stream"


class SnapshotCopies:
    """The generation stays open until its copy is made, however often the pointer moves on meanwhile."""

    def __init__(self, reader: Reader[Api]) -> None:
        self._reader = reader
        self._places = Places(MAX_COPIES)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, or what is asked of it. Raises NoSnapshot and Overloaded."""
        asked = Headers(scope=scope)
        with self._reader.lease() as generation:
            headers, etag, size = _headers(generation), f'"{generation.checksum}"', generation.file.size
            if is_known(etag, asked.get("if-none-match", "").strip()):
                return await send_empty(send, 304, headers)
            whole = scope["method"] == "HEAD" or asked.get("if-range", etag).strip() != etag
            spans = None if whole else ranges_of(asked.get("range", ""), size)
            if spans == []:
                return await send_empty(send, 416, [*headers, (b"content-range", f"bytes */{size}".encode())])
            status, more, parts = _parts(spans, size)
            length = (b"content-length", b"%d" % sum(len(head) + span.end - span.start for head, span in parts))
            headers = [*headers, *more, disposition(generation.generation.path.name), length]
            if scope["method"] == "HEAD":
                return await send_empty(send, status, headers)
            with self._places.taken():
                await send({"type": "http.response.start", "status": status, "headers": headers})
                await send_all(_read(generation.file, parts), receive, send)
        return None


def _headers(generation: OpenGeneration[Api]) -> RawHeaders:
    """Those of every answer. The next generation has the same address, so caches are to ask each time."""
    return [
        (b"etag", f'"{generation.checksum}"'.encode()),
        (b"x-snapshot-id", generation.generation.id.encode()),
        (b"cache-control", b"no-cache"),
        (b"accept-ranges", b"bytes"),
        VARY,
    ]


def _parts(spans: Sequence[Span] | None, size: int) -> tuple[int, RawHeaders, list[tuple[bytes, Span]]]:
    """The status, its headers, and what is sent: bytes of ours, each followed by some of the file."""
    if spans is None:
        return 200, [(b"content-type", MEDIA)], [(b"", Span(0, size))]
    if len(spans) == 1:
        within = spans[0].within(size).encode()
        return 206, [(b"content-type", MEDIA), (b"content-range", within)], [(b"", spans[0])]
    boundary = secrets.token_hex(16).encode()
    parts = [
        (
            b"\r\n--%s\r\nContent-Type: %s\r\nContent-Range: %s\r\n\r\n"
            % (boundary, MEDIA, span.within(size).encode()),
            span,
        )
        for span in spans
    ]
    end = (b"\r\n--%s--\r\n" % boundary, Span(0, 0))
    return 206, [(b"content-type", b"multipart/byteranges; boundary=" + boundary)], [*parts, end]


async def _read(file: SnapshotFile, parts: Sequence[tuple[bytes, Span]]) -> AsyncIterator[bytes]:
    for head, (offset, end) in parts:
        if head:
            yield head
        while offset < end:
            chunk = await asyncio.to_thread(file.read, offset, min(CHUNK_BYTES, end - offset))
            if not chunk:
                raise Damaged("the file is shorter than it was")
            offset += len(chunk)
            yield chunk
