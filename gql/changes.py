"""What a new generation changed, metric by metric, for whoever has the numbers of an earlier one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace

from snapshot.catalog import BuildRecord, Catalog, Metric
from snapshot.reader import Reader

from .schema import Api

# The definitions of so many generations are remembered: a day of refreshes every five minutes.
REMEMBERED = 288
# How measures roll up whose coarser values may be others where those of the metric's own rows are not.
_BEYOND_ROWS = ("holistic", "decomposed")

# What each metric is defined as, as a number, by the metric's field.
Definitions = Mapping[str, int]


class Changes:
    """What changed since a generation that a client names. The definitions are those of the generations followed."""

    def __init__(self, reader: Reader[Api]) -> None:
        self._reader = reader
        self._definitions: OrderedDict[str, Definitions] = OrderedDict()

    def note(self, catalog: Catalog) -> None:
        """A generation is followed."""
        self._definitions[catalog.snapshot.id] = definitions_of(catalog)
        while len(self._definitions) > REMEMBERED:
            self._definitions.popitem(last=False)

    def since(self, told: str, catalog: Catalog) -> list[str]:
        """The fields of the metrics that are not as in the generation of that id; all, where it is unknown."""
        definitions = self._definitions.get(told)
        if definitions is None and told not in {generation.id for generation in self._reader.generations()}:
            return [metric.field for metric in catalog.metrics]
        return changed_metrics(catalog, int(told.rpartition("-")[2]), definitions)


def definitions_of(catalog: Catalog) -> Definitions:
    """Those of one generation; within a process equal ones have equal numbers."""
    return {metric.field: hash(replace(metric, grains=(), pace=0)) for metric in catalog.metrics}


def changed_metrics(catalog: Catalog, number: int, definitions: Definitions | None) -> list[str]:
    """The fields of the metrics that a generation has otherwise than the one of that number; rather one too many.

    The catalogue's own records tell what rows a metric had then, and how it was computed since; `definitions` are
    those of then, where they are known. Without a record of that number everything counts as changed: it is of another
    line, since a rollback, or long gone.
    """
    now = definitions_of(catalog)
    records: dict[str, list[BuildRecord]] = {metric.name: [] for metric in catalog.metrics}
    for record in sorted(catalog.builds, key=lambda record: record.number):
        if record.kind == "metric" and record.number >= number and record.name in records:
            records[record.name].append(record)
    return [
        metric.field
        for metric in catalog.metrics
        if _rows_changed(metric, records[metric.name], number)
        or (
            any(record.mode == "full" for record in records[metric.name][1:])
            if definitions is None
            else definitions.get(metric.field) != now[metric.field]
        )
    ]


def _rows_changed(metric: Metric, records: list[BuildRecord], number: int) -> bool:
    """Whether the rows are others, or what is computed from more than them may be."""
    if not records or records[0].number != number or records[-1].content != records[0].content:
        return True
    computed = any(record.mode in ("full", "delta") for record in records[1:])
    return computed and any(measure.rollup in _BEYOND_ROWS for measure in metric.measures)
