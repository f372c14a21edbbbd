"""How an answer is compressed: by what the client takes, and of that by what is smallest and quick."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from functools import lru_cache

import brotli
import zstandard

from .read import KEPT_HEADERS, qualities_of

# Smaller answers fit into a packet or two as they are.
LEAST_BYTES = 1_000

_COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "zstd": lambda body: zstandard.ZstdCompressor(level=6).compress(body),
    "br": lambda body: brotli.compress(body, quality=5),
    "gzip": lambda body: gzip.compress(body, 6, mtime=0),
}
# Their names, the best first.
ENCODINGS = tuple(_COMPRESS)


@lru_cache(KEPT_HEADERS)
def encoding_of(accept_encoding: str, *, small: bool = False) -> str:
    """The name of the encoding that a client likes best, of equals ours; empty for none.

    What is `small` is sent as it is to whoever takes it so.
    """
    if not accept_encoding:
        return ""
    liked = qualities_of(accept_encoding)
    if small and liked.get("identity", liked.get("*", 1.0)):
        return ""
    quality = {name: liked.get(name, liked.get("*", 0.0)) for name in _COMPRESS}
    best = max(quality, key=lambda name: quality[name])
    return best if quality[best] > 0 and quality[best] >= liked.get("identity", 0.0) else ""


def compress(body: bytes, encoding: str) -> bytes:
    """A body by that encoding."""
    return _COMPRESS[encoding](body)
