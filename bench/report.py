"""The tables of docs/explanation/performance.md, printed from what the benches wrote, and its plots.

    python bench/report.py bench/results docs/explanation/performance

The first folder has `serving.json`, `flips.json`, `refresh.json` and `peers.jsonl`, as far as they were measured.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib.pyplot as plt
from serving.running import in_words

QUESTIONS = ("q1", "q2", "q3", "q4")


def serving(measured: Mapping[str, Any]) -> Iterator[str]:
    """Each comparison: both rates and medians, and how they are to each other."""
    for name, cases in measured.items():
        yield f"\n**{name}**\n"
        for case, values in cases.items():
            yield f"| {case} | {' | '.join(in_words(values))} |"


def peers(lines: list[dict[str, Any]], connections: str) -> Iterator[str]:
    """Each server: the rate at so many connections and the p99 in ms, of each question."""
    lines = [line for line in lines if connections in line]
    yield f"\n**{connections}**\n"
    yield "| server | " + " | ".join(QUESTIONS) + " |"
    yield "| --- |" + " --- |" * len(QUESTIONS)
    for target in dict.fromkeys(line["target"] for line in lines):
        cells = []
        for question in QUESTIONS:
            runs = [line[connections] for line in lines if line["target"] == target and line["q"] == question]
            rates = [run["rps"] for run in runs if "rps" in run]
            cells.append(f"{median(rates):,.0f} ({median(r['p99'] for r in runs) / 1e3:.1f})" if rates else "failed")
        yield f"| {target} | {' | '.join(cells)} |"


def refresh(results: list[dict[str, float]]) -> Iterator[str]:
    """Each measure, by the size of the table."""
    yield "| seconds | " + " | ".join(f"{int(result['rows']):,} rows" for result in results) + " |"
    yield "| --- |" + " --- |" * len(results)
    for name in results[0]:
        if name != "rows":
            yield f"| {name} | {' | '.join(f'{result[name]:.2f}' if name in result else '' for result in results)} |"


def plot_refresh(results: list[dict[str, float]], file: Path) -> None:
    """Seconds of a refresh against the part of the rows that changed, a line for each size."""
    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    for result in results:
        shares = [share for share in (1, 5, 25) if f"changed {share} %" in result]
        axes.plot(shares, [result[f"changed {s} %"] for s in shares], marker="o", label=f"{int(result['rows']):,} rows")
    axes.set(xlabel="changed rows, %", ylabel="whole refresh, s", ylim=(0, None))
    axes.legend()
    figure.savefig(file)


def plot_peers(lines: list[dict[str, Any]], file: Path) -> None:
    """The rate of each server at 16 connections, a group of bars for each question."""
    lines = [line for line in lines if "c16" in line]
    targets = list(dict.fromkeys(line["target"] for line in lines))
    figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
    for number, target in enumerate(targets):
        rates = [
            median(
                [line["c16"].get("rps", 0.1) for line in lines if (line["target"], line["q"]) == (target, q)] or [0.1]
            )
            for q in QUESTIONS
        ]
        places = [place + (number + 0.5) / len(targets) * 0.9 for place in range(len(QUESTIONS))]
        axes.bar(places, rates, 0.9 / len(targets), label=target)
    axes.set(yscale="log", ylabel="answers per second, 16 connections")
    axes.set_xticks([place + 0.45 for place in range(len(QUESTIONS))], QUESTIONS)
    axes.legend(fontsize="x-small", ncols=3)
    figure.savefig(file)


def main() -> None:
    """Print all of it."""
    if len(sys.argv) != 3:  # noqa: PLR2004  two folders
        sys.exit(__doc__)
    measured, plots = map(Path, sys.argv[1:])
    plots.mkdir(parents=True, exist_ok=True)
    if (file := measured / "serving.json").exists():
        print("\n".join(serving(json.loads(file.read_text()))))
    if (file := measured / "peers.jsonl").exists():
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        for connections in ("c1", "c16"):
            print("\n".join(peers(lines, connections)))
        plot_peers(lines, plots / "peers.svg")
    if (file := measured / "refresh.json").exists():
        results = json.loads(file.read_text())
        print("\n".join(refresh(results)))
        plot_refresh(results, plots / "refresh.svg")
    if (file := measured / "flips.json").exists():
        print(file.read_text())


if __name__ == "__main__":
    main()
