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


@pytest.mark.parametrize("name", ["having", "where", "by", "first", "after", "offset", "order_by", "fill"])
@pytest.mark.parametrize("value", ["o.region", "o.id"])
def test_a_key_may_be_called_as_an_argument_of_lists(tmp_path: Path, name: str, value: str) -> None:
    """A row that is looked up has no other arguments than its key."""
    sql = f'-- @key {name}\nselect {value} as "{name}", o.id as n from shop.orders o'
    field, asked = "orderBy" if "_" in name else name, '"eu"' if value == "o.region" else "1"
    look_up = f"pBy{field[0].upper()}{field[1:]}"
    with asking(publish(tmp_path, {"p": sql}, [Order(region="eu")])) as shop:
        assert shop.data(f"{{ {look_up}({field}: {asked}) {{ n }} }}") == {look_up: {"n": 1}}
