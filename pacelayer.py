"""The command line: each verb a few lines that call the rooms.

Exit codes are stable: 0 done, 1 an answer with errors or a difference found, 2 the project's files or the arguments are
wrong; each error of `snapshot.errors` has its own from 10 on. `docs/reference/cli.md` lists them all.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import terminal
from arguments import parse
from snapshot import settings as project_settings
from snapshot.errors import NoSnapshot, PacelayerError, ProjectError, QueryFailed
from snapshot.events import Event, FollowFailed
from snapshot.settings import Settings

DEMO_SOURCE = "harbor.sqlite"


def init(arguments: argparse.Namespace) -> int:
    """write a first project over a database that is there already, and start it"""
    from starter.command import command

    return up(arguments) if command(arguments) else 0


def check(arguments: argparse.Namespace) -> int:
    """read the whole project against its sources, write sources.lock, report every problem at once"""
    from offline import operation_problems
    from snapshot.project import check as check_project

    report = check_project(arguments.project)
    if not report.problems:
        report = replace(report, problems=tuple(operation_problems(_settings(arguments))))
    code = ProjectError.exit_code if report.problems else 0
    if arguments.json:
        terminal.show_data(report.data())
        return code
    for problem in (*report.problems, *report.warnings):
        terminal.complain(problem)
    for definition in report.definitions:
        terminal.say(f"{definition.metric.name}: {definition.metric.why}")
        for line in report.lines(definition):
            terminal.say(f"  {line}")
    if report.lock_changed:
        terminal.note("sources.lock has changed; commit it")
    return code


def refresh(arguments: argparse.Namespace) -> int:
    """compute every answer once and publish a new snapshot"""
    import together

    settings = _settings(arguments)
    if arguments.dry_run:
        terminal.show_values(together.foresee(settings, full=arguments.full), as_json=arguments.json)
        return 0
    path, is_new = together.refresh_once(
        settings, as_json=arguments.json, full=arguments.full, allow_empty=arguments.allow_empty
    )
    if not arguments.json:
        terminal.say(f"published {path}" if is_new else f"nothing has changed since {path}")
    return 0


def serve(arguments: argparse.Namespace) -> int:
    """answer GraphQL from the current snapshot, and follow it"""
    import gql.serve as server

    settings = _settings(arguments)
    os.environ["PACELAYER_PROJECT"] = str(settings.root)
    host, port = arguments.host or settings.server.host, arguments.port or settings.server.port
    server.serve(host, port, arguments.workers, "WARNING" if arguments.quiet else "INFO")
    return 0


def up(arguments: argparse.Namespace) -> int:
    """refresh once, then run refresher and API together until Ctrl-C"""
    import together

    settings = _settings(arguments)
    shop = settings.root / DEMO_SOURCE if arguments.demo else None
    if shop:
        together.make_shop(shop, 1.0)
    together.publish_first(settings)
    return together.run(settings, arguments.port or settings.server.port, shop)


def schema(arguments: argparse.Namespace) -> int:
    """write schema.graphql, the contract of the API, from the metrics and sources.lock; no source is asked"""
    from offline import contract_is, write_contract

    settings = _settings(arguments)
    return int(not (contract_is(settings) if arguments.check else write_contract(settings, accept=arguments.accept)))


def status(arguments: argparse.Namespace) -> int:
    """what is current, how old it is, and how the last refresh went"""
    from snapshot.reader import read_catalog
    from snapshot.store import Store, read_status

    settings = _settings(arguments)
    said, now = read_status(settings.directory), datetime.now(UTC)
    failure = said.last_failure
    runs = {
        "last success": said.last_success and said.last_success.isoformat(),
        "next refresh": said.next_run and said.next_run.isoformat(),
        "failures since": said.failures,
        "last failure": failure and f"{failure.at.isoformat()} {failure.code}: {failure.message}",
    }
    try:
        current = Store(settings.directory, settings.snapshots.keep).current()
    except NoSnapshot:
        if said.last_run:
            terminal.show_values({"snapshot": None, **runs}, as_json=arguments.json)
        raise
    info = read_catalog(current.path).snapshot
    as_of, stale_after = said.renewed(info.number, info.as_of, info.stale_after)
    values = {
        "snapshot": info.id,
        "file": str(current.path),
        "as of": as_of.isoformat(),
        "age in seconds": round(max(0.0, (now - as_of).total_seconds())),
        "freshness": "stale" if now > stale_after else "fresh",
        **runs,
    }
    terminal.show_values(values, as_json=arguments.json)
    return 0


def snapshots(arguments: argparse.Namespace) -> int:
    """the generations that are kept, the newest first"""
    from snapshot.store import Store

    settings = _settings(arguments)
    store = Store(settings.directory, settings.snapshots.keep)
    current = store.current()
    rows = [[g.number, g.id, g.path.stat().st_size, g == current] for g in store.generations()]
    terminal.show_rows(["number", "id", "bytes", "current"], rows, as_json=arguments.json, as_csv=arguments.csv)
    return 0


def rollback(arguments: argparse.Namespace) -> int:
    """make an older generation current again; the next refresh replaces it"""
    from snapshot.store import Store

    settings = _settings(arguments)
    generation = Store(settings.directory, settings.snapshots.keep).rollback(arguments.number)
    terminal.say(f"current is {generation.id}")
    return 0


def query(arguments: argparse.Namespace) -> int:
    """ask the current snapshot: a GraphQL document, or SQL"""
    from gql.local import ask_locally

    text = sys.stdin.read() if arguments.text == "-" else arguments.text
    answer = ask_locally(_settings(arguments), text, _note_fallback)
    if answer.document is None:
        terminal.show_rows(answer.columns, answer.rows, as_json=arguments.json, as_csv=arguments.csv)
        return 0
    failed = "errors" in answer.document
    if table := None if arguments.json or failed else answer.table(of_object=arguments.csv):
        terminal.show_rows(*table, as_json=False, as_csv=arguments.csv)
    elif arguments.csv and not failed:
        raise QueryFailed("the answer is no one table", "ask one metric, or with --json")
    else:
        terminal.show_json(answer.text)
    return int(failed)


def prove(arguments: argparse.Namespace) -> int:
    """ask a question live, of a snapshot and through the API; where the time goes, and whether the answers agree"""
    from prove.command import command

    return command(arguments)


def demo_data(arguments: argparse.Namespace) -> int:
    """make the demo's source, harbor.sqlite, in the project's folder, if it is not there"""
    import together

    together.make_shop(arguments.project / DEMO_SOURCE, arguments.scale)
    return 0


def _note_fallback(event: Event) -> None:
    if isinstance(event, FollowFailed):
        terminal.note(f"the current snapshot cannot be read, so an older one answers: {event.message}")


def _settings(arguments: argparse.Namespace) -> Settings:
    return project_settings.load(arguments.project)


VERBS = (
    init, check, refresh, serve, up, schema, status, snapshots, rollback, query, prove, demo_data,
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; its exit code."""
    arguments = parse(VERBS, argv)
    try:
        return int(arguments.verb(arguments))
    except PacelayerError as error:
        terminal.complain(error)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        terminal.stop_saying(sys.stdout)
        return 141
    except Exception as error:  # noqa: BLE001  nobody foresaw it: one line for the user, the rest for a report
        terminal.complain(f"{type(error).__name__}: {error}; this is a fault of pacelayer, please report it with:")
        terminal.note("".join(traceback.format_exception(error)))
        return 70


def entry() -> None:
    """The console script."""
    sys.exit(main())


if __name__ == "__main__":
    entry()
