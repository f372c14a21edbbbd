"""A metric's object types: its result, rows, columns and totals, and what a row says beside its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import strawberry

from snapshot.catalog import Column, Metric

from .extras import comparable, shared
from .fields import argument, attribute, capital, field_with
from .kinds import Kinds
from .scalars import DateTime, kind_of
from .shift import Shift
from .types import PageInfo


class MetricTypes:
    """The types of one metric."""

    def __init__(self, kinds: Kinds) -> None:
        self.kinds = kinds

    def result(self, metric: Metric) -> Any:
        """The answer of a metric's field."""
        row: Any = self.row(metric)
        body: dict[str, tuple[Any, str]] = {
            "nodes": (list[row], "The rows."),
            "columns": (self._columns(metric), "The same rows column by column, as charts want them: a list each."),
            "totalCount": (int, "The number of rows without first, after and offset."),
            "pageInfo": (PageInfo, "Where these rows stand among all."),
            "asOf": (DateTime, "The moment that the snapshot's data is of."),
            "computedAt": (DateTime, "The moment of the data that this metric was computed from."),
        }
        # What means its own grouping only has no total.
        if totalled := [measure for measure in metric.measures if measure.sql]:
            words = f"The measures of {metric.field} over all rows that 'where' lets in."
            totals = self._of_columns(metric, "Totals", totalled, words)
            body["totals"] = (totals, "The measures over all rows that 'where' lets in, grouped by nothing.")
        fields = {name: strawberry.field(name=name, description=words) for name, (_, words) in body.items()}
        annotations = {name: annotation for name, (annotation, _) in body.items()}
        return self.kinds.object(type_name(metric, "Result"), fields, annotations, f"The answer of {metric.field}.")

    def row(self, metric: Metric) -> Any:
        """One row."""
        words = "; only what is grouped by can be selected among the dimensions." if metric.grouped else "."
        extras = self._extras(metric) if metric.grouped else {}
        description = f"A row of {metric.field}{words}"
        return self._of_columns(metric, "Row", metric.columns, description, more=extras)

    def _columns(self, metric: Metric) -> Any:
        words = f"The columns of {metric.field}; the values of one row have one place in each list."
        return self._of_columns(metric, "Columns", metric.columns, words, listed=True)

    def _extras(self, metric: Metric) -> dict[str, Any]:
        """The fields of a row beside its columns."""
        found: dict[str, Any] = {}
        if metric.times:
            found["complete"] = field_with(bool, (), "Whether its period had ended at computedAt.")
        by = [argument("by", Shift, "How much earlier.")]
        if metric.times and metric.measures:
            words = f"The measures of {metric.field} in an earlier period."
            measures = self._of_columns(metric, "Measures", metric.measures, words)
            words = (
                "The same row so much earlier; of a period that had not ended, the same part of the earlier one. "
                "Null where there is none."
            )
            found["previous"] = field_with(measures | None, by, words)
        changes = {c: self._change(c) for c in metric.measures if metric.times and comparable(c)}
        if changes:
            words = f"How the measures of {metric.field} differ from an earlier period."
            change = self._of_types(type_name(metric, "Change"), changes, words)
            found["change"] = field_with(change | None, by, "The difference from 'previous'; null where there is none.")
        parts = dict.fromkeys(shared(metric), float)
        if parts:
            words = f"The measures of a row as parts of the totals of {metric.field}."
            share = self._of_types(type_name(metric, "Share"), parts, words)
            found["share"] = field_with(share, (), "Its part of the totals, from 0 to 1 where nothing is negative.")
        return found

    def _change(self, column: Column) -> Any:
        kind = kind_of(comparable(column))
        annotations = {"absolute": kind.annotation | None, "relative": float | None}
        words = {"absolute": "This less the earlier one.", "relative": "The same as a part of the earlier one."}
        fields = {field: strawberry.field(description=text) for field, text in words.items()}
        return self.kinds.object(
            f"{kind.name}Difference", fields, annotations, "How a measure differs from an earlier one."
        )

    def _of_types(self, name: str, types: Mapping[Column, Any], description: str) -> Any:
        fields = {attribute(column.field): strawberry.field(name=column.field) for column in types}
        annotations = {attribute(column.field): annotation | None for column, annotation in types.items()}
        return self.kinds.object(name, fields, annotations, description)

    def _of_columns(
        self,
        metric: Metric,
        suffix: str,
        columns: Sequence[Column],
        description: str,
        *,
        listed: bool = False,
        more: Mapping[str, Any] | None = None,
    ) -> Any:
        fields, annotations = {}, {}
        for column in columns:
            annotation = self.kinds.column(metric, column).annotation
            value: Any = annotation | None if column.nullable else annotation
            annotations[attribute(column.field)] = list[value] if listed else value
            unit = f"Unit: {column.unit}" if column.unit else ""
            words = ". ".join(filter(None, (column.description.rstrip("."), unit)))
            fields[attribute(column.field)] = strawberry.field(
                name=column.field, description=words or None, deprecation_reason=column.deprecated or None
            )
        return self.kinds.object(type_name(metric, suffix), {**fields, **(more or {})}, annotations, description)


def type_name(metric: Metric, suffix: str) -> str:
    """`userDashboard` -> `UserDashboardRow`."""
    return capital(metric.field) + suffix
