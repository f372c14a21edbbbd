"""How fast answers are, beside the bare server and bare DuckDB, measured in one run.

    python bench/serving/run.py --json serving.json

`wrk` has to be there. Server and load generator share the machine; what counts is the ratios.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from projects import make
from questions import FOUR, wide
from running import Measure, ask, bare, in_turn, in_words, pacelayer, wrk

CONNECTIONS = (1, 16)
NOTHING_KEPT = "answer_bytes = 0"
NO_ROWS_HELD = "answer_bytes = 0\nresident_cells = 0"
MANY_METRICS, MANY_ROWS = 200, 10_000_000


class Bench:
    """One run: so many repeats of so many seconds each."""

    def __init__(self, folder: Path, repeats: int, seconds: int) -> None:
        self.folder, self.repeats, self.seconds = folder, repeats, seconds
        self.project = make(folder / "plain")
        self.constant = folder / "constant.json"
        self.constant.write_bytes(b"{}")

    def with_settings(self, server: str) -> Path:
        """The same project and snapshot, served otherwise."""
        text = (self.project / "pacelayer.toml").read_text().partition("[server]")[0]
        (self.project / "pacelayer.toml").write_text(f"{text}[server]\n{server}\n")
        return self.project

    def measured(self, url: str, body: bytes, connections: int, **options: Any) -> Callable[[], Measure]:
        """A measurement to make."""
        return partial(wrk, url, body, connections=connections, seconds=self.seconds, **options)

    def repeated(self) -> dict[str, Any]:
        """A repeated question beside constant bytes, and 304 beside 304."""
        found = {}
        with pacelayer(self.with_settings("")) as base:
            _, answer = ask(f"{base}/graphql", FOUR["q1"])
            self.constant.write_bytes(answer)
            get = f"{base}/graphql?query=%7BmetricsDaily(by:[DAY])%7Bnodes%7Bday%20orders%7D%7D%7D"
            known = {"If-None-Match": ask(get, headers={})[0]["etag"]}
            with bare((self.project / "snapshots/current.duckdb").resolve(), self.constant) as floor:
                for count in CONNECTIONS:
                    pairs = {
                        "answer": (f"{floor}/constant", f"{base}/graphql", FOUR["q1"], {}),
                        "304": (f"{floor}/unchanged", get, b"", known),
                    }
                    for name, (there, here, body, sent) in pairs.items():
                        constant, kept = in_turn(
                            self.repeats,
                            self.measured(there, body, count, headers=sent),
                            self.measured(here, body, count, headers=sent),
                        )
                        found[f"{name}, {count} connections"] = compared("constant", constant, "kept", kept)
        return found

    def four(self) -> dict[str, Any]:
        """The four questions: with answers kept, with rows held ready, and each by a query of DuckDB."""
        found: dict[str, Any] = {}
        for name, server in (("kept", ""), ("rows held", NOTHING_KEPT), ("DuckDB", NO_ROWS_HELD)):
            with pacelayer(self.with_settings(server)) as base:
                for question, body in FOUR.items():
                    for count in CONNECTIONS:
                        self.measured(f"{base}/graphql", body, count)()
                        (measured,) = in_turn(self.repeats, self.measured(f"{base}/graphql", body, count))
                        found.setdefault(f"{question}, {count} connections", {})[name] = measured
        return found

    def rows(self) -> dict[str, Any]:
        """More and more rows by a query of DuckDB, beside DuckDB and orjson."""
        found = {}
        snapshot = (self.project / "snapshots/current.duckdb").resolve()
        with pacelayer(self.with_settings(NO_ROWS_HELD)) as base, bare(snapshot, self.constant) as floor:
            for count in (30, 1_000, 10_000):
                plain, ours = in_turn(
                    self.repeats,
                    self.measured(f"{floor}/rows/{count}", wide(count), 1),
                    self.measured(f"{base}/graphql", wide(count), 1),
                )
                found[f"{count:,} rows"] = compared("DuckDB and orjson", plain, "pacelayer", ours)
        return found

    def other_projects(self) -> dict[str, Any]:
        """A larger source, and many metrics, beside the same without."""
        found: dict[str, Any] = {}
        cases = {
            f"{MANY_ROWS:,} rows": make(self.folder / "large", server=NOTHING_KEPT, rows=MANY_ROWS),
            f"{MANY_METRICS} metrics": make(self.folder / "many", server=NOTHING_KEPT, more=MANY_METRICS - 3),
        }
        for name, other in cases.items():
            with pacelayer(self.with_settings(NOTHING_KEPT)) as base:
                begun = time.monotonic()
                with pacelayer(other) as there:
                    started = time.monotonic() - begun
                    for question in ("q1", "q2"):
                        plain, ours = in_turn(
                            self.repeats,
                            self.measured(f"{base}/graphql", FOUR[question], 1),
                            self.measured(f"{there}/graphql", FOUR[question], 1),
                        )
                        found[f"{name}, {question}"] = compared("plain", plain, name, ours)
                    found[f"{name}, started"] = {"seconds": started}
        return found

    def workers(self) -> dict[str, Any]:
        """Two workers beside one."""
        measured = []
        for count in ("1", "2"):
            with pacelayer(self.with_settings(NOTHING_KEPT), "--workers", count) as base:
                measured += in_turn(self.repeats, self.measured(f"{base}/graphql", FOUR["q4"], 16))
        return {"q4, 16 connections": compared("one", measured[0], "two", measured[1])}


def compared(a: str, of_a: Measure, b: str, of_b: Measure) -> dict[str, Any]:
    """Two measurements and how the second is to the first."""
    return {a: of_a, b: of_b, "rate ratio": of_b["rate"] / of_a["rate"], "p50 ratio": of_b["p50"] / of_a["p50"]}


def main() -> None:
    """Measure, and say it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--only", nargs="+", default=["repeated", "four", "rows", "other_projects", "workers"])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        bench = Bench(Path(folder), arguments.repeats, arguments.seconds)
        found = {name: getattr(bench, name)() for name in arguments.only}
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")
    for name, cases in found.items():
        print(f"\n{name}")
        for case, values in cases.items():
            print(f"  {case}: {'; '.join(in_words(values))}")


if __name__ == "__main__":
    main()
