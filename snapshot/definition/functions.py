"""What DuckDB's own catalogue says of its functions: a macro is what it is made of, at any depth."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from .. import connect

# What gives another value each time it is asked: the clock, chance, and counters.
_UNSTABLE = frozenset((
    "now", "today", "current_date", "current_time", "current_timestamp", "get_current_time", "get_current_timestamp",
    "localtime", "localtimestamp", "current_localtime", "current_localtimestamp", "transaction_timestamp", "random",
    "uuid", "uuidv4", "uuidv7", "gen_random_uuid", "nextval", "currval", "txid_current",
))  # fmt: skip
# Each macro with the functions of its definition, as DuckDB parses it, and with what it names there and was not given:
# `current_timestamp` is written like a column.
_MACROS = """
    select function_name, parameters, definition->>'$..function_name', definition->>'$..column_names[0]'
    from (
        select *, json_serialize_sql('select ' || macro_definition) as definition
        from duckdb_functions() where function_type = 'macro'
    )
"""


@cache
def aggregates() -> frozenset[str]:
    """The names of what makes one value of many rows, in small letters."""
    with connect.empty(time_zone="UTC") as connection:
        found = connection.execute("select function_name from duckdb_functions() where function_type = 'aggregate'")
        return _with_macros(name for (name,) in found.fetchall())


@cache
def unstable() -> frozenset[str]:
    """The names of what gives another value each time it is asked."""
    return _with_macros(_UNSTABLE)


def _with_macros(names: Iterable[str]) -> frozenset[str]:
    """Functions, and the macros that are made of one of them."""
    found, macros = set(names), _macros()
    while more := {name for name, made_of in macros if name not in found and not made_of.isdisjoint(found)}:
        found |= more
    return frozenset(found)


@cache
def _macros() -> tuple[tuple[str, frozenset[str]], ...]:
    """The macros with what they are made of; one of several definitions is there several times."""
    with connect.empty(time_zone="UTC") as connection:
        rows = connection.execute(_MACROS).fetchall()
    return tuple((name, frozenset(calls) | (frozenset(named) - set(given))) for name, given, calls, named in rows)
