"""What all downloads are: GET and HEAD, errors as JSON, a name for the file, and an end for who does not read on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import quote

from starlette.types import Receive, Scope, Send

from ..connection import while_connected
from ..failed import failed
from ..reach import reach
from ..read import JSON, RESPONSE_JSON, Malformed, headers_of
from ..service import Service

log = logging.getLogger("pacelayer.gql")

METHODS = ("GET", "HEAD")
# A client that takes nothing for so long is let go, for its place is somebody else's.
STALL_SECONDS = 60.0

# What of a request decides which generation's file is sent.
VARY = (b"vary", b"X-Snapshot-Min")

RawHeaders = list[tuple[bytes, bytes]]
# Answers a request, or raises before it has begun to answer.
Answer = Callable[[Scope, Receive, Send], Awaitable[None]]


class Download:
    """The address of a download, as an ASGI application."""

    def __init__(self, service: Service, answer: Answer) -> None:
        self.service, self.answer = service, answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; what cannot be answered is JSON with a code, whatever the file would have been."""
        try:
            if scope["method"] not in METHODS:
                raise Malformed(405, "download by GET", Allow=", ".join(METHODS))
            if least := headers_of(scope).x_snapshot_min:
                await reach(self.service.reader, least)
            await self.answer(scope, receive, send)
        except Exception as error:  # noqa: BLE001  the API's edge, one of three places where errors end
            response = failed(error, RESPONSE_JSON, self.service.settings)
            response.headers["content-type"] = f"{JSON}; charset=utf-8"
            await response(scope, receive, send)
        except asyncio.CancelledError:
            log.warning("a download breaks off, for the server stops")


def disposition(name: str) -> tuple[bytes, bytes]:
    """The header by which a client saves the file under that name."""
    plain = quote(name)
    words = f'filename="{name}"' if plain == name else f"filename*=utf-8''{plain}"
    return b"content-disposition", f"attachment; {words}".encode()


async def send_empty(send: Send, status: int, headers: RawHeaders) -> None:
    """An answer without a body."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def send_all(chunks: AsyncIterator[bytes], receive: Receive, send: Send) -> None:
    """The body, whose headers are sent already.

    Whatever goes wrong, the client sees a body that breaks off, and never one that looks whole.
    """

    async def copy() -> None:
        async for chunk in chunks:
            async with asyncio.timeout(STALL_SECONDS):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    try:
        await while_connected(receive, copy())
    except Exception as error:  # noqa: BLE001  the API's edge: what was sent cannot be taken back
        log.error("a download breaks off: %s: %s", type(error).__name__, error)
