"""A generation that is not current yet is warmed for a moment and no longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from gql import service as module
from gql.answer import Request
from gql.kept import Key, to_keep
from gql.service import Service
from snapshot.events import nobody

from .tiny import Order, asking, publish

# DuckDB is not asked for it, so nobody else looks at the time.
TYPES = Request("{ __schema { types { name } } }", {})


@pytest.mark.parametrize(("seconds", "is_warm"), [(60.0, True), (-1.0, False)])
def test_answers_are_made_ahead_until_the_time_is_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, is_warm: bool
) -> None:
    """Also those that ask nothing of the snapshot."""
    monkeypatch.setattr(module, "WARMING_SECONDS", seconds)
    settings = publish(tmp_path, {"sales": "select count(*) as n from shop.orders o"}, [Order()])
    before = Key("before", "", "application/json", TYPES.key)
    service = Service(settings, nobody)
    service.answers.keep(before, TYPES, to_keep(200, before.media, b"", "before", "", lasting=True, timing=b""))
    service.answers.find(before)

    with asking(settings) as shop:
        service.warm(shop.generation)
        kept = service.answers.find(before._replace(generation=shop.generation.generation.id))

    service.workers.stop()
    assert (kept is not None) is is_warm
