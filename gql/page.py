"""A question -> one query for its rows as they are asked for: which groups, filled, ordered, paged, with extras.

Each step is a query around the one before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from snapshot.catalog import Column, quote

from .extras import Extras, with_extras
from .fill import filled
from .inputs import predicate
from .plan import Extra, Plan, from_base, relation
from .question import Question, filtered

NO_EXTRAS = Extras()
COUNT = Extra(("count",), "BIGINT")
_FLOATS = ("FLOAT", "DOUBLE")


def plan_rows(question: Question, *, limit: int | None, offset: int = 0, extras: Extras = NO_EXTRAS) -> Plan:
    """The rows, at most `limit` after leaving out `offset`, in an order that is always total; without a limit all.

    Raises GraphQLError with a code for what cannot be answered.
    """
    plan, order = _groups(question), order_of(question, total=True)
    page = "" if limit is None else f" limit {limit:d} offset {offset:d}"
    sql = f"select * from ({plan.sql}) as page{order}{page}"
    return with_extras(question, replace(plan, sql=sql), order, extras)


def plan_table(
    question: Question, columns: Sequence[Column], shown: Callable[[Column], str], *, limit: int | None, offset: int
) -> Plan:
    """The same rows for a file: these columns of them, by their fields, each as the SQL that `shown` makes of it.

    A plain table is read in the order that it has, unless another one is asked for: it need not be sorted, which takes
    memory.
    """
    plan = _groups(question)
    order = order_of(question, total=question.metric.grouped or bool(question.order_by))
    page = f"{'' if limit is None else f' limit {limit:d}'}{f' offset {offset:d}' if offset else ''}"
    wanted = ", ".join(f"{shown(column)} as {quote(column.field)}" for column in columns)
    sql = f"select {wanted} from ({plan.sql}) as page{order}{page}"
    return replace(plan, sql=sql, columns=tuple(columns), extras=())


def plan_count(question: Question) -> Plan:
    """The number of rows, whatever the paging."""
    measures = tuple(column for column in question.measures if column.field in set(filtered(question.having)))
    plan = _groups(replace(question, measures=measures, order_by=()))
    return Plan(f"select count(*) from ({plan.sql})", plan.parameters, (), plan.way, (COUNT,), plan.table)


def plan_live(question: Question, *, limit: int | None, offset: int = 0) -> Plan | None:
    """The rows by the metric's own SELECT over its sources, whatever is stored: what a database would be asked instead.

    None where the SELECT cannot be grouped anew.
    """
    metric = question.metric
    if metric.grouped:
        plan = from_base(question, cast="{sql}")
    else:
        condition = predicate(
            question.condition, {c.field: quote(c.name) for c in metric.columns}, question.at("where")
        )
        wanted = ", ".join(quote(column.name) for column in question.measures)
        sql = f"select {wanted} from ({metric.sql}) as asked where {condition.sql}"
        plan = Plan(sql, condition.parameters, question.measures, "live")
    plan = _having(question, plan) if plan else None
    if plan is None or (limit is None and not offset):
        return plan
    page = " ".join([*([f"limit {limit:d}"] if limit is not None else ()), *([f"offset {offset:d}"] if offset else ())])
    order = order_of(question, total=metric.grouped, table="")
    return replace(plan, sql=f"{plan.sql}{order} {page}", way="live")


def order_of(question: Question, *, total: bool, table: str = "page.") -> str:
    """ORDER BY: the keys that were asked for, then what makes the order total; `table` is where they are from."""
    keys = [f"{_finite(column, table)} {direction}" for column, direction in question.order_by]
    # Not those of which an order sees some values as one.
    ordered = {column.name for column, _ in question.order_by if column.type not in _FLOATS}
    if question.metric.grouped:
        keys += [f"{table}{quote(column.name)} asc nulls last" for column in question.by if column.name not in ordered]
    elif total:
        keys.append(f'{table}"_pacelayer_row"')
    return f" order by {', '.join(keys)}" if keys else ""


def _groups(question: Question) -> Plan:
    """The groups that are in the answer, in no order."""
    plan = _having(question, relation(question))
    return filled(question, plan) if question.fill else plan


def _having(question: Question, plan: Plan) -> Plan:
    """The groups whose measures fulfil a condition."""
    if not question.having:
        return plan
    condition = predicate(question.having, {c.field: quote(c.name) for c in question.measures}, question.at("having"))
    sql = f"select * from ({plan.sql}) as grouped where {condition.sql}"
    return replace(plan, sql=sql, parameters=plan.parameters + condition.parameters)


def _finite(column: Column, table: str) -> str:
    """A column as an order sees it: what JSON has no number for is null there, and null here."""
    name = f"{table}{quote(column.name)}"
    return f"if(isfinite({name}), {name}, null)" if column.type in _FLOATS else name
