"""An Arrow stream read without holding the interpreter, so that what comes next is read while other threads work."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import nanoarrow
from nanoarrow.c_array import allocate_c_array


class StreamError(Exception):
    """What a stream's own side says of why it breaks off."""


class _Stream(ctypes.Structure):
    """`struct ArrowArrayStream` of Arrow's C stream interface; each of its functions takes the struct's address."""

    _fields_ = (
        ("get_schema", ctypes.c_void_p),
        # ctypes lets the interpreter go while it calls; nanoarrow's own get_next keeps it, as long as a server takes.
        ("get_next", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)),
        ("get_last_error", ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_void_p)),
        ("release", ctypes.c_void_p),
        ("private_data", ctypes.c_void_p),
    )


def chunks(stream: object) -> Iterator[nanoarrow.Array]:
    """The arrays of a stream. Raises StreamError."""
    held = nanoarrow.c_array_stream(stream)
    schema, address = held.get_schema(), held._addr()
    native = _Stream.from_address(address)
    while True:
        array = allocate_c_array(schema)
        if code := native.get_next(address, array._addr()):
            said = native.get_last_error(address) or b""
            raise StreamError(said.decode(errors="replace") or f"error {code}")
        if not array.is_valid():
            return
        yield nanoarrow.Array(array)
