"""Texts made values of their declared types: exactly, or not at all."""

from __future__ import annotations

# DuckDB would cut these off.
_NANOSECONDS = r"\.\d{6}\d*[1-9]"
# No year before 1 or after 9999, nor what is no day at all: 'infinity', 'epoch'. With a zone, it is UTC's year that
# counts, and the written one may be the next.
_YEAR, _ANY_YEAR = r"^[0-9]{4}-[^B]*$", r"^([0-9]{4}|10000)-[^B]*$"
_CLOCK = r"\d{1,2}:\d\d(:\d\d(\.\d*)?)?"
# Without a zone, which would be dropped.
_TIME, _MOMENT = rf"^{_CLOCK}$", rf"^\d{{4}}-\d{{1,2}}-\d{{1,2}}([ T]{_CLOCK})?$"
# Without blanks and underscores.
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
# What the first moment that there can be begins with.
FIRST_YEAR = "0001-01-01"
_LAST_DAY = "9999-12-31"
# What is exactly true, in small letters.
TRUE = ("1", "t", "true")
_NO_NUMBER = r"^[+-]?(nan|inf|infinity)$"


def shortest(moment: str) -> str:
    """A moment as a text without what may be left out of it, which comes before all longer ones."""
    return moment.removesuffix(":00").removesuffix(" 00:00")


def base_of(kind: str) -> str:
    """`DECIMAL(10,2)` -> `DECIMAL`."""
    return kind.partition("(")[0].strip().upper()


def strict(column: str, kind: str) -> str:
    """The DuckDB expression that makes a text its type, and is null where the type does not hold all of it."""
    base, cast = base_of(kind), f"try_cast({column} as {kind})"
    if kind.endswith("[]"):
        return _strict_list(column, kind.removesuffix("[]"))
    if base in ("VARCHAR", "BLOB"):
        return column
    whole = f"not regexp_matches({column}, '{_NANOSECONDS}')"
    year = f"regexp_matches({column}, '{_YEAR}') and not starts_with({column}, '0000')"
    local = f"{year} and regexp_matches({column}, '{_MOMENT}')"
    finite = f"regexp_matches({column}, '{NUMBER}') and isfinite({cast})"
    zoned = f"regexp_matches({column}, '{_ANY_YEAR}') and {within(cast, 'TIMESTAMPTZ')} and {whole}"
    number = f"({finite} or regexp_matches({column}, '{_NO_NUMBER}', 'i'))"
    same = {
        "BOOLEAN": f"lower({column}) in ('0', '1', 't', 'f', 'true', 'false')",
        "FLOAT": number,
        "DOUBLE": number,
        "DECIMAL": f"regexp_matches({column}, '^[+-]?\\d*(\\.\\d{{0,{scale_of(kind)}}}0*)?$')",
        "DATE": f"{local} and {cast}::timestamp = try_cast({column} as timestamp)",
        "TIMESTAMP": f"{local} and {whole}",
        "TIMESTAMPTZ": zoned,
        "TIMESTAMP WITH TIME ZONE": zoned,
        "TIME": f"regexp_matches({column}, '{_TIME}') and {whole} and not starts_with({column}, '24')",
    }.get(base)
    if base.endswith(("INT", "INTEGER")):
        same = f"regexp_matches({column}, '^[+-]?\\d+$')"
    return f"case when {same} then {cast} end" if same else cast


def within(time: str, kind: str) -> str:
    """DuckDB's condition that a DATE, TIMESTAMP or TIMESTAMPTZ is of the years 1 to 9999, in UTC."""
    first, last = FIRST_YEAR, _LAST_DAY if kind == "DATE" else f"{_LAST_DAY} 23:59:59.999999"
    if kind == "TIMESTAMPTZ":
        first, last = f"{first} 00:00+00", f"{last}+00"
    return f"{time} between {kind} '{first}' and {kind} '{last}'"


def scale_of(kind: str) -> int:
    """The digits after the point of a DECIMAL."""
    return int(kind.rstrip(") ").rpartition(",")[2]) if base_of(kind) == "DECIMAL" and "," in kind else 0


def _strict_list(column: str, kind: str) -> str:
    """A list travels as a JSON array of texts; it fits where each of them does."""
    texts = f"try(cast(try_cast({column} as json) as varchar[]))"
    values = f"list_transform({texts}, lambda item: {strict('item', kind)})"
    nested = f"list_transform(try(cast(try_cast({column} as json) as json[])), lambda item: json_type(item) = 'ARRAY')"
    flat = f"not coalesce(list_aggregate({nested}, 'bool_or'), false)"
    return f"case when {flat} and list_count({values}) = list_count({texts}) then {values} end"
