"""The one composition of the API: `uvicorn --factory gql.app:create_app`."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from snapshot.events import Event, Flipped, FollowFailed
from snapshot.settings import Settings, load

from .download.http import Download
from .download.snapshot_file import SnapshotCopies
from .download.table_file import TableFiles
from .health import Health
from .http import Endpoint
from .live import STOP
from .service import Service

log = logging.getLogger("pacelayer.gql")

STATIC = Path(__file__).parent / "static"
OPERATIONS = "/api/"


def create_app(settings: Settings | None = None) -> Starlette:
    """The ASGI application of a project; without settings, of that in $PACELAYER_PROJECT or the working directory."""
    settings = settings or load(Path(os.environ.get("PACELAYER_PROJECT", ".")))
    service = Service(settings, _log)
    health, tables = Health(service.reader), TableFiles(service)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, Callable[[], None]]]:
        service.reader.start()
        yield {STOP: service.live.stop}
        tables.stop()
        service.workers.stop()
        service.reader.stop()

    graphql = Endpoint(service, service.read_graphql, page=settings.server.allow == "any")
    operation = Endpoint(service, service.read_operation)
    routes = [
        Route("/graphql", graphql),
        Route(f"{OPERATIONS}{{path:path}}", operation),
        Route("/livez", health.live),
        Route("/readyz", health.ready),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    if settings.server.allow == "any":  # a file has more in it than any document that is trusted asks for
        routes.append(Route("/snapshot", Download(service, SnapshotCopies(service.reader).answer)))
        routes.append(Route("/table/{file}", Download(service, tables.answer)))
    app = _App(routes=routes, lifespan=lifespan)
    # A redirect would name the host that the client says it asks, and caches may keep that for others.
    app.router.redirect_slashes = False
    app.graphql, app.operation = graphql, operation
    return app


class _App(Starlette):
    """Starlette, but for what answers: the router and the layers before it would cost as much as a kept answer.

    Only where the application is mounted below another path does the router find it.
    """

    graphql: ASGIApp
    operation: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; the endpoint leaves no error to anybody else."""
        if scope["type"] == "http" and scope["path"] == "/graphql":
            await self.graphql(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].startswith(OPERATIONS):
            scope["path_params"] = {"path": scope["path"].removeprefix(OPERATIONS)}
            await self.operation(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def _log(event: Event) -> None:
    if isinstance(event, Flipped):
        log.info("serving %s, opened in %.0f ms", event.id, event.seconds * 1000)
    elif isinstance(event, FollowFailed):
        log.error("keeping the open snapshot: %s (%s)", event.message, event.code)
