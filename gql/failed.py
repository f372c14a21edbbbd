"""What a client is told of a request that has no result."""

from __future__ import annotations

import logging
import uuid

from graphql import ExecutionResult, GraphQLError
from starlette.responses import Response
from starlette.types import ASGIApp

from snapshot.errors import DeadlineExceeded, NoSnapshot
from snapshot.settings import ServerSettings

from . import errors
from .answer import NotByGet
from .event_stream import OneResult
from .limits import Overloaded
from .reach import Behind
from .read import JSON, RESPONSE_JSON, Malformed
from .write import NOT_KEPT_HEADERS, body_of, refused

log = logging.getLogger("pacelayer.gql")


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
        case Behind():
            return refused(media, 503, errors.NO_SNAPSHOT, str(error), {"Retry-After": "1"})
        case Overloaded():
            message = "too many requests at once; try again soon"
            return refused(media, 503, errors.OVERLOADED, message, {"Retry-After": "1"})
        case DeadlineExceeded():
            message = f"the answer took longer than {settings.deadline:g} s; ask for less"
            return refused(media, 400 if media == RESPONSE_JSON else 200, errors.TIMEOUT, message)
    number = uuid.uuid4().hex[:12]
    log.error("request %s failed", number, exc_info=error)
    return refused(media, 500, errors.INTERNAL, f"something went wrong; the log knows it as {number}")


def failed_stream(error: Exception, settings: ServerSettings) -> ASGIApp:
    """What a client of events is told: why its document is refused in an event, for it sees nothing of other bodies."""
    response = failed(error, JSON, settings)
    return OneResult(bytes(response.body)) if response.status_code == 200 else response  # noqa: PLR2004  all is well
