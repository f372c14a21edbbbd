"""Where in `pacelayer.toml` something stands."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import Problem

FILE_NAME = "pacelayer.toml"


def problem(root: Path, path: tuple[str, ...], message: str, hint: str = "") -> Problem:
    """A problem that shows only later, at the line of a key (`("sources", "shop", "url")`) or of its table."""
    file = root / FILE_NAME
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return Problem(FILE_NAME, line_of(lines, path), message, hint)


def line_of(lines: list[str], path: tuple[str, ...]) -> int:
    """The line where a key or its table stands.

    tomllib tells no places, so the text is searched; 0 when it is not found.
    """
    best, table = 0, ""
    for number, line in enumerate(lines, 1):
        if header := re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line):
            table = header[1].replace('"', "").replace("'", "")
            if table == ".".join(path) or table.startswith(".".join(path) + "."):
                return number
            if table == ".".join(path[:-1]):
                best = number
        elif path and table == ".".join(path[:-1]) and re.match(rf"\s*[\"']?{re.escape(path[-1])}[\"']?\s*=", line):
            return number
    return best
