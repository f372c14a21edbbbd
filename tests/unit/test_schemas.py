"""A schema serves on over generations that only have other numbers."""

from __future__ import annotations

import gc
import sys
import weakref
from dataclasses import replace
from pathlib import Path

import pytest

from gql.schema import build
from gql.schemas import Schemas
from snapshot.catalog import Catalog

from .tiny import Order, asking, fill, publish, publish_again

SALES = "select o.region, count(*) as n, avg(o.amount) as mean from shop.orders o group by all"
DAILY = "select date_trunc('day', o.placed_at)::date as day, sum(o.amount) as amount from shop.orders o group by all"


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """The catalogue of two metrics."""
    with asking(publish(tmp_path, {"daily": DAILY, "sales": SALES}, [Order()])) as shop:
        return shop.generation.catalog


def described(catalog: Catalog, words: str) -> Catalog:
    """The same where the last metric has another description."""
    *others, last = catalog.metrics
    return replace(catalog, metrics=(*others, replace(last, description=words)))


def test_a_generation_without_another_definition_is_served_by_the_schema_that_is_there(tmp_path: Path) -> None:
    """Its documents too; the rows that are counted are those of the new one."""
    settings, schemas = publish(tmp_path, {"sales": SALES}, [Order()]), Schemas()
    with asking(settings) as shop:
        first = schemas(shop.generation.catalog)
    fill(settings, [Order(), Order(region="us")])
    publish_again(settings)
    with asking(settings) as shop:
        second = schemas(shop.generation.catalog)

    assert second.schema is first.schema
    assert second.documents is first.documents
    assert [root.metric.grains[0].rows for root in (first.roots["sales"], second.roots["sales"])] == [1, 2]


def test_another_definition_makes_another_schema_of_the_types_that_are_the_same(catalog: Catalog) -> None:
    """A new word in a description is one already."""
    schemas = Schemas()
    first = schemas(catalog)
    second = schemas(described(catalog, "Orders by region."))

    assert "Orders by region." in second.sdl
    assert second.schema is not first.schema
    daily, sales = (list(api.parts.values()) for api in (first, second))
    assert sales[0] is daily[0]
    assert sales[1] is not daily[1]


def test_types_that_serve_again_make_the_schema_that_new_ones_make(catalog: Catalog) -> None:
    """Also where they have served twice, and in another order."""
    schemas = Schemas()
    turned = replace(catalog, metrics=catalog.metrics[::-1])
    made = [schemas(catalog), schemas(described(catalog, "Other words.")), schemas(turned)]

    assert [api.sdl for api in made] == [build(api.catalog).sdl for api in made]


def test_a_page_of_an_older_generation_does_not_take_the_schema_from_the_current_one(catalog: Catalog) -> None:
    """Whoever is open may be the one that has it."""
    schemas = Schemas()
    current = schemas(catalog)
    older = schemas(described(catalog, "Older words."))

    assert schemas(catalog).schema is current.schema
    assert older.schema is not current.schema


def test_the_schema_of_a_generation_that_nobody_has_is_forgotten(catalog: Catalog) -> None:
    """It is let go with the last generation that it serves."""
    schemas = Schemas()
    gone = weakref.ref(schemas(catalog).schema)
    gc.collect()

    assert gone() is None


def test_types_are_made_in_short_turns_and_all_is_as_it_was_then(catalog: Catalog) -> None:
    """The garbage collector is on again, also where a type cannot be made."""
    turn = sys.getswitchinterval()
    (daily, sales) = catalog.metrics
    broken = replace(sales, columns=(replace(sales.columns[0], type="HUGEINT"), *sales.columns[1:]))
    with pytest.raises(ValueError, match="HUGEINT"):
        Schemas()(replace(catalog, metrics=(daily, broken)))

    assert sys.getswitchinterval() == turn
    assert gc.isenabled()


SHARED = {
    "foo_bar": "select {'p': o.id} as x, [1] as y from shop.orders o",
    "foo": "select {'p': o.id} as bar_x from shop.orders o",
}


@pytest.fixture
def shared(tmp_path: Path) -> Catalog:
    """The catalogue of two metrics of which columns share a type of their own, `FooBarXValue`."""
    with asking(publish(tmp_path, SHARED, [Order()])) as shop:
        return shop.generation.catalog


def test_a_type_of_two_metrics_is_one_where_only_one_of_them_is_new(shared: Catalog) -> None:
    """The new one takes what the other has."""
    schemas = Schemas()
    made = [schemas(shared), schemas(described(shared, "Other words."))]

    assert [api.sdl for api in made] == [build(api.catalog).sdl for api in made]
    assert made[1].sdl.count("type FooBarXValue ") == 1


def test_a_new_metric_does_not_get_the_name_of_a_type_that_is_there(shared: Catalog) -> None:
    """It is refused as in a schema that is made anew, and the schema that is there serves on."""
    schemas = Schemas()
    first = schemas(shared)
    *others, last = shared.metrics
    columns = (replace(last.columns[0], type="STRUCT(q BIGINT)"), *last.columns[1:])
    with pytest.raises(ValueError, match="FooBarXValue"):
        schemas(replace(shared, metrics=(*others, replace(last, columns=columns))))

    assert schemas(shared).schema is first.schema
