"""GraphQL over HTTP: a request read strictly, its answer sent with the right status."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.datastructures import QueryParams
from starlette.responses import FileResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from .answer import Request
from .failed import failed, failed_stream
from .kept import VARY
from .reach import reach
from .read import EVENTS, JSON, Headers, headers_of, media_type
from .service import Service

PAGE = Path(__file__).parent / "static" / "graphiql.html"
# The page's own script and style, and nothing from anywhere else.
PAGE_POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:"
# No cache may give it to a client that asks for an answer at the same address.
PAGE_HEADERS = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache", "Vary": VARY.decode()}

# What is asked of an address. Raises Malformed, and GraphQLError for a refusal.
Read = Callable[[Scope, Receive, Headers], Awaitable[Request]]


class Endpoint:
    """One address, as an ASGI application; `read` says what is asked there."""

    def __init__(self, service: Service, read: Read, *, page: bool = False) -> None:
        self.service, self.read, self.page = service, read, page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; whatever goes wrong inside becomes an answer of its own kind."""
        media = JSON
        try:
            headers = headers_of(scope)
            if self.page and _wants_page(scope, headers):
                response: ASGIApp = FileResponse(PAGE, headers=PAGE_HEADERS)
            else:
                media = media_type(headers.accept)
                if headers.x_snapshot_min:
                    await reach(self.service.reader, headers.x_snapshot_min)
                request = await self.read(scope, receive, headers)
                if media == EVENTS:
                    response = await self.service.stream(request, headers)
                else:
                    response = await self.service.respond(request, media, headers)
        except Exception as error:  # noqa: BLE001  the API's edge, one of three places where errors end
            settings = self.service.settings
            response = failed_stream(error, settings) if media == EVENTS else failed(error, media, settings)
        await response(scope, receive, send)


def _wants_page(scope: Scope, headers: Headers) -> bool:
    """A browser that opens the address, rather than a client that asks a question."""
    return (
        scope["method"] in ("GET", "HEAD")
        and "text/html" in headers.accept
        and not {"query", "extensions"} & QueryParams(scope["query_string"]).keys()
    )
