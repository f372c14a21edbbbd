"""What `Server-Timing` says of the steps of an answer."""

from __future__ import annotations

import re

from gql.trace import Trace


def test_a_step_that_is_made_twice_is_named_once() -> None:
    """A document with a cursor of another generation is read for both."""
    trace = Trace()
    for name in ("parse", "parse", "plan"):
        trace.step(name)

    assert re.fullmatch(r"parse;dur=\d+\.\d\d, plan;dur=\d+\.\d\d", str(trace))
