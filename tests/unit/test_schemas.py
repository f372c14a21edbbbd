"""A schema serves on over generations that only have other numbers."""

from __future__ import annotations

from pathlib import Path

from gql.schema import Schemas

from .tiny import Order, asking, fill, publish, publish_again

SALES = "select o.region, count(*) as n from shop.orders o group by all"


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


def test_another_definition_makes_another_schema(tmp_path: Path) -> None:
    """A new word in a description is one already."""
    settings, schemas = publish(tmp_path, {"sales": SALES}, [Order()]), Schemas()
    with asking(settings) as shop:
        first = schemas(shop.generation.catalog)
    (tmp_path / "metrics" / "sales.sql").write_text(f"-- Orders by region.\n{SALES}")
    publish_again(settings)
    with asking(settings) as shop:
        second = schemas(shop.generation.catalog)

    assert second.schema is not first.schema
    assert "Orders by region." in second.sdl
