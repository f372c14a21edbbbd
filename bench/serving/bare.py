"""What to compare with: constant bytes, and DuckDB with orjson, each through Starlette. `uvicorn bare:app`.

`BENCH_FILE` is a snapshot, `BENCH_CONSTANT` a file with the bytes.
"""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

CONSTANT = Path(os.environ["BENCH_CONSTANT"]).read_bytes()
connection = duckdb.connect(os.environ["BENCH_FILE"], read_only=True, config={"threads": 1})


async def constant(request: Request) -> Response:
    """The same bytes each time."""
    await request.body()
    return Response(CONSTANT, media_type="application/json")


async def unchanged(_: Request) -> Response:
    """That they are the same."""
    return Response(status_code=304)


def rows(request: Request) -> Response:
    """So many rows of ten columns, as plain as it can be done; in a thread, as pacelayer does it."""
    cursor = connection.cursor()
    found = cursor.execute("select * from wide order by id limit ?", [int(request.path_params["rows"])])
    names = [column[0] for column in found.description]
    data = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return Response(orjson.dumps({"data": {"wide": {"nodes": data}}}), media_type="application/json")


app = Starlette(
    routes=[
        Route("/constant", constant, methods=["GET", "POST"]),
        Route("/unchanged", unchanged),
        Route("/rows/{rows:int}", rows, methods=["POST"]),
    ]
)
