"""`pacelayer prove`: which of the ways is meant, and how its report shows."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import terminal
from snapshot import settings as project_settings
from snapshot.errors import Problem, ProjectError
from snapshot.events import Observer

from .report import HEADER, Report
from .run import Endpoint, prove_document, prove_metric, prove_sql

DOCUMENTS = (".graphql", ".gql")


def command(arguments: argparse.Namespace) -> int:
    """Measure, show, and say by the exit code what came out. Raises ProjectError where nothing is asked."""
    with terminal.refresh_observer(as_json=False) as observe:
        try:
            report = _prove(arguments, observe)
        except (OSError, json.JSONDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            name = error.filename if isinstance(error, OSError) else "JSON"
            raise ProjectError((Problem(f"{name or 'prove'}", 0, f"cannot be read: {reason}"),)) from error
    if arguments.json:
        terminal.show_data(report.data())
    else:
        terminal.show_report(HEADER, report.rows(), report.notes(), as_markdown=arguments.markdown)
    return report.exit_code


def _prove(arguments: argparse.Namespace, observe: Observer) -> Report:
    runs, target, question = arguments.runs, arguments.target, arguments.question
    if arguments.source and arguments.sql:
        return prove_sql(arguments.source, arguments.sql, runs, target, observe)
    if not question:
        raise ProjectError((Problem("prove", 0, "name a metric, a document, or --source and --sql"),))
    settings = project_settings.load(arguments.project)
    if not question.endswith(DOCUMENTS):
        if arguments.url or arguments.map:
            raise ProjectError((Problem("prove", 0, "--url and --map go with a document", "name a .graphql file"),))
        return prove_metric(settings, question, runs, target, observe)
    mapping = _object(arguments.map.read_text(encoding="utf-8"), "--map", str) if arguments.map else {}
    endpoint = Endpoint(arguments.url, mapping) if arguments.url else None
    _object(arguments.variables, "--variables", object)
    text = Path(question).read_text(encoding="utf-8")
    return prove_document(settings, question, text, arguments.variables, endpoint, runs, target, observe)


def _object(text: str, option: str, values: type) -> dict[str, Any]:
    """An object of JSON with values of a type. Raises ProjectError for another."""
    found = json.loads(text)
    if isinstance(found, dict) and all(isinstance(value, values) for value in found.values()):
        return found
    what = "a JSON object of texts" if values is str else "a JSON object"
    raise ProjectError((Problem("prove", 0, f"{option} must be {what}"),))
