"""Answers kept as bytes: a generation never changes, so an answer of it needs no invalidation and dies with it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from .answer import Request
from .bounded import Bounded

# What of a request decides which form of an answer is sent.
VARY = b"Accept, Accept-Encoding"
# What is kept beside the bytes of an answer: its key, which has the document, and objects of Python.
OVERHEAD = 2_000


class Key(NamedTuple):
    """What an answer depends on: the generation, what its caller may see, the media type and the request."""

    generation: str
    caller: str
    media: str
    request: str


@dataclass
class Kept:
    """An answer on the wire, to that request. `encoded` are its other forms, by the name of the encoding.

    `generation` is the id of the one that it is of, and `etag` stands for that, the caller and the request. It is
    `lasting` where it is true as long as that is current. `timing` says how long the steps of its making took.
    It was `asked` so often.
    """

    request: Request
    status: int
    media: bytes
    body: bytes
    generation: str
    etag: str
    lasting: bool
    timing: bytes
    encoded: dict[str, bytes] = field(default_factory=dict)
    asked: int = 1

    @cached_property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Those that are the same each time and in each form."""
        tag = [(b"etag", self.etag.encode())] if self.lasting else []
        return [(b"vary", VARY), (b"x-snapshot-id", self.generation.encode()), *tag]

    @property
    def size(self) -> int:
        """The memory that it takes, in bytes."""
        return OVERHEAD + len(self.body) + sum(map(len, self.encoded.values()))


def etag_of(key: Key, generation: str) -> str:
    """The tag of an answer of that generation; a weak one, for its compressed forms are the same answer."""
    text = f"{generation}\n{key.caller}\n{key.media}\n{key.request}"
    return f'W/"{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}"'


class Answers:
    """The answers of one process, of at most so many bytes.

    `get` lives on the event loop; the rest may be called by any thread.
    """

    def __init__(self, room: int) -> None:
        self._kept = Bounded[Key, Kept](room, lambda kept: kept.size)
        self._coming: dict[Key, asyncio.Future[Kept]] = {}

    def find(self, key: Key) -> Kept | None:
        """An answer that is kept."""
        if (found := self._kept.get(key)) is not None:
            found.asked += 1
        return found

    def hottest(self, number: int) -> list[tuple[Key, Kept]]:
        """Those that were asked for most often, and more than once."""
        kept = [(key, found) for key in self._kept if (found := self._kept.get(key)) is not None and found.asked > 1]
        return sorted(kept, key=lambda item: -item[1].asked)[:number]

    async def get(self, key: Key, make: Callable[[], Awaitable[Kept]]) -> Kept:
        """An answer that is kept, that is being made, or that is made now: equal questions at once are one."""
        if (found := self.find(key)) is not None:
            return found
        if (coming := self._coming.get(key)) is not None:
            return await asyncio.shield(coming)
        coming = self._coming[key] = asyncio.get_running_loop().create_future()
        try:
            made = await make()
        except BaseException as error:
            coming.set_exception(error if isinstance(error, Exception) else ConnectionAbortedError())
            coming.exception()  # whether or not somebody waits for it
            raise
        else:
            coming.set_result(made)
            self.keep(key, made)
            return made
        finally:
            del self._coming[key]

    def keep(self, key: Key, made: Kept) -> None:
        """Have an answer for whoever asks the same.

        Not one that will not last, or is of another generation: one that came while this one went, say.
        """
        if made.lasting and made.generation == key.generation:
            self._kept.put(key, made)

    def add(self, key: Key, kept: Kept, encoding: str, body: bytes) -> None:
        """Have another form of an answer."""
        kept.encoded[encoding] = body
        if self._kept.get(key) is kept:
            self._kept.put(key, kept)

    def leave(self, generation: str) -> None:
        """Forget what was asked of all other generations."""
        for key in self._kept:
            if key.generation != generation:
                self._kept.remove(key)
