"""`/livez`: the process answers. `/readyz`: it has a snapshot to answer from."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from snapshot.errors import NoSnapshot
from snapshot.reader import Reader

from .schema import Api


class Health:
    """The two questions of a supervisor."""

    def __init__(self, reader: Reader[Api]) -> None:
        self.reader = reader

    async def live(self, _: Request) -> Response:
        """Always 200 while the event loop turns."""
        return JSONResponse({"status": "ok"})

    async def ready(self, _: Request) -> Response:
        """200 with the generation, or 503 before there is one.

        Staleness does not make it unready: old numbers are numbers.
        """
        status = self.reader.status()
        failure = status.last_failure
        failed = {"at": failure.at.isoformat(), "code": failure.code} if failure else None
        refreshes = {"failures": status.failures, "lastFailure": failed}
        try:
            with self.reader.lease() as generation:
                info = generation.catalog.snapshot
        except NoSnapshot:
            return JSONResponse({"status": "no snapshot yet", **refreshes}, 503, {"Retry-After": "5"})
        stale_after = status.renewed(info.number, info.as_of, info.stale_after)[1]
        stale = datetime.now(UTC) > stale_after
        body = {
            "status": "stale" if stale else "ok",
            "snapshot": info.id,
            "asOf": info.as_of.isoformat(),
            **refreshes,
        }
        return JSONResponse(body)
