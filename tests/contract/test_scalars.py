"""The build knows what the API can serve, though neither loads the other."""

from __future__ import annotations

import pytest

from gql.scalars import KINDS, kind_of
from snapshot.catalog import SERVED_TYPES, is_served


def test_the_types_that_a_build_lets_pass_are_those_that_have_a_scalar() -> None:
    """None more, none less."""
    assert set(KINDS) == SERVED_TYPES


@pytest.mark.parametrize(
    "kind", ["HUGEINT", "HUGEINT[]", "STRUCT(a HUGEINT)", "INTERVAL[]", "BIT", "TIME WITH TIME ZONE"]
)
def test_a_type_without_a_scalar_has_no_kind(kind: str) -> None:
    """Neither by itself nor inside a list."""
    assert not is_served(kind)
    with pytest.raises(ValueError, match="has no GraphQL scalar"):
        kind_of(kind)
