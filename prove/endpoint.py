"""The endpoint that answers today, asked again and again, and its JSON compared with the API's by paths."""

from __future__ import annotations

import http.client
import json
import math
import statistics
import time
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from .compare import SHOWN, TOLERANCE, Comparison
from .live import WARM_UP, Live
from .translate import CannotRunLive

_NOTHING = object()


def ask_endpoint(url: str, runs: int) -> tuple[Live, Any]:
    """GET it so many times, each on a connection of its own; the JSON of the last answer. Raises CannotRunLive."""
    times: list[tuple[float, float, float]] = []
    body = b""
    for _ in range(WARM_UP + runs):
        begun = time.perf_counter()
        try:
            connection = _connection(url)
            connection.connect()
            connected = time.perf_counter()
            parts = urlsplit(url)
            connection.request("GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
            response = connection.getresponse()
            answered = time.perf_counter()
            body = response.read()
            connection.close()
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise CannotRunLive(f"the endpoint cannot be reached: {error}") from error
        if response.status != http.client.OK:
            raise CannotRunLive(f"the endpoint answers {response.status}")
        times.append((connected - begun, answered - connected, time.perf_counter() - answered))
    runs_of = [tuple(1000 * t for t in layer) for layer in zip(*times[WARM_UP:], strict=True)]
    layers = dict(zip(("connect", "endpoint", "fetch"), map(statistics.median, runs_of), strict=True))
    try:
        return Live(tuple(map(sum, zip(*runs_of, strict=True))), layers), json.loads(body, parse_float=Decimal)
    except ValueError as error:
        raise CannotRunLive("the endpoint does not answer JSON") from error


def compare_json(theirs: Any, ours: Any, mapping: Mapping[str, str]) -> Comparison:
    """Compare what stands at each path of the endpoint's answer with what stands at a path of the API's.

    `rows[].total` is the `total` of each item of `rows`, in their order.
    """
    count, differing = 0, []
    for their_path, our_path in mapping.items():
        one, other = list(_at(theirs, their_path)), list(_at(ours, our_path))
        count += max(len(one), len(other))
        if len(one) != len(other) or not (_leads(theirs, their_path) and _leads(ours, our_path)):
            differing.append(f"{their_path} has {len(one)} values, {our_path} has {len(other)}")
        pairs = enumerate(zip(one, other, strict=False))
        differing += [f"{their_path} ({n}): {a}, {our_path}: {b}" for n, (a, b) in pairs if not _same(a, b)]
    return Comparison(count, 0, len(differing), tuple(differing[:SHOWN]), ())


def _connection(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CannotRunLive(f"'{url}' is not the address of an endpoint")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname, parts.port, timeout=60)


def _at(value: Any, path: str) -> Iterator[Any]:
    name, _, rest = path.partition(".")
    key = name.removesuffix("[]")
    try:
        found = value[int(key)] if isinstance(value, list) else value[key]
    except (KeyError, IndexError, ValueError, TypeError):
        return
    for item in found if name.endswith("[]") and isinstance(found, list) else [found]:
        if rest:
            yield from _at(item, rest)
        else:
            yield item


def _leads(value: Any, path: str) -> bool:
    """Whether a path leads somewhere, if only to a list without items."""
    name = path.partition(".")[0]
    if name.endswith("[]") and isinstance(value, dict) and value.get(name.removesuffix("[]")) == []:
        return True
    return next(_at(value, path), _NOTHING) is not _NOTHING


def _same(one: Any, other: Any) -> bool:
    """Whether two values of JSON are equal; a number may be a text of it, as the API's decimals are."""
    numbers = [
        value for value in (one, other) if isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    ]
    if not numbers or isinstance(one, bool) or isinstance(other, bool):
        return bool(one == other)
    try:
        first, second = Decimal(str(one)), Decimal(str(other))
    except InvalidOperation:
        return False
    exact = isinstance(one, str) or isinstance(other, str)
    return first == second if exact else math.isclose(first, second, rel_tol=TOLERANCE)
