"""A SELECT of DuckDB's in the words of another database: the same question, or a reason why it cannot be asked there.

Only what is known to mean the same is let through: sqlglot would write down many a function that does not exist over
there, or counts weeks from another day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sqlglot
from sqlglot import exp

from snapshot.catalog import quote
from snapshot.definition import Definition

# What has one meaning in every database here, some of it after a rewrite below.
_COMMON: tuple[type[exp.Expr], ...] = (
    exp.Select, exp.From, exp.Join, exp.Where, exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Limit, exp.Offset,
    exp.With, exp.CTE, exp.Table, exp.TableAlias, exp.Subquery, exp.Alias, exp.Column, exp.Identifier, exp.Star,
    exp.Paren,
    exp.Literal, exp.Null, exp.Boolean, exp.Distinct, exp.Tuple, exp.Filter, exp.Window, exp.WindowSpec, exp.Exists,
    exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT,
    exp.LTE, exp.Is, exp.In, exp.Between, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Count, exp.CountIf, exp.Sum, exp.Min,
    exp.Max, exp.Avg, exp.Coalesce, exp.Nullif, exp.Case, exp.If, exp.Abs, exp.Rank, exp.RowNumber, exp.DenseRank,
    exp.Cast, exp.DataType, exp.DataTypeParam, exp.TimestampTrunc, exp.DateTrunc, exp.Var, exp.DateDiff, exp.Interval,
)  # fmt: skip
_CASTS = {"DATE", "TIMESTAMP", "TIMESTAMPNTZ", "DOUBLE", "DECIMAL"}
_UNITS = {"DAY", "WEEK", "MONTH", "YEAR"}
# What only one of them has in DuckDB's meaning.
_MORE: Mapping[str, tuple[type[exp.Expr], ...]] = {
    "postgres": (
        exp.Median, exp.PercentileCont, exp.WithinGroup, exp.Lower, exp.Upper, exp.LogicalAnd, exp.LogicalOr, exp.Year,
        exp.Month, exp.Day, exp.Greatest, exp.Least,
    ),
    "mysql": (exp.Year, exp.Month, exp.Day),
    "sqlite": (),
}  # fmt: skip
# SQLAlchemy's name of a dialect -> sqlglot's.
DIALECTS = {"postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql", "sqlite": "sqlite"}


class CannotRunLive(Exception):
    """Why a question cannot be asked of its source."""


def question_of(definition: Definition) -> str:
    """A metric's SELECT without what only DuckDB has: aliases that are referred to, GROUP BY ALL."""
    metric, base = definition.metric, definition.base
    if not metric.grouped:
        return metric.sql
    projections = ", ".join(f"{column.sql} as {quote(column.name)}" for column in metric.stored)
    keys = ", ".join(metric.column(name).sql for name in metric.own_grain)
    where = f"where {base.where}" if base.where else ""
    return f"{base.with_} select {projections} from {base.from_} {where} group by {keys}"


def live_sql(sql: str, backend: str, schemas: Mapping[str, str]) -> str:
    """A SELECT over the sources (`shop.orders`) as the database of that backend understands it.

    `schemas` are the sources that the database holds and the schema each one's tables are in, empty for its default.
    Raises CannotRunLive.
    """
    dialect = DIALECTS.get(backend)
    if dialect is None:
        raise CannotRunLive(f"the words of {backend} are not known here")
    tree = sqlglot.parse_one(sql, read="duckdb")
    for select in tree.find_all(exp.Select):
        _write_groups_out(select)
    _refuse_unknown(tree, dialect)
    _point_to(tree, schemas)
    rewrite = _REWRITES[dialect]
    # The innermost first, so that what is rewritten holds what was.
    for node in reversed(list(tree.walk(bfs=False))):
        node.replace(rewrite(node))
    return str(tree.sql(dialect, comments=False))


def _write_groups_out(select: exp.Select) -> None:
    """GROUP BY ALL is DuckDB's; what it stands for is not."""
    group = select.args.get("group")
    if group is None or not group.args.get("all"):
        return
    keys = [
        projection.unalias().copy()
        for projection in select.expressions
        if not (projection.find(exp.AggFunc) or isinstance(projection.unalias(), exp.Literal))
        or projection.find(exp.Window)
    ]
    if any(key.find(exp.Window) for key in keys):
        raise CannotRunLive("GROUP BY ALL beside a window function")
    select.set("group", exp.Group(expressions=keys) if keys else None)


def _refuse_unknown(tree: exp.Expr, dialect: str) -> None:
    for node in tree.walk():
        if not isinstance(node, (*_COMMON, *_MORE[dialect])):
            words = node.sql("duckdb")
            raise CannotRunLive(f"'{words[:60]}' is not known to mean the same there")
        if isinstance(node, exp.Cast) and node.to.this.name not in _CASTS:
            raise CannotRunLive(f"a cast to {node.to.sql('duckdb')} is not known to mean the same there")
        if dialect == "sqlite":
            _refuse_in_sqlite(node)
        if isinstance(node, exp.Median | exp.PercentileCont) and not _is_double(node.this):
            raise CannotRunLive("DuckDB cuts a quantile of decimals off at their scale; cast them to double")
        if isinstance(node, exp.TimestampTrunc | exp.DateTrunc) and node.text("unit").upper() not in _UNITS:
            raise CannotRunLive(f"{node.text('unit').lower()}s are not truncated alike there")


def _refuse_in_sqlite(node: exp.Expr) -> None:
    """SQLite's times are texts, which compare as texts, and whose months spill over."""
    if isinstance(node, exp.Interval) and node.text("unit").upper().rstrip("S") != "DAY":
        raise CannotRunLive("SQLite shifts months and years by another rule")
    if isinstance(node, exp.Cast) and node.to.this.name in ("TIMESTAMP", "TIMESTAMPNTZ"):
        raise CannotRunLive("SQLite has no timestamps, and cuts fractions of a second off")
    dates = [part for part in node.iter_expressions() if isinstance(part, exp.Cast) and part.to.this.name == "DATE"]
    if isinstance(node, exp.Predicate) and dates:
        raise CannotRunLive("SQLite compares dates as texts")


def _point_to(tree: exp.Expr, schemas: Mapping[str, str]) -> None:
    """Each source's tables by the names that they have at home."""
    for table in tree.find_all(exp.Table):
        if not table.db:
            continue
        if table.db not in schemas:
            raise CannotRunLive(f"it reads '{table.db}' as well, which is another database")
        table.set("db", exp.to_identifier(schemas[table.db]) if schemas[table.db] else None)


def _is_double(node: exp.Expr) -> bool:
    return isinstance(node, exp.Cast) and node.to.this.name == "DOUBLE"


def _as_double(node: exp.Expr) -> exp.Expr:
    return node if isinstance(node, exp.Cast) else exp.cast(node, exp.DataType.Type.DOUBLE)


def _without_filter(node: exp.Filter) -> exp.Expr:
    """`sum(x) filter (where c)` -> `sum(case when c then x end)`."""
    call: exp.Expr = node.this.copy()
    condition: exp.Expr = node.expression.this.copy()
    counted = call.this
    if isinstance(counted, exp.Distinct):
        kept = [exp.Case().when(condition.copy(), item.copy()) for item in counted.expressions]
        call.set("this", exp.Distinct(expressions=kept))
    else:
        value = exp.Literal.number(1) if isinstance(counted, exp.Star) else counted.copy()
        call.set("this", exp.Case().when(condition, value))
    return call


def _counted_if(node: exp.CountIf) -> exp.Expr:
    """It is null over nothing, as DuckDB's is."""
    one, none = exp.Literal.number(1), exp.Literal.number(0)
    counted = exp.Case().when(node.this.copy(), one).when(exp.not_(exp.paren(node.this.copy())), none)
    return exp.Sum(this=counted)


def _months_between(node: exp.DateDiff, year_month: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """`date_diff('month', a, b)`: how many firsts of a month lie between. sqlglot holds (b, a)."""
    if node.text("unit").upper() != "MONTH":
        raise CannotRunLive("only months are counted alike there")
    return exp.paren(exp.Sub(this=year_month(node.this), expression=year_month(node.expression)))


def _for_postgres(node: exp.Expr) -> exp.Expr:
    match node:
        case exp.Avg():
            return exp.Avg(this=_as_double(node.this))
        case exp.CountIf():
            return _counted_if(node)
    return node


def _for_mysql(node: exp.Expr) -> exp.Expr:
    match node:
        case exp.Filter():
            return _without_filter(node)
        case exp.CountIf():
            return _counted_if(node)
        case exp.Div():  # of whole numbers it has four digits
            return exp.Div(this=_as_double(node.this.copy()), expression=node.expression.copy())
        case exp.Avg():
            return exp.Avg(this=_as_double(node.this.copy()))
        case exp.TimestampTrunc() | exp.DateTrunc():
            return _MYSQL_TRUNCATED[node.text("unit").upper()](node.this.sql("mysql"))
        case exp.DateDiff():

            def year_month(moment: exp.Expr) -> exp.Expr:
                text = moment.sql("mysql")
                return sqlglot.parse_one(f"(12 * YEAR({text}) + MONTH({text}))", read="mysql")

            return _months_between(node, year_month)
    return node


def _for_sqlite(node: exp.Expr) -> exp.Expr:
    match node:
        case exp.CountIf():
            return _counted_if(node)
        case exp.TimestampTrunc() | exp.DateTrunc():
            return _call("date", node.this.copy(), *_SQLITE_TRUNCATED[node.text("unit").upper()])
        case exp.Cast() if node.to.this.name == "DATE":
            return _call("date", node.this.copy())
        case exp.Cast() if node.to.this.name in ("TIMESTAMP", "TIMESTAMPNTZ"):
            return _call("datetime", node.this.copy())
        case exp.Cast() if node.to.this.name == "DECIMAL":
            raise CannotRunLive("SQLite has no decimals")
        case exp.Sub() | exp.Add() if isinstance(node.expression, exp.Interval):
            sign = "-" if isinstance(node, exp.Sub) else "+"
            shift = f"{sign}{node.expression.this.name} {node.expression.text('unit').lower()}"
            return _call("datetime", node.this.copy(), shift)
        case exp.DateDiff():

            def year_month(moment: exp.Expr) -> exp.Expr:
                text = moment.sql("sqlite")
                return sqlglot.parse_one(f"(12 * STRFTIME('%Y', {text}) + STRFTIME('%m', {text}))", read="sqlite")

            return _months_between(node, year_month)
    return node


def _call(name: str, value: exp.Expr, *texts: str) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=[value, *(exp.Literal.string(text) for text in texts)])


_SQLITE_TRUNCATED = {
    "DAY": (), "WEEK": ("weekday 0", "-6 days"), "MONTH": ("start of month",), "YEAR": ("start of year",),
}  # fmt: skip


def _mysql(template: str) -> Callable[[str], exp.Expr]:
    return lambda moment: sqlglot.parse_one(template.format(moment), read="mysql")


_MYSQL_TRUNCATED = {
    "DAY": _mysql("DATE({0})"),
    "WEEK": _mysql("DATE_SUB(DATE({0}), INTERVAL WEEKDAY({0}) DAY)"),
    "MONTH": _mysql("CAST(DATE_FORMAT({0}, '%Y-%m-01') AS DATE)"),
    "YEAR": _mysql("CAST(DATE_FORMAT({0}, '%Y-01-01') AS DATE)"),
}
_REWRITES: Mapping[str, Callable[[exp.Expr], exp.Expr]] = {
    "postgres": _for_postgres, "mysql": _for_mysql, "sqlite": _for_sqlite,
}  # fmt: skip
