"""What may stand on the command line."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

MAX_PORT, MAX_SCALE = 65535, 100

Verb = Callable[[argparse.Namespace], int]


def parse(verbs: Sequence[Verb], argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments, with the verb that is meant as `verb`; a verb's name and docstring are its name and its help."""
    parser = argparse.ArgumentParser(
        prog="pacelayer", description="Fast, exact, always-available numbers for dashboards."
    )
    parser.add_argument(
        "--project", type=lambda text: Path(text).resolve(), default=Path.cwd(), help="the folder of pacelayer.toml"
    )
    subparsers = parser.add_subparsers(required=True, metavar="VERB")
    for verb in verbs:
        sub = subparsers.add_parser(verb.__name__.replace("_", "-"), help=verb.__doc__, description=verb.__doc__)
        sub.set_defaults(verb=verb, json=False, csv=False, demo=False)
        for names, keywords in OPTIONS[verb.__name__]:
            sub.add_argument(*names.split(), **keywords)
    return parser.parse_args(argv)


def _milliseconds(text: str) -> float:
    """`50ms`, `2s` or `50`."""
    seconds = text.endswith("s") and not text.endswith("ms")
    number = float(text.removesuffix("s").removesuffix("m")) * (1000 if seconds else 1)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError("a target is a time like 50ms")
    return number


def _number(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError("at least one")
    return int(text)


def _port(text: str) -> int:
    if not 0 < int(text) <= MAX_PORT:
        raise argparse.ArgumentTypeError(f"a port is at most {MAX_PORT}")
    return int(text)


def _scale(text: str) -> float:
    if not 0 < float(text) <= MAX_SCALE:
        raise argparse.ArgumentTypeError(f"a scale is above 0 and at most {MAX_SCALE}")
    return float(text)


_JSON = ("--json", {"action": "store_true", "help": "as JSON"})
_CSV = ("--csv", {"action": "store_true", "help": "as CSV"})
_PORT = ("--port", {"type": _port, "help": "instead of [server] port"})
OPTIONS: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    "init": (
        ("--source", {"metavar": "URL", "help": "the database, like postgresql://user@host/shop"}),
        ("--schema", {"default": "", "help": "where its tables are, if not in its default schema"}),
        ("--table", {"help": "what is counted"}),
        ("--up", {"action": argparse.BooleanOptionalAction, "help": "start it, or do not"}),
        _PORT,
    ),
    "check": (_JSON,),
    "refresh": (
        _JSON,
        ("--full", {"action": "store_true", "help": "read everything anew, and publish it"}),
        ("--dry-run", {"action": "store_true", "help": "say what would be read, and read nothing"}),
        ("--allow-empty", {"action": "store_true", "help": "publish tables that had many rows and have none"}),
    ),
    "serve": (
        ("--host", {"help": "instead of [server] host"}),
        _PORT,
        ("--workers", {"type": _number, "default": 1, "help": "so many processes that share the port"}),
        ("--quiet", {"action": "store_true", "help": "warnings only"}),
    ),
    "up": (_PORT, ("--demo", {"action": "store_true", "help": "make the demo's source, and keep its shop open"})),
    "schema": (
        ("--check", {"action": "store_true", "help": "write nothing, fail on a difference"}),
        ("--accept", {"action": "store_true", "help": "write it even where it breaks what clients may rely on"}),
    ),
    "status": (_JSON,),
    "snapshots": (_JSON, _CSV),
    "rollback": (
        ("number", {"type": int, "nargs": "?", "help": "that generation; without it, the one before the current"}),
    ),
    "query": (("text", {"help": "GraphQL or SQL; - reads standard input"}), _JSON, _CSV),
    "prove": (
        ("question", {"nargs": "?", "help": "a metric of the project, or a GraphQL document (*.graphql)"}),
        ("--variables", {"default": "{}", "metavar": "JSON", "help": "of the document"}),
        ("--url", {"help": "with a document: the endpoint that gives the answer today, instead of its source"}),
        ("--map", {"type": Path, "metavar": "FILE", "help": "JSON: path in its answer -> path in the API's"}),
        ("--source", {"metavar": "URL", "help": "with --sql: a database, and no project at all"}),
        ("--sql", {"type": Path, "metavar": "FILE", "help": "a SELECT in that database's own words"}),
        ("--runs", {"type": _number, "default": 20, "help": "how often each way is asked"}),
        ("--target", {"type": _milliseconds, "default": 50.0, "metavar": "50ms", "help": "what an answer may take"}),
        ("--markdown", {"action": "store_true", "help": "as a Markdown table"}),
        _JSON,
    ),
    "demo_data": (("--scale", {"type": _scale, "default": 1.0, "help": "1 is 500,000 orders"}),),
}
