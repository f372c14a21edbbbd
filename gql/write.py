"""An answer -> HTTP: its headers, its form, or word that the client has it already."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from graphql import ExecutionResult
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from . import errors
from .kept import VARY, Kept
from .read import RESPONSE_JSON

NOT_KEPT = b"no-store"
NOT_KEPT_HEADERS = {"Cache-Control": NOT_KEPT.decode(), "Vary": VARY.decode()}


class Written:
    """An answer as an ASGI application; `known` are the tags that the client has."""

    __slots__ = ("cache_control", "kept", "known", "timing")

    def __init__(self, kept: Kept, known: str, cache_control: bytes, timing: bytes) -> None:
        self.kept, self.known, self.cache_control, self.timing = kept, known, cache_control, timing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, or 304 without a body."""
        kept, status = self.kept, self.kept.status
        headers, body = kept.body_headers, kept.body
        if self.known and kept.lasting and scope["method"] != "POST" and is_known(kept.etag, self.known):
            status, headers, body = 304, kept.headers, b""
        headers = (*headers, (b"cache-control", self.cache_control), (b"server-timing", self.timing))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def is_known(etag: str, known: str) -> bool:
    """Whether `If-None-Match` names a tag, weak ones compared as equal, or any there is."""
    plain = etag.removeprefix("W/")
    if known in (etag, "*"):
        return True
    return any(tag.strip().removeprefix("W/") == plain for tag in known.split(","))


def body_of(result: ExecutionResult, media: str) -> tuple[int, bytes]:
    """The status and the body of a result.

    Without `data` it is a request error, which the newer media type says by its status.
    """
    body: dict[str, object] = {}
    status = 200
    if result.errors:
        body["errors"] = errors.formatted(result)
    if result.data is not None or not result.errors:
        body["data"] = result.data
        if result.extensions:
            body["extensions"] = result.extensions
    elif media == RESPONSE_JSON:
        status = 400
    return status, orjson.dumps(body)


def refused(media: str, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """The answer to a request that has no result."""
    body = orjson.dumps({"errors": [{"message": message, "extensions": {"code": code}}]})
    return Response(body, status, {**NOT_KEPT_HEADERS, **(headers or {})}, media_type=f"{media}; charset=utf-8")
