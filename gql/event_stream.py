"""Server-sent events as the graphql-sse protocol has them: results as `next`, and `complete` behind the last one."""

from __future__ import annotations

from starlette.types import Receive, Scope, Send

HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would wait for more
]
# A comment, which nobody sees; proxies keep open what says something now and then.
HEARTBEAT = b":\n\n"
COMPLETE = b"event: complete\ndata:\n\n"


def next_event(result: bytes, event_id: str = "") -> bytes:
    """A result, which is JSON. The browser names the id of the last one when it comes again."""
    lines = b"".join(b"data: %s\n" % line for line in result.splitlines())
    return b"%sevent: next\n%s\n" % (_id_line(event_id), lines)


def known(event_id: str) -> bytes:
    """No event, but what is to be named as the last one from now on."""
    return _id_line(event_id) + b"\n"


def _id_line(event_id: str) -> bytes:
    return b"id: %s\n" % event_id.encode() if event_id else b""


class OneResult:
    """The stream of what has one result, as an ASGI application: a query, or a request that is refused.

    `generation` is the id of the one that the result is of; empty where it is of none.
    """

    def __init__(self, result: bytes, generation: str = "") -> None:
        self._result = result
        self._headers = [*HEADERS, (b"x-snapshot-id", generation.encode())] if generation else HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        await send({"type": "http.response.body", "body": next_event(self._result) + COMPLETE})
