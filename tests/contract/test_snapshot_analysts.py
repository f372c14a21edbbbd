"""Analysts and the file: with the DuckDB of last year, for hours, with no right to write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import pytest

from ..crash.ledger import ENTRIES, add_entries, make_ledger, refresh, store_of, wait_until, whole

LTS = "duckdb==1.4.*"
NOBODY = 65534

# Opens `current.duckdb` again and again until a file appears; then tells what it saw.
ANALYST = """
import duckdb, json, pathlib, sys

pointer, stop, ready = map(pathlib.Path, sys.argv[1:])
entries, last = [], False
while not last:
    last = stop.exists()
    connection = duckdb.connect(str(pointer), read_only=True)
    entries += connection.execute("select sum(entries) from totals").fetchone()
    described = connection.execute("describe totals").fetchall()
    comments = connection.execute(
        "select table_name, comment from duckdb_tables() where comment is not null union all "
        "select table_name || '.' || column_name, comment from duckdb_columns() where comment is not null"
    ).fetchall()
    dashboard = connection.execute(
        "select measure, sum(value::decimal(18, 2))::varchar from dashboard_metrics group by all order by all"
    ).fetchall()
    catalogue = connection.execute("select count(*), min(computed_at) <= now() from pacelayer.grains").fetchone()
    connection.close()
    ready.touch()
print(json.dumps({
    "version": duckdb.__version__, "entries": [int(n) for n in entries], "described": [d[:2] for d in described],
    "comments": dict(comments), "dashboard": dict(dashboard), "catalogue": catalogue,
}))
"""

# Opens one file and keeps it open; reads when a line comes in.
HOLDER = """
import duckdb, sys

connection = duckdb.connect(sys.argv[1], read_only=True)
for _ in sys.stdin:
    print(connection.execute("select sum(entries)::bigint from totals").fetchone()[0], flush=True)
"""

# Opens the file to read and to write, as a user who owns nothing here.
STRANGER = """
import duckdb, json, os, sys

duckdb.connect().execute("select 1").fetchall()
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(int(sys.argv[2]))
    os.setuid(int(sys.argv[2]))

def attempt(path, **how):
    try:
        connection = duckdb.connect(path, **how)
        answer = connection.execute("select sum(entries)::bigint from totals").fetchone()[0]
        connection.close()
        return answer
    except duckdb.Error as error:
        return str(error)

pointer, private = sys.argv[1], sys.argv[3]
print(json.dumps([attempt(pointer, read_only=True), attempt(pointer), attempt(private, read_only=True)]))
"""


@pytest.fixture(scope="session")
def lts(request: pytest.FixtureRequest) -> str:
    """The Python of an environment with the LTS release of DuckDB, made once and kept in pytest's cache."""
    assert request.config.cache is not None
    folder = request.config.cache.mkdir("duckdb-lts")
    python = folder / "bin" / "python"
    if not (folder / "complete").exists() or not python.exists():
        venv.create(folder, clear=True, symlinks=True)
        pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", LTS]
        subprocess.run(pip, check=True, timeout=300)
        (folder / "complete").touch()
    return str(python)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger whose metric is described."""
    project = make_ledger(tmp_path / "ledger")
    metric = project / "metrics" / "totals.sql"
    metric.write_text(
        "-- What went in.\nselect account_id as account, count(*) as entries,  -- How often\nsum(amount) as amount\n"
        "from shop.entries group by all"
    )
    refresh(project)
    return project


def test_an_analyst_with_the_lts_release_reads_each_generation_while_refreshes_go_on(ledger: Path, lts: str) -> None:
    """The file explains itself there too: DESCRIBE, comments, the view of all metrics, the catalogue."""
    stop, ready = ledger / "stop", ledger / "ready"
    command = [lts, "-c", ANALYST, str(store_of(ledger).pointer), str(stop), str(ready)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as analyst:
        for _ in range(3):
            wait_until(lambda: ready.exists() or analyst.poll() is not None, "the analyst")
            ready.unlink(missing_ok=True)
            add_entries(ledger)
            refresh(ledger)
        stop.touch()
        told, _ = analyst.communicate(timeout=60)
    assert analyst.returncode == 0
    seen: dict[str, Any] = json.loads(told)
    assert seen["version"].startswith("1.4.")
    assert seen["entries"] == sorted(seen["entries"])
    assert {ENTRIES, 4 * ENTRIES} <= set(seen["entries"])
    assert seen["described"] == [["account", "BIGINT"], ["entries", "BIGINT"], ["amount", "DECIMAL(38,2)"]]
    assert seen["comments"].items() >= {"totals": "What went in.", "totals.entries": "How often"}.items()
    assert seen["dashboard"] == {"amount": "800.00", "entries": "80.00", "names": "3.00", "owners": "3.00"}
    assert seen["catalogue"] == [2, True]


def test_an_analyst_who_keeps_a_file_open_hinders_nobody_and_reads_on(tmp_path: Path, lts: str) -> None:
    """Not even when retention takes the file away."""
    ledger = make_ledger(tmp_path / "ledger", keep=1)
    path = refresh(ledger).path
    command = [lts, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdin
        assert holder.stdout
        for number in (2, 3):
            print(file=holder.stdin, flush=True)
            assert holder.stdout.readline() == f"{ENTRIES}\n"
            add_entries(ledger)
            assert whole(refresh(ledger)) == number * ENTRIES
        assert not path.exists()
        holder.stdin.close()
    assert holder.returncode == 0


def test_a_stranger_reads_the_file_and_cannot_open_it_for_writing(tmp_path: Path) -> None:
    """Neither the file nor its directory may be written by others; private tables may not even be read."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        ledger = make_ledger(Path(folder) / "ledger")
        generation = refresh(ledger)
        before = generation.path.read_bytes()
        private = generation.path.parent / "state" / "000001.duckdb"
        command = [sys.executable, "-c", STRANGER, str(store_of(ledger).pointer), str(NOBODY), str(private)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        read, written, opened = json.loads(done.stdout)
        assert read == ENTRIES
        assert "Permission denied" in written
        assert "Permission denied" in opened or os.geteuid() != 0
        assert generation.path.read_bytes() == before
        assert list(generation.path.parent.glob("*.wal")) == []
        assert whole(refresh(ledger)) == ENTRIES
