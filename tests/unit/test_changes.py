"""Which metrics a generation changed, by the catalogue's own records."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gql.changes import changed_metrics, definitions_of
from snapshot.catalog import BuildRecord, Catalog

from .tiny import Order, User, asking, publish

METRICS = {
    "orders_by_region": "select region, count(*) as orders from shop.orders group by all",
    "buyers": "select region, count(distinct user_id) as buyers from shop.orders group by all",
    "people": "select id, plan from shop.users",
}
FIELDS = ["buyers", "ordersByRegion", "people"]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """The catalogue of generation 1."""
    with asking(publish(tmp_path_factory.mktemp("tiny"), METRICS, [Order()], [User()])) as asked:
        return asked.generation.catalog


def later(catalog: Catalog, number: int, **builds: tuple[str, str]) -> Catalog:
    """The same with the records of another refresh: mode and content by the metric's name; else it was unchanged."""
    last = {r.name: r.content for r in catalog.builds if r.kind == "metric"}
    done = {name: builds.get(name, ("unchanged", content)) for name, content in last.items()}
    records = [
        BuildRecord(number, "metric", name, mode, 1, 0.0, content=content) for name, (mode, content) in done.items()
    ]
    return replace(catalog, snapshot=replace(catalog.snapshot, number=number), builds=(*catalog.builds, *records))


def changed(catalog: Catalog, since: int, then: Catalog | None) -> list[str]:
    """The fields, in order; `then` is the catalogue whose definitions are remembered."""
    return sorted(changed_metrics(catalog, since, definitions_of(then) if then else None))


def test_nothing_is_changed_since_the_same_generation(catalog: Catalog) -> None:
    """Neither where its definitions are remembered nor where they are not."""
    assert changed(catalog, 1, catalog) == changed(catalog, 1, None) == []


def test_a_metric_with_other_rows_is_changed(catalog: Catalog) -> None:
    """And no other one."""
    assert changed(later(catalog, 2, people=("delta", "7")), 1, catalog) == ["people"]


def test_what_changed_in_between_is_changed(catalog: Catalog) -> None:
    """Whoever missed some generations is told of all that they brought."""
    third = later(later(catalog, 2, people=("delta", "7")), 3, orders_by_region=("delta", "8"))

    assert changed(third, 1, catalog) == ["ordersByRegion", "people"]
    assert changed(third, 2, catalog) == ["ordersByRegion"]


def test_rows_that_went_and_came_back_are_not_changed(catalog: Catalog) -> None:
    """The numbers that a client has are right again."""
    content = {r.name: r.content for r in catalog.builds}
    back = later(later(catalog, 2, people=("delta", "7")), 3, people=("delta", content["people"]))

    assert changed(back, 1, catalog) == []


def test_a_holistic_metric_that_was_computed_anew_is_changed_whatever_its_own_rows_are(catalog: Catalog) -> None:
    """A buyer for another one: the regions have as many, all of them together may not."""
    content = {r.name: r.content for r in catalog.builds}
    second = later(catalog, 2, buyers=("delta", content["buyers"]), people=("delta", content["people"]))

    assert changed(second, 1, catalog) == ["buyers"]


def test_another_definition_is_a_change_where_the_rows_are_the_same(catalog: Catalog) -> None:
    """Another unit, say, or a metric that was not there."""
    metrics = tuple(replace(m, description="Other words") if m.name == "people" else m for m in catalog.metrics)

    assert changed(replace(catalog, metrics=metrics), 1, catalog) == ["people"]
    assert changed(catalog, 1, replace(catalog, metrics=catalog.metrics[1:])) == [catalog.metrics[0].field]


def test_where_definitions_are_not_remembered_what_was_computed_in_full_is_changed(catalog: Catalog) -> None:
    """It may have been for another definition."""
    content = {r.name: r.content for r in catalog.builds}

    assert changed(later(catalog, 2, people=("full", content["people"])), 1, None) == ["people"]
    assert changed(later(catalog, 2, people=("full", content["people"])), 1, catalog) == []


def test_since_a_generation_that_left_no_record_everything_is_changed(catalog: Catalog) -> None:
    """It is long gone, or was rolled back: this generation is of another line."""
    assert changed(later(catalog, 3), 2, catalog) == FIELDS
    assert changed(catalog, 2, catalog) == FIELDS
