"""Answers kept as bytes: a generation never changes, so an answer of it needs no invalidation and dies with it."""

from __future__ import annotations

import asyncio
import hashlib
import heapq
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from .answer import Request
from .bounded import Bounded

# What of a request decides which form of which answer is sent.
VARY = b"Accept, Accept-Encoding, X-Snapshot-Min"
# What is kept beside the bytes of an answer: its key, its headers, and objects of Python.
OVERHEAD = 2_000

# Of so many answers it is known how often they were asked for; beyond, it is counted anew.
COUNTED = 100_000
# So many answers of fewer bytes have their headers at hand.
AT_HAND, SMALL = 1_000, 10_000

Plain = tuple[Any, ...]
Headers = tuple[tuple[bytes, bytes], ...]


class Key(NamedTuple):
    """What an answer depends on: the generation, what its caller may see, the media type, the request, the encoding.

    The request is there by its hash, for it may be as long as a body.
    """

    generation: str
    caller: str
    media: str
    request: str
    encoding: str = ""


class Kept(NamedTuple):
    """An answer on the wire, in one form: plain, or by an encoding.

    `generation` is the id of the one that it is of, and `etag` stands for that, the caller and the request. It is
    `lasting` where it is true as long as that is current. `timing` says how long the steps of its making took.
    `headers` are those that it has with its body and without, `body_headers` say more of the body.
    """

    status: int
    media: str
    body: bytes
    generation: str
    etag: str
    lasting: bool
    timing: bytes
    encoding: str
    headers: Headers
    body_headers: Headers

    def in_form(self, encoding: str, body: bytes) -> Kept:
        """The same, encoded."""
        said = self.status, self.media, body, self.generation, self.etag
        return to_keep(*said, lasting=self.lasting, timing=self.timing, encoding=encoding)


def to_keep(
    status: int,
    media: str,
    body: bytes,
    generation: str,
    etag: str,
    lasting: bool,
    timing: bytes,
    encoding: str = "",
) -> Kept:
    """An answer with its headers."""
    tag = ((b"etag", etag.encode()),) if lasting else ()
    form = ((b"content-encoding", encoding.encode()),) if encoding else ()
    written, length = f"{media}; charset=utf-8".encode(), b"%d" % len(body)
    headers = ((b"vary", VARY), (b"x-snapshot-id", generation.encode()), *tag)
    of_body = ((b"content-type", written), (b"content-length", length), *form)
    return Kept(status, media, body, generation, etag, lasting, timing, encoding, headers, headers + of_body)


def etag_of(key: Key, generation: str) -> str:
    """The tag of an answer of that generation; a weak one, for its compressed forms are the same answer."""
    text = f"{generation}\n{key.caller}\n{key.media}\n{key.request}"
    return f'W/"{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}"'


class Answers:
    """The answers of one process, of at most so many bytes.

    Each is kept as one plain tuple of plain values, for the collector looks at all else again and again: with tens of
    thousands of them that takes a tenth of a second, and nobody is answered. The first ones that are asked again have
    their headers at hand, too. `get` lives on the event loop; the rest may be called by any thread.
    """

    def __init__(self, room: int) -> None:
        # What `to_keep` takes, of which the third is the body, and the request, packed.
        self._kept = Bounded[Plain, Plain](room, lambda _, kept: OVERHEAD + len(kept[2]) + len(kept[-1]))
        self._at_hand: dict[Plain, Kept] = {}
        self._times: dict[Plain, int] = {}
        self._coming: dict[Key, asyncio.Future[Kept]] = {}

    def find(self, key: Key) -> Kept | None:
        """An answer that is kept."""
        if (found := self._kept.get(key)) is None:
            return None
        plain = tuple(key)
        self._times[plain] = self._times.get(plain, 0) + 1
        if (kept := self._at_hand.get(plain)) is None:
            kept = to_keep(*found[:-1])
            if len(self._at_hand) < AT_HAND and len(kept.body) < SMALL:
                self._at_hand[plain] = kept
        return kept

    def is_coming(self, key: Key) -> bool:
        """Whether an answer is being made, so that `get` waits for it."""
        return key in self._coming

    def hottest(self, number: int) -> list[tuple[Key, Request]]:
        """The keys and requests of those that were asked for most often, and more than once, in their plain form."""
        times = heapq.nlargest(
            number, ((times, key) for key, times in tuple(self._times.items()) if not Key(*key).encoding)
        )
        kept = [(Key(*key), self._kept.get(key)) for _, key in times]
        return [(key, Request.unpacked(found[-1])) for key, found in kept if found]

    async def get(self, key: Key, request: Request, make: Callable[[], Awaitable[Kept]]) -> Kept:
        """An answer that is kept, that is being made, or that is made now: equal questions at once are one.

        Raises what `make` does, for all who wait. Where the one who makes it is cancelled, the next one does it.
        """
        while (kept := self.find(key)) is None:
            if (coming := self._coming.get(key)) is None:
                return await self._make(key, request, make)
            await asyncio.wait([coming])
            if not coming.cancelled():
                return coming.result()
        return kept

    async def _make(self, key: Key, request: Request, make: Callable[[], Awaitable[Kept]]) -> Kept:
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
            self.keep(key, request, made)
            return made
        finally:
            del self._coming[key]

    def keep(self, key: Key, request: Request, made: Kept) -> None:
        """Have the answer to a request for whoever asks the same.

        Not one that will not last, or is of another generation: one that came while this one went, say.
        """
        if made.lasting and made.generation == key.generation and self._kept.room:
            self._kept.put(tuple(key), (*made[:-2], request.packed))
            if len(self._times) > COUNTED:
                self._times.clear()

    def leave(self, generation: str) -> None:
        """Forget what was asked of all other generations."""
        self._times.clear()
        self._at_hand.clear()
        for key in self._kept:
            if Key(*key).generation != generation:
                self._kept.remove(key)
