"""pacelayer beside its peers: a project over the data of a bench that starts them, added there as three more targets.

    python bench/serving/peers.py FOLDER

FOLDER holds such a bench: `targets.json`, a start script for each target, `queries/`, and the data in
`data/peers.sqlite`. Its own `bench.py` then measures `pacelayer`, `pacelayer_rows` (without kept answers) and
`pacelayer_duckdb` (a query for each question) like any other.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

from projects import METRICS
from questions import FOUR
from run import NO_ROWS_HELD, NOTHING_KEPT

TOML = """
name = "Peers"
[sources.shop]
url = "sqlite:///{data}"
[sources.shop.tables.metrics_daily.types]
day = "DATE"
[sources.shop.tables.user_dashboard.types]
last_seen = "TIMESTAMP"
[server]
port = {port}
{server}
"""
TARGETS = {"pacelayer": "", "pacelayer_rows": NOTHING_KEPT, "pacelayer_duckdb": NO_ROWS_HELD}
FIRST_PORT = 18120
PLACES = {
    "q1": "data.metricsDaily.nodes",
    "q2": "data.userDashboardByUserId",
    "q3": "data.metricsDaily.nodes",
    "q4": "data.userDashboard.nodes",
}


def add(bench: Path, name: str, server: str, port: int) -> None:
    """One target: its project with a snapshot, its start script, its questions, its entry."""
    project = bench / "projects" / name
    (project / "metrics").mkdir(parents=True, exist_ok=True)
    users = METRICS["user_dashboard"].replace("shop.users", "shop.user_dashboard")
    for metric, sql in {**METRICS, "user_dashboard": users}.items():
        if metric != "wide":
            (project / "metrics" / f"{metric}.sql").write_text(sql + "\n")
    data = (bench / "data" / "peers.sqlite").resolve()
    (project / "pacelayer.toml").write_text(TOML.format(data=data, port=port, server=server))
    command = [sys.executable, "-m", "pacelayer", "--project", str(project.resolve())]
    for verb in ("check", "refresh"):
        subprocess.run([*command, verb], check=True, stdout=subprocess.DEVNULL)
    script = bench / f"start_{name}.sh"
    script.write_text(f"#!/bin/bash\nexec {shlex.join([*command, 'serve', '--quiet'])}\n")
    script.chmod(0o755)
    (bench / "queries" / name).mkdir(exist_ok=True)
    for question, body in FOUR.items():
        (bench / "queries" / name / f"{question}.json").write_bytes(body)
    targets = json.loads((bench / "targets.json").read_text())
    targets[name] = {
        "start": script.name,
        "env": {},
        "url": f"http://127.0.0.1:{port}/graphql",
        "urls": {},
        "at": PLACES,
        "headers": {"Content-Type": "application/json"},
        "pg": False,
        "queries": list(FOUR),
        "note": server.replace("\n", ", ") or "answers are kept",
    }
    (bench / "targets.json").write_text(json.dumps(targets, indent=1))


def main() -> None:
    """Add all of them."""
    if len(sys.argv) != 2:  # noqa: PLR2004  the one argument
        sys.exit(__doc__)
    for number, (name, server) in enumerate(TARGETS.items()):
        add(Path(sys.argv[1]), name, server, FIRST_PORT + number)


if __name__ == "__main__":
    main()
