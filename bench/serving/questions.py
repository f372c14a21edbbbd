"""What is asked: four questions of a dashboard, and a table of ten columns."""

from __future__ import annotations

import json
from typing import Any


def body(query: str, **variables: Any) -> bytes:
    """A request; `__ID__` becomes another user's number each time."""
    return json.dumps({"query": query, "variables": variables}).replace('"__ID__"', "__ID__").encode()


ROW = "activeUsers orders revenue"
# The days of one plan and region; one user by the key; totals by plan over a range; the first hundred users.
FOUR = {
    "q1": body(
        "query ($plan: String!, $region: String!) { metricsDaily(by: [DAY, PLAN], where: {plan: {eq: $plan}, "
        f"region: {{eq: $region}}}}, orderBy: [{{day: ASC}}]) {{ nodes {{ day plan {ROW} }} }} }}",
        plan="pro",
        region="eu-west",
    ),
    "q2": body(
        "query ($id: BigInt!) { userDashboardByUserId(userId: $id) { userId orders revenue lastSeen } }", id="__ID__"
    ),
    "q3": body(
        "query ($from: Date!, $to: Date!) { metricsDaily(by: [PLAN], where: {day: {gte: $from, lte: $to}}) "
        f"{{ nodes {{ plan {ROW} }} }} }}",
        **{"from": "2026-10-25", "to": "2026-11-23"},
    ),
    "q4": body(
        "query ($n: Int!) { userDashboard(orderBy: [{revenue: DESC}], first: $n) "
        "{ nodes { userId orders revenue lastSeen } } }",
        n=100,
    ),
}
COLUMNS = " ".join(["id", *(f"c{n}" for n in range(9))])


def wide(rows: int) -> bytes:
    """So many rows of ten columns."""
    return body(f"query ($n: Int!) {{ wide(first: $n, orderBy: [{{id: ASC}}]) {{ nodes {{ {COLUMNS} }} }} }}", n=rows)
