"""What the interpreter's time goes into while it answers, by py-spy: of a hit, of a small miss, and of many rows.

    python bench/serving/spent.py

`wrk` has to be there. Each stack counts for the innermost of its frames that is of one of these.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

from projects import make
from questions import FOUR, wide
from run import NO_ROWS_HELD, NOTHING_KEPT
from running import pacelayer_process, wrk

SECONDS = 10
# What the interpreter works on, by the files it is in.
WORK = {
    "the network and turns to a thread": r"uvicorn|starlette|httptools|uvloop|asyncio|threading|concurrent|"
    r"gql/(wire|app|http|limits|event_stream)\.py",
    "reading the request": r"gql/(read|exact|operations|operation_request)\.py",
    "finding the kept answer, keeping it, its headers": r"gql/(service|kept|freshness|encoding|trace|bounded)\.py",
    "document and plan": r"graphql|gql/(answer|document|prepare|ask|asked|plan|fixed|question|extras)\.py",
    "rows": r"gql/(resident|table|page|cursor)\.py|snapshot/reader/",
    "the response": r"gql/(execute|complete|fields|connection|write|changes|live)\.py",
}
# The settings and the question of each case.
CASES = {
    "hit: q1, kept": ("", FOUR["q1"]),
    "miss: q2, rows held": (NOTHING_KEPT, FOUR["q2"]),
    "miss: 1,000 rows by DuckDB": (NO_ROWS_HELD, wide(1_000)),
}


def work_of(stack: str) -> str:
    """What a stack of `function (file:line)`, the innermost last, is for."""
    for frame in reversed(stack.split(";")):
        for name, files in WORK.items():
            if re.search(rf"\((?:.*/)?(?:{files})", frame):
                return name
    return "else"


def spent(pid: int, base: str, body: bytes, folder: Path) -> Counter[str]:
    """How often a process was seen at each kind of work, by one connection: of several, equal questions are one."""
    raw = folder / "stacks"
    wrk(f"{base}/graphql", body, connections=1, seconds=2)
    asking = Thread(target=wrk, args=(f"{base}/graphql", body), kwargs={"connections": 1, "seconds": SECONDS + 4})
    asking.start()
    command = ["py-spy", "record", "--gil", "--rate", "200", "--duration", str(SECONDS), "--format", "raw"]
    subprocess.run(
        [Path(sys.executable).parent / command[0], *command[1:], "--output", raw, "--pid", str(pid)],
        check=True,
        capture_output=True,
    )
    asking.join()
    found: Counter[str] = Counter()
    for line in raw.read_text().splitlines():
        stack, _, times = line.rpartition(" ")
        found[work_of(stack)] += int(times)
    return found


def main() -> None:
    """Measure each case, and print the shares."""
    with TemporaryDirectory() as folder:
        project, cases = make(Path(folder) / "plain"), {}
        settings = project / "pacelayer.toml"
        text = settings.read_text().partition("[server]")[0]
        for case, (server, body) in CASES.items():
            settings.write_text(f"{text}[server]\n{server}\n")
            with pacelayer_process(project) as (base, pid):
                cases[case] = spent(pid, base, body, Path(folder))
    print(f"| | {' | '.join(cases)} |")
    for name in (*WORK, "else"):
        print(f"| {name} | {' | '.join(f'{found[name] / found.total():.0%}' for found in cases.values())} |")


if __name__ == "__main__":
    main()
