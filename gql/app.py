"""The one composition of the API: `uvicorn --factory gql.app:create_app`."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from snapshot.events import Event, Flipped, FollowFailed
from snapshot.reader import Reader, Resources
from snapshot.settings import Settings, load

from .health import Health
from .http import Endpoint
from .limits import Workers
from .schema import build

log = logging.getLogger("pacelayer.gql")

STATIC = Path(__file__).parent / "static"


def create_app(settings: Settings | None = None) -> Starlette:
    """The ASGI application of a project; without settings, of that in $PACELAYER_PROJECT or the working directory."""
    settings = settings or load(Path(os.environ.get("PACELAYER_PROJECT", ".")))
    server = settings.server
    # DuckDB shares its threads among the queries of a process; one each for the requests that are worked on is enough.
    reader = Reader(settings.directory, Resources(server.threads, server.memory), build, _log)
    workers = Workers(server.threads)
    health = Health(reader)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        reader.start()
        yield
        workers.stop()
        reader.stop()

    routes = [
        Route("/graphql", Endpoint(reader, workers, server).respond, methods=["GET", "POST"]),
        Route("/livez", health.live),
        Route("/readyz", health.ready),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def _log(event: Event) -> None:
    if isinstance(event, Flipped):
        log.info("serving %s, opened in %.0f ms", event.id, event.seconds * 1000)
        # What a generation brings along lives until the next: the collector need not look at it with every request.
        gc.unfreeze()  # the generation that was left was frozen at its own flip, and is to go now
        gc.collect()
        gc.freeze()
    elif isinstance(event, FollowFailed):
        log.error("keeping the open snapshot: %s (%s)", event.message, event.code)
