"""The catalogue in the file: what is written is what is read."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from snapshot import catalog, connect

# DuckDB's texts are UTF-8, which has no surrogates; NUL is a letter like any other.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = st.lists(TEXTS, max_size=3).map(tuple)
COUNTS = st.integers(min_value=0, max_value=2**63 - 1)
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  it adds the zone
COLUMNS = st.builds(
    catalog.Column,
    *(TEXTS, TEXTS, TEXTS, st.booleans(), st.sampled_from(["dimension", "grain", "measure", "column"])),
    *(TEXTS, TEXTS, TEXTS, TEXTS, st.sampled_from(["", "additive", "decomposed", "holistic", "derived"])),
    *(TEXTS, TEXTS, NAMES),
)
COMPONENTS = st.builds(catalog.Component, TEXTS, TEXTS, TEXTS, TEXTS)
GRAINS = st.builds(catalog.Grain, TEXTS, NAMES, NAMES, COUNTS, MOMENTS)
METRICS = st.builds(
    catalog.Metric,
    *(TEXTS, TEXTS, st.booleans(), TEXTS, TEXTS, TEXTS, TEXTS, COUNTS, TEXTS, TEXTS, NAMES, TEXTS, TEXTS, TEXTS),
    *(st.lists(parts, max_size=2).map(tuple) for parts in (COLUMNS, COMPONENTS, GRAINS)),
)
CATALOGUES = st.builds(
    catalog.Catalog,
    st.builds(
        catalog.SnapshotInfo,
        *(COUNTS, TEXTS, st.just(catalog.FORMAT), TEXTS, MOMENTS, MOMENTS, MOMENTS, COUNTS, TEXTS, TEXTS, TEXTS),
    ),
    st.lists(st.builds(catalog.SourceInfo, TEXTS, MOMENTS, COUNTS, COUNTS), max_size=2).map(tuple),
    st.lists(METRICS, max_size=2, unique_by=lambda metric: metric.name).map(tuple),
    st.lists(st.builds(catalog.BuildRecord, COUNTS, TEXTS, TEXTS, TEXTS, COUNTS, st.floats(0, 1e6)), max_size=2).map(
        tuple
    ),
    st.lists(st.builds(catalog.CheckRecord, TEXTS, TEXTS), max_size=2).map(tuple),
)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(written=CATALOGUES)
def test_what_is_read_from_a_catalogue_is_what_was_written(written: catalog.Catalog) -> None:
    """Any names, any texts, any numbers, in their order."""
    with closing(connect.empty(time_zone="UTC")) as connection:
        catalog.write(connection, written)
        assert catalog.read(connection) == written


def test_writing_a_catalogue_again_replaces_it() -> None:
    """A staging file that already has one is brought up to date, not added to."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    info = catalog.SnapshotInfo(1, "one", catalog.FORMAT, "p", moment, moment, moment, 60, "UTC", "", "")
    full = catalog.Catalog(info, (catalog.SourceInfo("shop", moment, 1, 1),), (), (), (catalog.CheckRecord("a", "b"),))
    empty = catalog.Catalog(info, (), ())
    with closing(connect.empty(time_zone="UTC")) as connection:
        catalog.write(connection, full)
        catalog.write(connection, empty)
        assert catalog.read(connection) == empty
