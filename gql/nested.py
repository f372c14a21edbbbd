"""Values of DuckDB's lists, structs and maps as JSON has them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import duckdb
import orjson

from snapshot.catalog import field_name

_NAME = re.compile(r"(?!__)[_A-Za-z][_0-9A-Za-z]*")
# A value of a DuckDB type -> a JSON value; None where they are the same.
Convert = Callable[[Any], Any] | None


def is_enum_name(text: str) -> bool:
    """Whether a text can be a value of a GraphQL enum."""
    return _NAME.fullmatch(text) is not None and text not in ("true", "false", "null")


def fields_of(parsed: Any) -> Mapping[str, str]:
    """The GraphQL fields of a struct by the names of its parts; none where they cannot all be fields, or it is none."""
    if parsed.id != "struct":
        return {}
    names = {child: field_name(child) for child, _ in parsed.children}
    distinct = len(set(names.values())) == len(names)
    return names if distinct and all(map(_NAME.fullmatch, names.values())) else {}


@cache
def converter(duckdb_type: str, scalar: Callable[[str], Convert]) -> Convert:
    """What makes a value of a nested type JSON; `scalar` gives that of the types that are not nested."""
    return _converter(duckdb.sqltype(duckdb_type), scalar)


def _converter(parsed: Any, scalar: Callable[[str], Convert]) -> Convert:
    def each(kind: Any) -> Callable[[Any], Any]:
        convert = _converter(kind, scalar)
        return lambda value: value if value is None or convert is None else convert(value)

    if parsed.id in ("list", "array"):
        item = each(parsed.children[0][1])
        return lambda values: [item(value) for value in values]
    if parsed.id == "struct":
        names, parts = fields_of(parsed), {child: each(kind) for child, kind in parsed.children}
        return lambda value: {names.get(child, child): part(value[child]) for child, part in parts.items()}
    if parsed.id == "map":
        (_, key), (_, kind) = parsed.children
        item, name = each(kind), each(key)
        return lambda value: {_key(found, name): item(its) for found, its in _entries(value, key)}
    return scalar(str(parsed))


def _entries(value: dict[Any, Any], key: Any) -> Iterable[tuple[Any, Any]]:
    """The entries of a map, which DuckDB's client gives as two lists where Python has no such keys."""
    lists = key.id in ("list", "array", "struct", "map")
    return zip(value["key"], value["value"], strict=True) if lists else value.items()


def _key(value: Any, convert: Callable[[Any], Any]) -> str:
    """The text of a key: a number's as DuckDB has it, whatever its size, and a list's as JSON has it."""
    if isinstance(value, int | float):
        return str(value).lower()
    found = convert(value)
    return found if isinstance(found, str) else orjson.dumps(found).decode()
