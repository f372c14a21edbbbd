"""Times without end, which GraphQL has no value for, are found before anyone may see them."""

from __future__ import annotations

from pathlib import Path

import pytest

from snapshot.errors import CheckFailed

from .tiny import Order, asking, publish

INFINITE = (
    "'infinity'::date", "'-infinity'::date", "'infinity'::timestamp", "'infinity'::timestamptz",
    "'infinity'::timestamp_ns", "[date '2026-01-01', 'infinity'::date, null]", "{'at': 'infinity'::timestamp}",
    "map {'a': 'infinity'::date}", "map {'-infinity'::timestamptz: 1}", "[{'a': [map {1: 'infinity'::date}]}]",
    "['infinity'::date]::date[1]",
)  # fmt: skip


@pytest.mark.parametrize("sql", INFINITE)
def test_an_infinite_time_fails_the_check(tmp_path: Path, sql: str) -> None:
    """At any depth; the metric, the column and a way out are named."""
    metrics = {"stays": f"select o.id as id, case when o.paid then {sql} end as until from shop.orders o"}
    with pytest.raises(CheckFailed) as caught:
        publish(tmp_path, metrics, [Order(), Order(paid=False)])
    for words in ("metrics/stays.sql", "'until'", "infinite", "isfinite", "(1 row: id = "):
        assert words in str(caught.value)


def test_a_time_with_an_end_passes(tmp_path: Path) -> None:
    """Nulls, empty lists and texts that say infinity, too."""
    sql = (
        "select null::date as a, []::date[] as b, ['infinity'] as c, {'d': date '2026-01-01', 'e': 'infinity'} as d, "
        "map {'infinity': date '9999-12-31'} as e, date '9999-12-31' as f, [null::timestamp] as g, null::date[] as h"
    )
    with asking(publish(tmp_path, {"stays": sql})) as shop:
        assert shop.data("{ stays { nodes { f } } }")["stays"]["nodes"] == [{"f": "9999-12-31"}]
