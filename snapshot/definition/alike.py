"""DuckDB's own reading of SELECTs, to hold against what pacelayer writes again: both have to be the same.

What was written is read by DuckDB when a metric is computed as a whole, and by sqlglot to be taken apart; where sqlglot
read something else, or writes it in a way that DuckDB reads otherwise, the trees of the two texts differ.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import duckdb
from sqlglot import exp

from .. import connect
from ..catalog import Column
from .columns import Select
from .dialect import DIALECT

# Names of one function, by the one that stands for all of them.
_SAME_FUNCTION = {
    "**": "pow", "^": "pow", "power": "pow", "@": "abs", "date_add": "+", "datetrunc": "date_trunc",
    "countif": "count_if", "strpos": "position", "^@": "starts_with",
}  # fmt: skip
# What NOT before a test comes to.
_NEGATED = {"OPERATOR_IS_NULL": "OPERATOR_IS_NOT_NULL", "COMPARE_NOT_DISTINCT_FROM": "COMPARE_DISTINCT_FROM"}
# Functions that take the name of a unit in any case of letters, and units that have several names.
_WITH_UNITS = ("date_trunc", "date_part")
_SAME_UNIT = {"dow": "dayofweek", "doy": "dayofyear", "y": "year"}


class Trees:
    """The trees of SELECTs, as DuckDB parses them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def unlike(self, written: str, again: str) -> list[int]:
        """The positions of the first SELECT's projections that the other one does not have."""
        one, other = (self._select(sql)["select_list"] for sql in (written, again))
        return [place for place, tree in enumerate(one) if [tree] != other[place : place + 1]]

    def are_alike(self, clause: str, written: str, again: str) -> bool:
        """Whether two SELECTs have the same of a clause, by its name in the tree."""
        one, other = (self._select(sql)[clause] for sql in (written, again))
        return bool(one == other)

    def is_written_out(self, clause: str, place: int, written: str, aliases: Collection[str], again: str) -> bool:
        """Whether an expression is what stands in a clause of a SELECT, with what its aliases stand for in their place.

        Of the SELECT list it is that at a place. `aliases` are those that no column hides.
        """
        select = self._select(written)
        named = {tree["alias"].lower(): tree for tree in select["select_list"] if tree["alias"].lower() in aliases}
        tree = select[clause][place] if clause == "select_list" else select[clause]
        expected = _written_out(tree, named) | {"alias": ""}
        return [expected] == [other | {"alias": ""} for other in self._select(f"select {again}")["select_list"]]

    def _select(self, sql: str) -> Mapping[str, Any]:
        """The outermost SELECT of a text; what DuckDB does not parse is like nothing else."""
        ((text,),) = self._connection.execute("select json_serialize_sql(?::varchar)", [sql]).fetchall()
        parsed = json.loads(text)
        return defaultdict(list) if parsed["error"] else _canonical(parsed["statements"][0]["node"])


def misread(select: Select, columns: Sequence[Column], trees: Trees, written: str) -> Iterator[tuple[str, str]]:
    """Each column of a grouped metric that DuckDB reads otherwise, with what it was taken for; empty for the WHERE.

    What refers to other projections is written with them in their place, so it must have the same type as well.
    """
    parsed = select.parsed
    again = parsed.tree.sql(DIALECT, comments=False)
    unlike, where = trees.unlike(written, again), parsed.tree.args.get("where")
    aliases = {projection.alias.lower() for projection in parsed.projections} - {"", *parsed.names}

    def is_written_out(expression: exp.Expr, clause: str, place: int = 0) -> bool:
        out = parsed.written_out(expression).sql(DIALECT)
        return not parsed.references(expression) or trees.is_written_out(clause, place, written, aliases, out)

    for place, (column, (_, kind)) in enumerate(zip(columns, select.described, strict=True)):
        projection = parsed.projections[place]
        if place in unlike:
            yield column.name, projection.unalias().sql(DIALECT)
        elif not is_written_out(projection, "select_list", place):
            yield column.name, parsed.written_out(projection).sql(DIALECT)
        elif column.sql and select.types_of([column.sql]) != [kind]:
            yield column.name, column.sql
    if where and parsed.references(where.this):
        if not trees.are_alike("where_clause", written, again):
            yield "", where.this.sql(DIALECT)
        elif not is_written_out(where.this, "where_clause"):
            yield "", parsed.written_out(where.this).sql(DIALECT)


def _canonical(node: Any) -> Any:
    """A tree without what two ways of writing the same differ in."""
    if isinstance(node, list):
        return [_canonical(item) for item in node]
    if not isinstance(node, dict):
        return node
    found = {key: _canonical(value) for key, value in node.items() if not key.startswith("query_location")}
    match found:
        case {"class": "FUNCTION"}:
            return _function(found)
        case {"type": "ARRAY_CONSTRUCTOR", "children": children, "alias": alias}:
            return _list(children, alias)
        case {"class": "COLUMN_REF", "column_names": names}:
            return found | {"column_names": [name.lower() for name in names]}
        case {"class": "TYPE", "type_name": name, "children": children}:
            return _type(_types().get(name.lower(), name.lower()), children)
        case {"null_order": "NULLS_LAST" | "NULLS LAST"}:
            return found | {"null_order": "ORDER_DEFAULT"}
        case {"class": "CAST", "child": {"literal": {"kind": "INTEGER"} as literal} as child}:
            return found | {"child": child | {"literal": literal | {"kind": "STRING"}}}
        case {"kind": "INTEGER" | "NUMERIC", "text": text}:
            return found | {"text": text.replace("_", "")}
        case {"type": "OPERATOR_NOT", "children": [{"type": kind} as negated]} if kind in _NEGATED:
            return negated | {"type": _NEGATED[kind], "alias": found["alias"]}
    return found


def _written_out(tree: Any, named: Mapping[str, Any]) -> Any:
    """A tree with others in the place of their aliases, but within subqueries and for what a lambda calls so."""
    match tree:
        case list():
            return [_written_out(item, named) for item in tree]
        case {"class": "COLUMN_REF", "column_names": [name], "alias": alias} if name in named:
            return _written_out(named[name], named) | {"alias": alias}
        case {"class": "SUBQUERY"}:  # what stands before IN or ANY is outside
            return tree | {"child": _written_out(tree.get("child"), named)}
        case {"class": "LAMBDA", "lhs": lhs, "syntax_type": kind} if kind == "LAMBDA":
            own = {name for item in _columns(lhs) for name in item}
            named = {name: stands for name, stands in named.items() if name not in own}
    return {key: _written_out(value, named) for key, value in tree.items()} if isinstance(tree, dict) else tree


def _columns(tree: Any) -> Iterator[list[str]]:
    """The names of the columns of an expression."""
    match tree:
        case {"class": "COLUMN_REF", "column_names": names}:
            yield names
        case dict():
            yield from (found for value in tree.values() for found in _columns(value))
        case list():
            yield from (found for value in tree for found in _columns(value))


def _type(name: str, children: Any) -> Any:
    """A text has no length, and a decimal has digits of its own where none are said."""
    if name == "varchar":
        return name, []
    if name == "decimal":
        return name, [child["literal"]["text"] for child in children] or ["18", "3"]
    return name, children


def _list(values: Any, alias: str) -> Any:
    """What `[...]` and `ARRAY[...]` make."""
    return {"class": "LIST", "children": values, "alias": alias}


def _function(found: dict[str, Any]) -> Any:
    """A call by the name that its function goes by, whether it was written as an operator or not."""
    name = found["function_name"].lower()
    name = _SAME_FUNCTION.get(name, name)
    match found["arguments"]:
        case [{"expression": {"literal": {"text": unit} as literal} as first}, *others] if name in _WITH_UNITS:
            unit = _SAME_UNIT.get(unit.lower(), unit.lower())
            arguments = [{"expression": first | {"literal": literal | {"text": unit}}}, *others]
        case [{"expression": value}] if name == "+":
            return value | {"alias": found["alias"]}
        case values if name == "list_value":
            return _list([value["expression"] for value in values], found["alias"])
        case arguments:
            pass
    written = ("is_operator", "qualified_name")
    return {key: value for key, value in found.items() if key not in written} | {
        "function_name": name, "arguments": arguments,
    }  # fmt: skip


@cache
def _types() -> dict[str, str]:
    """What the names of types stand for, in small letters."""
    with connect.empty(time_zone="UTC") as connection:
        found = connection.execute("select lower(type_name), lower(logical_type) from duckdb_types()").fetchall()
        return dict(found)
