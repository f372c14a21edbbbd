"""`X-Snapshot-Min`: who has seen a generation is given nothing of an earlier one, whatever is asked."""

from __future__ import annotations

import asyncio
import time

from snapshot.reader import POLL_SECONDS, Reader

from .read import Malformed
from .schema import Api

# Another process may be a poll ahead.
REACHING_SECONDS = 2 * POLL_SECONDS
MAX_DIGITS = 18


class Behind(Exception):
    """A process does not have the generation yet that was asked for."""


async def reach(reader: Reader[Api], least: str) -> None:
    """Wait until a generation of at least that number is current, which another process may have shown already.

    Raises Behind where it does not come, Malformed for what is no number, and NoSnapshot.
    """
    if not least.isascii() or not least.isdigit() or len(least) > MAX_DIGITS:
        raise Malformed(400, "'X-Snapshot-Min' must be the number of a generation")
    until = time.monotonic() + REACHING_SECONDS
    while (number := reader.current.generation.number) < int(least):
        if time.monotonic() > until:
            raise Behind(f"generation {least} is not there yet; the current one is {number}")
        await asyncio.sleep(REACHING_SECONDS / 20)
