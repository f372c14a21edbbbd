"""The pages of the docs, and how their tables and examples are read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ..projects import ROOT

DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = sorted((README, *DOCS.rglob("*.md")))
REFERENCE = DOCS / "reference"
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
# An SQL example, and below it what it becomes.
METRIC = re.compile(r"^```sql\n(.*?)^```$(?:\n\n```becomes\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
# A GraphQL example, and below it the code that it is refused with, if it is.
QUESTION = re.compile(r"^```graphql\n(.*?)^```$(?:\n\nRefused: `(\w+)`)?", re.MULTILINE | re.DOTALL)


def text_of(page: Path) -> str:
    """A page's text."""
    return page.read_text(encoding="utf-8")


def place(page: Path) -> str:
    """How a page is called in a test's name."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, kind: str) -> list[str]:
    """The fenced blocks of one kind."""
    return [block[3] for block in BLOCK.finditer(text_of(page)) if block[2] == kind]


def section(page: Path, title: str) -> str:
    """What stands below a heading of the second level."""
    found = re.search(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", text_of(page), re.MULTILINE | re.DOTALL)
    assert found, f"{place(page)} has no section '{title}'"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The rows of the tables in a text whose first cell is code; their cells."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def code(cell: str) -> list[str]:
    """What stands between backticks in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def examples(pattern: re.Pattern[str], pages: list[Path]) -> list[Any]:
    """The examples of these pages, each named by its page and line."""
    return [
        pytest.param(found, id=f"{place(page)}:{text_of(page).count(chr(10), 0, found.start()) + 1}")
        for page in pages
        for found in pattern.finditer(text_of(page))
    ]
