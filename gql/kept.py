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

# What of a request decides which form of which answer is sent.
VARY = b"Accept, Accept-Encoding, X-Snapshot-Min"
# What is kept beside the bytes of an answer: its key, its headers, and objects of Python.
OVERHEAD = 2_000

# An answer that was asked for once is kept as a plain tuple of plain values, its size the last, for the collector looks
# at all else again and again: with tens of thousands of them that takes a tenth of a second, and nobody is answered.
Packed = tuple[int, str, bytes, str, str, bool, bytes, str, int]


class Key(NamedTuple):
    """What an answer depends on: the generation, what its caller may see, the media type, the request, the encoding.

    The request is there by its hash, for it may be as long as a body.
    """

    generation: str
    caller: str
    media: str
    request: str
    encoding: str = ""


@dataclass
class Kept:
    """An answer on the wire, to that request, in one form: plain, or by an encoding.

    `generation` is the id of the one that it is of, and `etag` stands for that, the caller and the request. It is
    `lasting` where it is true as long as that is current. `timing` says how long the steps of its making took.
    It was `asked` so often.
    """

    request: Request
    status: int
    media: str
    body: bytes
    generation: str
    etag: str
    lasting: bool
    timing: bytes
    encoding: str = ""
    asked: int = field(default=1, compare=False)

    @cached_property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Those that it has with its body and without."""
        tag = [(b"etag", self.etag.encode())] if self.lasting else []
        return [(b"vary", VARY), (b"x-snapshot-id", self.generation.encode()), *tag]

    @cached_property
    def body_headers(self) -> list[tuple[bytes, bytes]]:
        """Those, and what is said of its body."""
        form = [(b"content-encoding", self.encoding.encode())] if self.encoding else []
        media, length = f"{self.media}; charset=utf-8".encode(), b"%d" % len(self.body)
        return [*self.headers, (b"content-type", media), (b"content-length", length), *form]

    @property
    def size(self) -> int:
        """The memory that it takes, in bytes."""
        return OVERHEAD + self.request.size + len(self.body)

    def packed(self) -> Packed:
        """All of it, but for the request."""
        said = self.status, self.media, self.body, self.generation
        return *said, self.etag, self.lasting, self.timing, self.encoding, self.size


def etag_of(key: Key, generation: str) -> str:
    """The tag of an answer of that generation; a weak one, for its compressed forms are the same answer."""
    text = f"{generation}\n{key.caller}\n{key.media}\n{key.request}"
    return f'W/"{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}"'


class Answers:
    """The answers of one process, of at most so many bytes.

    `get` lives on the event loop; the rest may be called by any thread.
    """

    def __init__(self, room: int) -> None:
        self._kept = Bounded[tuple[str, ...], Kept | Packed](
            room, lambda _, kept: kept[-1] if isinstance(kept, tuple) else kept.size
        )
        self._coming: dict[Key, asyncio.Future[Kept]] = {}

    def find(self, key: Key, request: Request) -> Kept | None:
        """An answer to that request that is kept."""
        found = self._kept.get(key)
        if isinstance(found, tuple):
            found = Kept(request, *found[:-1])
            self._kept.put(tuple(key), found)
        if found is not None:
            found.asked += 1
        return found

    def hottest(self, number: int) -> list[tuple[Key, Kept]]:
        """Those that were asked for most often, and more than once, in their plain form."""
        kept = [(Key(*key), self._kept.get(key)) for key in self._kept]
        plain = [(key, found) for key, found in kept if isinstance(found, Kept) and not key.encoding]
        return sorted(plain, key=lambda item: -item[1].asked)[:number]

    async def get(self, key: Key, request: Request, make: Callable[[], Awaitable[Kept]]) -> Kept:
        """An answer that is kept, that is being made, or that is made now: equal questions at once are one.

        Raises what `make` does, for all who wait. Where the one who makes it is cancelled, the next one does it.
        """
        while (kept := self.find(key, request)) is None:
            if (coming := self._coming.get(key)) is None:
                return await self._make(key, make)
            await asyncio.wait([coming])
            if not coming.cancelled():
                return coming.result()
        return kept

    async def _make(self, key: Key, make: Callable[[], Awaitable[Kept]]) -> Kept:
        coming = self._coming[key] = asyncio.get_running_loop().create_future()
        try:
            made = await make()
        except Exception as error:
            coming.set_exception(error)
            coming.exception()  # whether or not somebody waits for it
            raise
        except BaseException:
            coming.cancel()
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
            self._kept.put(tuple(key), made.packed())

    def leave(self, generation: str) -> None:
        """Forget what was asked of all other generations."""
        for key in self._kept:
            if Key(*key).generation != generation:
                self._kept.remove(key)
