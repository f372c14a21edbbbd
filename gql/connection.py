"""The client's end of a long answer: who hangs up is worked for no more."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from starlette.types import Receive


async def while_connected(receive: Receive, *works: Coroutine[Any, Any, None]) -> bool:
    """Do things at once until one of them is done, or the client is gone; whether it is still there.

    The request's body must have been read. What is not done is cancelled.
    """
    gone = asyncio.ensure_future(_gone(receive))
    tasks = [gone, *map(asyncio.ensure_future, works)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done - {gone}:
        task.result()
    return gone not in done


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
