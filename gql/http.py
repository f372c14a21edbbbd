"""GraphQL over HTTP: a request read strictly, its answer sent with the right status."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

from graphql import ExecutionResult, GraphQLError
from starlette.datastructures import QueryParams
from starlette.responses import FileResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from snapshot.errors import DeadlineExceeded, NoSnapshot
from snapshot.settings import ServerSettings

from . import errors
from .answer import NotByGet, Request
from .kept import VARY
from .limits import Overloaded
from .read import JSON, RESPONSE_JSON, Headers, Malformed, headers_of, media_type
from .service import Service
from .write import NOT_KEPT_HEADERS, body_of, refused

log = logging.getLogger("pacelayer.gql")

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
                request = await self.read(scope, receive, headers)
                response = await self.service.respond(request, media, headers)
        except Exception as error:  # noqa: BLE001  the API's edge, one of three places where errors end
            response = failed(error, media, self.service.settings)
        await response(scope, receive, send)


def failed(error: Exception, media: str, settings: ServerSettings) -> Response:
    """The answer to a request that has no result. What nobody foresaw goes to the log, its number to the client."""
    match error:
        case GraphQLError():
            status, body = body_of(ExecutionResult(None, [error]), media)
            return Response(body, status, NOT_KEPT_HEADERS, f"{media}; charset=utf-8")
        case Malformed():
            return refused(media, error.status, errors.MALFORMED, error.message, error.headers)
        case NotByGet():
            return refused(media, 405, errors.MALFORMED, "only queries may be sent by GET", {"Allow": "POST"})
        case NoSnapshot():
            message = "no snapshot has been published yet; try again soon"
            return refused(media, 503, errors.NO_SNAPSHOT, message, {"Retry-After": "5"})
        case Overloaded():
            message = "too many requests at once; try again soon"
            return refused(media, 503, errors.OVERLOADED, message, {"Retry-After": "1"})
        case DeadlineExceeded():
            message = f"the answer took longer than {settings.deadline:g} s; ask for less"
            return refused(media, 400 if media == RESPONSE_JSON else 200, errors.TIMEOUT, message)
    number = uuid.uuid4().hex[:12]
    log.error("request %s failed", number, exc_info=error)
    return refused(media, 500, errors.INTERNAL, f"something went wrong; the log knows it as {number}")


def _wants_page(scope: Scope, headers: Headers) -> bool:
    """A browser that opens the address, rather than a client that asks a question."""
    return (
        scope["method"] in ("GET", "HEAD")
        and "text/html" in headers.accept
        and not {"query", "extensions"} & QueryParams(scope["query_string"]).keys()
    )
