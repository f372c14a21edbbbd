"""The names of the types that a schema makes for columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from snapshot.errors import ProjectError

from .tiny import Order, asking, publish

SAME = {
    "foo_bar": "select {'p': o.id} as x, count(*) as n from shop.orders o group by all",
    "foo": "select {'p': o.id} as bar_x, count(*) as n from shop.orders o group by all",
}
OTHERS = {
    "a struct": ("select {'p': o.region} as bar_x from shop.orders o", "select {'p': o.id} as x from shop.orders o"),
    "an enum": (
        "select case when o.paid then 'a' end::enum('a') as bar_x from shop.orders o",
        "select case when o.paid then 'b' end::enum('b') as x from shop.orders o",
    ),
    "an enum and a struct": (
        "select case when o.paid then 'a' end::enum('a') as bar_x from shop.orders o",
        "select {'p': o.id} as x from shop.orders o",
    ),
    "a list and a struct": (
        "select [{'p': o.region}] as bar_x from shop.orders o",
        "select {'p': o.id} as x from shop.orders o",
    ),
}


def test_columns_of_one_type_may_share_its_name(tmp_path: Path) -> None:
    """It means the same."""
    with asking(publish(tmp_path, SAME, [Order()])) as shop:
        assert shop.data("{ foo { nodes { barX { p } } } fooBar { nodes { x { p } } } }") == {
            "foo": {"nodes": [{"barX": {"p": 1}}]},
            "fooBar": {"nodes": [{"x": {"p": 1}}]},
        }


@pytest.mark.parametrize("what", OTHERS)
def test_two_types_never_have_one_name(tmp_path: Path, what: str) -> None:
    """The build is refused, and both columns are named."""
    foo, foo_bar = OTHERS[what]
    with pytest.raises(ProjectError) as caught:
        publish(tmp_path, {"foo": foo, "foo_bar": foo_bar}, [Order()])
    for words in ("FooBarXValue", "foo.barX", "fooBar.x", "rename"):
        assert words in str(caught.value)


def test_a_part_of_a_column_never_has_the_name_of_a_metrics_type(tmp_path: Path) -> None:
    """`FooXValueRow` would be a row of one and a struct of the other."""
    foo = "select {'row': {'p': o.id}} as x from shop.orders o"
    with pytest.raises(ProjectError, match="FooXValueRow"):
        publish(tmp_path, {"foo": foo, "foo_x_value": "select o.id as id from shop.orders o"}, [Order()])
