"""Three days of refreshes on a clock that is only told the time: each metric when it is due, none twice or missed."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snapshot.pace import Pace

HOURS = 3600.0
PACES = {"live": 60, "revenue": 300, "refunds": 300, "buyers": 900, "cohorts": 3600, "years": 86_400}


@dataclass
class Simulated:
    """A refresher whose clock moves by what it waits and works, and the moments at which metrics were computed."""

    paces: Mapping[str, int]
    now: float = 1_000.0
    computed: dict[str, list[float]] = field(default_factory=dict)

    def run(self, until: float, work: float, left: Mapping[str, float] | None = None) -> None:
        """Refresh what is due until then; each refresh takes so long."""
        pace = Pace(lambda: self.now)
        pace.plan(self.paces, left or {})
        while self.now < until:
            pace.tick()
            if pace.due:
                due = frozenset(pace.due)
                for name in due:
                    self.computed.setdefault(name, []).append(self.now)
                self.now += work
                pace.done(due)
            else:
                self.now += pace.seconds_left()


@pytest.mark.parametrize("work", [0.0, 1.5, 45.0])
def test_in_72_hours_every_metric_is_computed_when_due_none_twice_none_missed(work: float) -> None:
    """A tick may wait for a refresh that is going on, and is then made up for at once."""
    shop = Simulated(PACES)
    shop.run(shop.now + 72 * HOURS, work)
    for name, pace in PACES.items():
        ticks = [1_000.0 + pace * n for n in range(int(72 * HOURS / pace))]
        assert len(shop.computed[name]) == len(ticks)
        late = [moment - tick for moment, tick in zip(shop.computed[name], ticks, strict=True)]
        assert min(late) == 0.0
        assert max(late) <= work


@settings(deadline=None, max_examples=200)
@given(
    paces=st.dictionaries(st.sampled_from(sorted(PACES)), st.integers(1, 500), min_size=1),
    work=st.integers(0, 700),
)
def test_ticks_that_were_missed_are_made_up_for_by_one(paces: Mapping[str, int], work: int) -> None:
    """Refreshes do not pile up: with none in a row is more due than once."""
    shop = Simulated(paces)
    shop.run(shop.now + 5_000, float(work))
    for name, pace in paces.items():
        apart = [later - earlier for earlier, later in itertools.pairwise(shop.computed[name])]
        assert min(apart, default=pace) >= min(pace, max(work, 1))
        assert max(apart, default=pace) <= pace + 2 * work


def test_metrics_of_one_pace_become_due_together() -> None:
    """Whatever is left of each: what they share is read once."""
    now = 0.0
    pace = Pace(lambda: now)
    pace.plan({"a": 300, "b": 300, "c": 60}, {"a": 100, "b": 40, "c": 50})
    now = 40.0
    pace.tick()
    assert pace.due == {"a", "b"}
    assert pace.seconds_left() == 10.0


def test_what_is_due_stays_so_until_it_is_done() -> None:
    """A refresh that fails leaves it due."""
    pace = Pace(lambda: 0.0)
    pace.plan({"a": 300}, {})
    pace.tick()
    assert pace.due == {"a"}
    pace.tick()
    assert pace.due == {"a"}
    pace.done({"a"})
    assert pace.due == set()


@pytest.mark.parametrize(("left", "first"), [(-50.0, 0.0), (1e9, 300.0), (10.0, 10.0)])
def test_the_first_tick_comes_within_a_pace(left: float, first: float) -> None:
    """Whatever a clock that was wrong says is left."""
    pace = Pace(lambda: 0.0)
    pace.plan({"a": 300}, {"a": left})
    assert pace.seconds_left() == first


def test_a_metric_that_is_no_more_is_not_due() -> None:
    """The project was read again."""
    pace = Pace(lambda: 0.0)
    pace.plan({"a": 300, "b": 300}, {})
    pace.tick()
    pace.plan({"b": 300}, {"b": 100})
    assert pace.due == {"b"}


def test_what_is_due_when_it_is_planned_again_is_next_due_a_pace_later() -> None:
    """It is brought up to date now, and not twice, however long it was still good."""
    pace = Pace(lambda: 0.0)
    pace.plan({"a": 300}, {})
    pace.tick()
    pace.plan({"a": 300}, {"a": 0.2})
    assert pace.due == {"a"}
    assert pace.seconds_left() == 300
