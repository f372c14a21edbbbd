"""`last`: time relative to the moment of the data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from graphql import GraphQLError

from gql.relative import Span, resolved
from snapshot.catalog import Column, SnapshotInfo

from .tiny import Asking, Order, asking, publish

KINDS = {"day": "DATE", "at": "TIMESTAMP", "moment": "TIMESTAMP WITH TIME ZONE"}
COLUMNS = {name: Column(name, name, kind, False, "dimension") for name, kind in KINDS.items()}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """Orders of each of the last hundred days, as of now."""
    today = datetime.now(UTC).replace(tzinfo=None)
    orders = [Order(amount=Decimal(n), placed_at=today - timedelta(days=n, hours=1)) for n in range(100)]
    measures = "count(*) as orders, count(distinct o.user_id) as buyers"
    sales = f"select o.placed_at::date as day, {measures} from shop.orders o group by all"
    metrics = {"sales": sales, "each_order": "select id, placed_at from shop.orders"}
    with asking(publish(tmp_path_factory.mktemp("shop"), metrics, orders)) as found:
        yield found


def span(field: str, as_of: str, last: dict[str, int], zone: str = "UTC") -> Span:
    """What `last` stands for in a snapshot of a moment."""
    info = replace(INFO, as_of=datetime.fromisoformat(as_of), time_zone=zone)
    found: Span = resolved({field: {"last": last}}, COLUMNS, info)[field]["last"]
    return found


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
INFO = SnapshotInfo(
    number=1, id="x", format=1, project="Shop", as_of=NOON, built_at=NOON, stale_after=NOON, pace=60, time_zone="UTC",
    definition_hash="", tool="",
)  # fmt: skip
# The unit, asOf, and the first day that is left out.
BEFORE = [
    ({"days": 30}, "2026-03-31T12:00+00:00", date(2026, 3, 1)),
    ({"weeks": 2}, "2026-03-31T12:00+00:00", date(2026, 3, 17)),
    ({"months": 1}, "2026-03-31T12:00+00:00", date(2026, 2, 28)),
    ({"months": 1}, "2024-03-31T12:00+00:00", date(2024, 2, 29)),
    ({"months": 13}, "2026-01-15T12:00+00:00", date(2024, 12, 15)),
    ({"quarters": 1}, "2026-05-31T12:00+00:00", date(2026, 2, 28)),
    ({"years": 1}, "2024-02-29T12:00+00:00", date(2023, 2, 28)),
]


@pytest.mark.parametrize(("last", "as_of", "start"), BEFORE)
def test_a_unit_goes_back_from_the_day_of_the_data(last: dict[str, int], as_of: str, start: date) -> None:
    """By the calendar; a month that has no such day gives its last one."""
    assert span("day", as_of, last) == Span(start, datetime.fromisoformat(as_of).date())


def test_the_day_of_the_data_is_the_project_s(shop: Asking) -> None:
    """An evening in Berlin is a night in Tokyo."""
    evening = "2026-03-31T20:00+00:00"
    assert span("day", evening, {"days": 1}, "Europe/Berlin").end == date(2026, 3, 31)
    assert span("day", evening, {"days": 1}, "Asia/Tokyo").end == date(2026, 4, 1)
    assert span("at", evening, {"hours": 2}, "Asia/Tokyo").end == datetime(2026, 4, 1, 5)  # noqa: DTZ001


def test_hours_pass_alike_through_the_night_in_which_the_clock_is_put_on() -> None:
    """Three hours before five in the morning it was one."""
    found = span("moment", "2026-03-29T03:00+00:00", {"hours": 3}, "Europe/Berlin")
    assert found.end - found.start == timedelta(hours=4), "Python tells the difference of the local times"
    assert isinstance(found.start, datetime)
    assert found.start.astimezone(UTC) == datetime(2026, 3, 29, 0, tzinfo=UTC)


def test_it_is_found_at_any_depth() -> None:
    """Within and, or and not."""
    where = {"not": {"or": [{"day": {"last": {"days": 1}}}, {"and": [{"at": {"last": {"hours": 1}}}]}]}}
    found = resolved(where, COLUMNS, INFO)
    assert isinstance(found["not"]["or"][0]["day"]["last"], Span)
    assert isinstance(found["not"]["or"][1]["and"][0]["at"]["last"], Span)


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("day", {"hours": 3}), ("day", {"days": 0}), ("at", {"minutes": -1}), ("day", {"years": 5000}),
    ("at", {"days": 2**31 - 1}),
]  # fmt: skip


@pytest.mark.parametrize(("field", "last"), REFUSED)
def test_what_is_no_time_is_refused(field: str, last: dict[str, int]) -> None:
    """A date has no hours, and nothing was before the year 1."""
    with pytest.raises(GraphQLError) as raised:
        span(field, "2026-03-31T12:00+00:00", last)
    assert (raised.value.extensions or {})["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("days", [1, 7, 30, 400])
def test_an_answer_of_the_last_days_is_that_of_the_days_named(shop: Asking, days: int) -> None:
    """Measures that add and those that do not, rows and totals."""
    today = datetime.fromisoformat(shop.data("{snapshot {asOf}}")["snapshot"]["asOf"]).date()
    body = "{nodes {day orders buyers} totals {orders buyers} totalCount}"
    named = f'{{gt: "{today - timedelta(days=days)}", lte: "{today}"}}'
    found = shop.data(
        f"{{a: sales(where: {{day: {{last: {{days: {days}}}}}}}) {body} b: sales(where: {{day: {named}}}) {body}}}"
    )
    assert found["a"] == found["b"]
    assert found["a"]["totalCount"] in (min(days, 100), min(days, 100) - 1)


def test_the_last_hours_of_a_time_are_counted_from_the_data(shop: Asking) -> None:
    """The first order is an hour old."""
    assert shop.data("{eachOrder(where: {placedAt: {last: {hours: 2}}}) {totalCount}}")["eachOrder"]["totalCount"] == 1
    assert (
        shop.data("{eachOrder(where: {placedAt: {last: {minutes: 9}}}) {totalCount}}")["eachOrder"]["totalCount"] == 0
    )


def test_one_unit_is_named(shop: Asking) -> None:
    """Two would be a riddle."""
    with pytest.raises(GraphQLError, match="exactly one key"):
        shop.data("{sales(where: {day: {last: {days: 1, weeks: 1}}}) {totalCount}}")
