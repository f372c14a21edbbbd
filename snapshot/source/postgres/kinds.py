"""PostgreSQL's types as DuckDB's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import sqlalchemy
from sqlalchemy import types
from sqlalchemy.dialects import postgresql

from ..reflect import common_kind, unknown

# (schema, empty where a search finds it; name) of a domain -> what it is declared over.
Domains = Mapping[tuple[str, str], str]


def domains_of(engine: sqlalchemy.Engine) -> Domains:
    """SQLAlchemy's reflection drops what stands in brackets: digits, and a zone that follows them."""
    schema = "case when pg_type_is_visible(t.oid) then '' else n.nspname end"
    of = "pg_type t join pg_namespace n on n.oid = t.typnamespace where t.typtype = 'd'"
    sql = f"select {schema}, t.typname, format_type(t.typbasetype, t.typtypmod) from {of}"
    with engine.connect() as connection:
        return {(row[0], row[1]): row[2] for row in connection.exec_driver_sql(sql)}


def duckdb_type(declared: types.TypeEngine[Any], domains: Domains) -> str:
    """The DuckDB type of a declared one; `?` and the declaration where a value could not be kept exactly."""
    match declared:
        case postgresql.DOMAIN():
            over = domains.get((declared.schema or "", str(declared.name)), "")
            if digits := re.fullmatch(r"numeric\((\d+),(\d+)\)(\[\])?", over):
                item = common_kind(types.Numeric(int(digits[1]), int(digits[2])))
                return item if item.startswith("?") else item + (digits[3] or "")
            if over.endswith("with time zone"):
                return "TIMESTAMPTZ" if over.startswith("timestamp") else f"? {over}"
            return duckdb_type(declared.data_type, domains)
        case postgresql.ARRAY():
            item = duckdb_type(declared.item_type, domains)
            return unknown(declared) if item.startswith("?") or item in ("BLOB", "INTERVAL") else f"{item}[]"
        case postgresql.TIMESTAMP() if declared.timezone:
            return "TIMESTAMPTZ"
        case postgresql.TIME() if declared.timezone:
            return f"? {declared} WITH TIME ZONE"
        case postgresql.BIT():
            return "BIT"
        case postgresql.INTERVAL():
            return "INTERVAL"
        case postgresql.OID():
            return "UINTEGER"
    return common_kind(declared)
