"""Values that their columns' types do not take, for SQLite lets any in."""

from __future__ import annotations

from ...catalog import literal, quote
from ..shape import TableShape
from ..strict import base_of, scale_of
from .kinds import storage


def misfit_query(table: str, shape: TableShape, where: str, row: str) -> str:
    """`row` names a row of a table without a key; a view has nothing that does."""
    key = " || ', ' || ".join(quote(name) for name in shape.key) or row
    checks = {name: _misfit(quote(name), column.type) for name, column in shape.columns.items()}
    names = " ".join(f"when {check} then {literal(name)}" for name, check in checks.items())
    values = " ".join(
        f"when {check} then typeof({quote(name)}) || ' ' || quote({quote(name)})" for name, check in checks.items()
    )
    # The first row fixes the types of an answer that is empty where all is well.
    return (
        "select '' as place, '' as key, '' as value union all "
        f"select * from (select case {names} end, cast({key} as text), substr(case {values} end, 1, 80) "
        f"from {quote(table)} where ({' or '.join(checks.values())}) and {where} limit 1)"
    )


def _misfit(column: str, kind: str) -> str:
    """The condition that a value is of a storage class that its type does not take, or has too many digits."""
    classes = ", ".join(literal(found) for found in ("null", *storage(kind)[0]))
    wrong = f"typeof({column}) not in ({classes})"
    if base_of(kind) != "DECIMAL":
        return wrong
    scale = scale_of(kind)
    # From there on two neighbours among the reals are further apart than one step of the decimal.
    real = f"typeof({column}) = 'real' and abs({column}) >= {2**53 / 10**scale!r}"
    decimals = f"substr({column}, instr({column}, '.') + {1 + scale})"
    text = f"typeof({column}) = 'text' and instr({column}, '.') and rtrim({decimals}, '0 ') <> ''"
    return f"({wrong} or ({real}) or ({text}))"
