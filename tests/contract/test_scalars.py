"""The build knows what the API can serve, though neither loads the other."""

from __future__ import annotations

import pytest

from gql.scalars import KINDS, kind_of
from snapshot.catalog import SERVED_TYPES, is_served, served_type


def test_the_types_that_a_build_lets_pass_are_those_that_have_a_scalar() -> None:
    """None more, none less."""
    assert set(KINDS) == SERVED_TYPES


@pytest.mark.parametrize(
    ("kind", "instead"),
    [
        ("HUGEINT", "BIGINT"),
        ("BIT", "VARCHAR"),
        ("TIME WITH TIME ZONE", "VARCHAR"),
        ("UNION(a INTEGER, b VARCHAR)", "VARCHAR"),
        ("HUGEINT[]", "BIGINT[]"),
        ("UHUGEINT[3][]", "UBIGINT[3][]"),
        ("INTERVAL[]", "VARCHAR[]"),
        ("BIT[]", "VARCHAR[]"),
        ("STRUCT(a HUGEINT, b DATE)", 'STRUCT("a" BIGINT, "b" DATE)'),
        ("MAP(VARCHAR, STRUCT(t TIMESTAMP_NS)[])", 'MAP(VARCHAR, STRUCT("t" VARCHAR)[])'),
    ],
)
def test_a_type_without_a_scalar_has_no_kind(kind: str, instead: str) -> None:
    """Neither by itself nor inside a list; the advice keeps as much of it as can be."""
    assert not is_served(kind)
    assert served_type(kind) == instead
    assert kind_of(instead)
    with pytest.raises(ValueError, match="has no GraphQL scalar"):
        kind_of(kind)


@pytest.mark.parametrize(
    "kind", ['STRUCT("a HUGEINT" INTEGER, "INTERVAL" DATE)', "ENUM('HUGEINT')[]", "DECIMAL(38,2)[][2]", "JSON[]"]
)
def test_a_name_within_a_type_is_not_a_type(kind: str) -> None:
    """What a part or a value is called says nothing of what it is."""
    assert is_served(kind)
    assert kind_of(kind)
