"""An answer is made at once where its rows are held, unless somebody makes it already."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gql.answer import Request
from gql.kept import Key
from gql.read import JSON, RESPONSE_JSON, Headers
from gql.service import Service
from snapshot.events import nobody

from .tiny import Order, publish

COUNT = Request("{ sales { nodes { n } } }", {})
AGAIN = Request(COUNT.query + "# again", {})


def test_an_answer_that_is_being_made_is_waited_for_though_its_rows_are_held(tmp_path: Path) -> None:
    """Whoever comes after the plan is there, and before the answer, has that answer."""
    service = Service(publish(tmp_path, {"sales": "select count(*) as n from shop.orders o"}, [Order()]), nobody)
    service.reader.follow()

    async def test() -> None:
        for request in (COUNT, AGAIN):  # what is asked twice is held
            plain = await service.respond(request, JSON, Headers())
        key = Key(plain.kept.generation, "", RESPONSE_JSON, COUNT.key)
        coming = asyncio.get_running_loop().create_future()
        maker = asyncio.create_task(service.answers.get(key, COUNT, lambda: coming))
        await asyncio.sleep(0)
        other = asyncio.create_task(service.respond(COUNT, RESPONSE_JSON, Headers()))
        await asyncio.sleep(0)
        coming.set_result(plain.kept._replace(etag='W/"made once"'))

        assert (await other).kept is await maker

    try:
        asyncio.run(test())
    finally:
        service.workers.stop()
        service.reader.stop()
