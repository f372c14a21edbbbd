"""Names and texts in SQL and in GraphQL."""

from __future__ import annotations

import re


def quote(name: str) -> str:
    """An SQL identifier, quoted."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def field_name(name: str) -> str:
    """`average_order` -> `averageOrder`; a leading underscore stays."""
    head, *tail = re.split(r"(?<=[^_])_+", name)
    return head + "".join(part[:1].upper() + part[1:] for part in tail)
