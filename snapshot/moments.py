"""As of when the answers are: what a generation says of itself, and what each look at the sources adds to it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path

from .definition import Project
from .export import Export
from .store import note_look, read_status


def moments_of(project: Project, exported: Export, now: datetime) -> tuple[datetime, datetime]:
    """`as_of`, the earliest of the sources, and `stale_after`: when the first metric is two paces behind its own.

    One pace is until its next refresh is due, and one for it to be made. A source of which nothing is exported has no
    say.
    """
    read = exported.as_of or now
    sources = {source.name: source.as_of for source in exported.sources if source.tables}
    as_of = min(sources.values(), default=read)
    good = [
        min((sources.get(source, read) for source, _ in definition.tables), default=read)
        + timedelta(seconds=2 * definition.metric.pace)
        for definition in project.definitions
    ]
    return as_of, min(good, default=as_of + timedelta(seconds=2 * project.settings.pace))


def note(
    directory: Path, project: Project, due: Collection[str], exported: Export, last: int, number: int, now: datetime
) -> None:
    """Write down that what is due was looked at now; of other metrics stays what was known of the generation `last`.

    Raises DiskFailed.
    """
    names = {definition.metric.name for definition in project.definitions}
    before = {name: moment for name, moment in read_status(directory).seen(last).items() if name in names}
    note_look(directory, number, *moments_of(project, exported, now), before | dict.fromkeys(due, now))
