"""How each measure rolls up: its aggregates become components that re-aggregate exactly, or it is holistic.

A measure is a formula over components. `avg(x)` has two (sum and count), `sum(a) / nullif(count(*), 0)` has two,
`revenue / buyers` has those of the measures it refers to; so one mechanism serves additive, decomposed and derived
measures. A measure with one aggregate that does not re-aggregate (count distinct, median) is holistic as a whole.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from ..catalog import Metric, Rollup, quote
from .dialect import DIALECT
from .parsed import SUBQUERIES, Parsed, is_variable, looks_elsewhere, outer_nodes, replaced

# A metric with holistic measures has every grouping computed ahead up to so many; beyond, `@rollup` chooses.
MAX_CHOSEN_ROLLUPS = 32
# A call that re-aggregates exactly -> how its partial results merge; counts merge by sum, and are 0 over nothing.
_MERGE: dict[type[exp.Expr], str] = {
    exp.Count: "count",
    exp.CountIf: "sum",  # null over nothing, unlike count
    exp.Sum: "sum",
    exp.Min: "min",
    exp.Max: "max",
    exp.LogicalAnd: "bool_and",
    exp.LogicalOr: "bool_or",
}


@dataclass(frozen=True)
class Part:
    """A component before its type is known."""

    name: str
    sql: str
    merge: str


@dataclass(frozen=True)
class Measure:
    """`sql` over the base tables and `formula` over components; either is empty where it cannot be had."""

    name: str
    rollup: Rollup
    sql: str
    formula: str


@dataclass
class _Components:
    """The parts of one metric; equal aggregates share one. A visible measure that is one call is its own component.

    No other part has the name of a column, of any kind and in whatever case: they stand side by side in one table.
    """

    visible: Mapping[str, str]
    columns: Collection[str]
    parts: dict[str, Part] = field(default_factory=dict)

    def name(self, measure: str, suffix: str, sql: str, merge: str) -> str:
        if sql not in self.parts:
            self.parts[sql] = Part(self.visible.get(sql) or self._free(f"{measure}__{suffix}"), sql, merge)
        return quote(self.parts[sql].name)

    def _free(self, name: str) -> str:
        taken = {used.lower() for used in (*self.columns, *(part.name for part in self.parts.values()))}
        while name.lower() in taken:
            name += "_"
        return name


def measures_of(
    parsed: Parsed, dimensions: Collection[int], can_store: Callable[[str], bool]
) -> tuple[tuple[Measure, ...], tuple[Part, ...]]:
    """The measures of a grouped metric, in their order, and their components.

    `can_store` tells whether an aggregate over the metric's FROM can be a column of the snapshot: avg of a timestamp
    has no sum, and the largest `row(a, b)` is of a type that the file does not have.
    """
    projections = [p for i, p in enumerate(parsed.projections) if i not in dimensions]
    expanded = {p.alias_or_name: parsed.written_out(p) for p in projections}
    # Of measures that are one call, the first is the component of all.
    visible = {e.sql(DIALECT): name for name, e in reversed(expanded.items()) if _merge(e)}
    components = _Components(visible, [projection.alias_or_name for projection in parsed.projections])
    measures = []
    for projection in projections:
        name = projection.alias_or_name
        derived = bool(parsed.references(projection))
        measures.append(_measure(name, expanded[name], parsed, components, can_store, derived=derived))
    formulas = " ".join(measure.formula for measure in measures)
    return tuple(measures), tuple(part for part in components.parts.values() if quote(part.name) in formulas)


def _measure(
    name: str,
    expanded: exp.Expr,
    parsed: Parsed,
    components: _Components,
    can_store: Callable[[str], bool],
    *,
    derived: bool,
) -> Measure:
    calls = parsed.aggregates_in(expanded)
    within = parsed.aggregated(expanded)
    if any(id(column) not in within and not is_variable(column) for column in outer_nodes(expanded, exp.Column)):
        return Measure(name, "holistic", "", "")  # mixes dimensions into the aggregate: it means its own grain only
    sql = expanded.sql(DIALECT)
    if expanded.find(*SUBQUERIES) and not can_store(sql):
        return Measure(name, "holistic", "", "")  # the subquery asks for a dimension, or by an alias
    formulas = [_formula(name, call, components, can_store) for call in calls]
    merged = replaced(expanded, dict(zip(map(id, calls), map(str, formulas), strict=True)))
    # A subquery reads the base tables, whatever was merged; the clock is that of the build, whenever it is asked.
    if not all(formulas) or expanded.find(*SUBQUERIES) or looks_elsewhere(merged):
        return Measure(name, "derived" if derived else "holistic", sql, "")
    formula = merged.sql(DIALECT)
    if derived:
        return Measure(name, "derived", sql, formula)
    return Measure(name, "additive" if sql in components.visible else "decomposed", sql, formula)


def _formula(measure: str, call: exp.Expr, components: _Components, can_store: Callable[[str], bool]) -> str | None:
    """An aggregate call over components, or None where it is holistic."""
    if merge := _merge(call):
        inner = call.this if isinstance(call, exp.Filter) else call
        sql = call.sql(DIALECT)
        return components.name(measure, inner.key, sql, merge) if can_store(sql) else None
    inner = call.this if isinstance(call, exp.Filter) else call
    if not isinstance(inner, exp.Avg) or isinstance(inner.this, exp.Distinct | exp.Order):
        return None
    total, count = (
        _with_function(call, inner, made)
        for made in (exp.Sum(this=inner.this.copy()), exp.Count(this=inner.this.copy()))
    )
    if not can_store(total):
        return None
    parts = components.name(measure, "sum", total, "sum"), components.name(measure, "count", count, "count")
    return f"CAST({parts[0]} AS DOUBLE) / NULLIF({parts[1]}, 0)"


def _merge(call: exp.Expr) -> str | None:
    inner = call.this if isinstance(call, exp.Filter) else call
    argument = inner.this
    if isinstance(argument, exp.Distinct | exp.Order) or inner.args.get("count"):  # max(x, n) is a list
        return None
    if inner.find(exp.Collate):  # of texts that are equal by it, the first is taken
        return None
    return _MERGE.get(type(inner))


def _with_function(call: exp.Expr, inner: exp.Expr, made: exp.Expr) -> str:
    """The call with its function exchanged, its FILTER kept."""
    if call is inner:
        return made.sql(DIALECT)
    whole = call.copy()
    whole.set("this", made)
    return whole.sql(DIALECT)


def chosen_rollups(metric: Metric) -> tuple[tuple[str, ...], ...]:
    """The groupings that a metric's holistic measures need ahead: every one that can be asked for, coarsest last."""
    if not any(not measure.formula and measure.sql for measure in metric.measures):
        return ()
    times = [(), *((column.name,) for column in metric.times if column.grain)]
    others = [column.name for column in metric.dimensions if column not in metric.times]
    subsets = [subset for n in range(len(others), -1, -1) for subset in itertools.combinations(others, n)]
    wanted = [(*time, *subset) for subset in subsets for time in times]
    return tuple(by for by in wanted if set(by) != set(metric.own_grain))[:MAX_CHOSEN_ROLLUPS]
