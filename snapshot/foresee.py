"""What a refresh of everything would do, in words, without a look at the sources."""

from __future__ import annotations

from collections.abc import Sequence

from .aggregate import is_same
from .definition import Definition, Project
from .export import Wanted
from .plan import due_metrics, private_tables, tables_of
from .source import Source
from .staging import Previous, Table


def foresee(project: Project, sources: Sequence[Source], previous: Previous | None) -> dict[str, str]:
    """What would be read of each table, by `source.table`, and what would be computed of each metric, by its name."""
    places = {source.name: source.place for source in sources}
    tables = tables_of(project, places, previous, due_metrics(project, previous, None))
    known = {metric.name: metric for metric in previous.catalog.metrics} if previous else {}
    told = {wanted.table for wanted in tables if _is_told(wanted)}
    unknown = {pending.metric for pending in previous.catalog.pending if pending.everything} if previous else set[str]()
    found = {".".join(wanted.table): _read(wanted) for wanted in tables}
    for definition in project.definitions:
        name = definition.metric.name
        if not is_same(known.get(name), definition):
            found[name] = "all of it: it is not there as it is now"
        elif name in unknown:
            found[name] = "all of it: its tables have changed since it was computed"
        else:
            private = not private_tables(project).isdisjoint(definition.tables)
            found[name] = _computed(definition, set() if private else told)
    return found


def _is_told(wanted: Wanted) -> bool:
    """Whether the changed rows of a table can be told."""
    state = wanted.state
    return bool(state and wanted.shape.key and (state.horizon or wanted.settings.incremental))


def _read(wanted: Wanted) -> str:
    state, settings = wanted.state, wanted.settings
    if state is None:
        return "all of it: there is nothing to go on from"
    since = f"{state.as_of:%Y-%m-%d %H:%M:%S}"
    if state.horizon and wanted.shape.key:
        return f"what transactions wrote that were not over at {since}; all keys where rows are missing"
    if settings.incremental and wanted.shape.key:
        column = settings.changed or wanted.shape.key[0]
        margin = f"from {settings.overlap}{' s' if settings.changed else ''} before the last that was seen"
        return f"rows by {column}, {margin}; all keys where rows are missing"
    if state.horizon:
        return f"all of it, where a transaction wrote to it that was not over at {since}"
    return "all of it: it is not said how its changes are found"


def _computed(definition: Definition, told: set[Table]) -> str:
    """`told` are the tables whose changed rows can be told."""
    if definition.unstable:
        return "all of it: its SELECT asks the clock or chance"
    traced = [table for table in definition.tables if table in definition.traces and table in told]
    others = [".".join(table) for table in definition.tables if table not in traced]
    if not traced:
        return "all of it, where its tables have changed"
    rest = f"; all of it, where {' or '.join(others)} has changed" if others else ""
    return f"the periods of {definition.metric.time} that changed rows touch{rest}"
