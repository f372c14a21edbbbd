"""What was measured, as a table, a verdict in a sentence, data, and an exit code."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .compare import Comparison
from .live import Live
from .prototype import Prototype


@dataclass(frozen=True)
class Report:
    """One question; `refused` says why it cannot be asked live. `target` in milliseconds."""

    question: str
    live: Live | None
    refused: str
    prototype: Prototype
    comparison: Comparison | None
    target: float

    @property
    def ways(self) -> dict[str, tuple[float, ...]]:
        """Milliseconds of each run, the slowest way first."""
        asked = {"live": self.live.total} if self.live else {}
        made = self.prototype
        return asked | {"from the snapshot": made.read, "API, missed": made.missed, "API, hit": made.hit}

    @property
    def layers(self) -> Mapping[str, float]:
        """Where the time of a live answer goes: median milliseconds."""
        return self.live.layers if self.live else {}

    @property
    def meets_target(self) -> bool:
        """Nineteen of twenty answers of the API come in time, even those that nobody asked before."""
        return percentile(self.prototype.missed, 95) <= self.target

    @property
    def verdict(self) -> str:
        """The sentence to decide by."""
        read, missed = map(statistics.median, (self.prototype.read, self.prototype.missed))
        after = (
            f"from the snapshot {read:.1f} ms, through the API {missed:.1f} ms: "
            f"{'under' if self.meets_target else 'not under'} {self.target:g} ms"
        )
        if self.live is None:
            return f"cannot run live: {self.refused}; {after}"
        total = statistics.median(self.live.total)
        layer, spent = max(self.layers.items(), key=lambda item: item[1])
        return f"{_LAYERS[layer]} {spent / sum(self.layers.values()):.0%} of {total:.0f} ms; {after}"

    @property
    def exit_code(self) -> int:
        """0 where the API is in time and no answer differs, else 1."""
        return int(not self.meets_target or (self.comparison is not None and not self.comparison.equal))

    def rows(self) -> list[list[str]]:
        """The table: each way, its median and 95th percentile in milliseconds, and how many times faster it is."""
        slowest = statistics.median(next(iter(self.ways.values())))
        return [
            [
                name,
                f"{statistics.median(times):.1f}",
                f"{percentile(times, 95):.1f}",
                f"{slowest / statistics.median(times):.0f}",
            ]
            for name, times in self.ways.items()
        ]

    def data(self) -> dict[str, Any]:
        """Everything, for a program."""
        return {
            "question": self.question,
            "verdict": self.verdict,
            "target_ms": self.target,
            "meets_target": self.meets_target,
            "cannot_run_live": self.refused or None,
            "layers_ms": dict(self.layers),
            "ways_ms": {name: {"p50": statistics.median(t), "p95": percentile(t, 95)} for name, t in self.ways.items()},
            "built_seconds": self.prototype.built,
            "equal": self.comparison.equal if self.comparison else None,
            "compared": self.comparison.verdict if self.comparison else None,
            "differing": list(self.comparison.differing) if self.comparison else [],
            "causes": list(self.comparison.causes) if self.comparison else [],
        }

    def notes(self) -> list[str]:
        """What stands below the table."""
        layers = ", ".join(f"{name} {spent:.1f} ms" for name, spent in self.layers.items())
        lines = [f"live: {layers}"] if layers else []
        lines.append(f"computed once in {self.prototype.built:.1f} s")
        if self.comparison:
            lines += [f"answers: {self.comparison.verdict}", *self.comparison.differing]
            lines += [f"a known cause: {cause}" for cause in self.comparison.causes]
        return [*lines, self.verdict]


HEADER = ("way", "median ms", "95th percentile ms", "times faster")
_LAYERS = {
    "connect": "connecting is",
    "plan": "planning is",
    "database": "aggregation in the database is",
    "transfer": "the way from the database is",
    "fetch": "fetching the answer is",
    "endpoint": "the endpoint is",
}


def percentile(times: Sequence[float], hundredth: int) -> float:
    """The value below which so many hundredths of the runs are."""
    return statistics.quantiles(times, n=100, method="inclusive")[hundredth - 1] if len(times) > 1 else times[0]
