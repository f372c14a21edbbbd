"""`pacelayer.toml` read strictly: unknown keys and values of a wrong kind are problems, each with its line."""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..errors import Problem, ProjectError
from .kinds import canonical
from .places import FILE_NAME, line_of
from .values import (
    WEEK_DAYS,
    ServerSettings,
    Settings,
    SnapshotSettings,
    SourceSettings,
    TableSettings,
    parse_pace,
)

ALLOWED = ("any", "trusted")
MAY_BE_ZERO = ("answer_bytes", "resident_cells")
MAX_PORT = 65535
# Numbers of seconds that are written as a pace.
PACES = ("pace", "read_limit", "overlap", "max_source_age", "time_limit")
# A source's name is a schema of the snapshot: these are the snapshot's own or DuckDB's.
RESERVED_SCHEMAS = frozenset(
    {
        "main",
        "rollup",
        "pacelayer",
        "information_schema",
        "pg_catalog",
        "temp",
        "staged",
        "private",
        "previous",
        "previous_private",
        "memory",
        "system",
        "snapshot",
        "current",
    }
)


def load(root: Path) -> Settings:
    """The settings of the project in `root`. Raises ProjectError with every problem of the file."""
    settings, problems = read(root)
    if problems:
        raise ProjectError(problems)
    return settings


def read(root: Path) -> tuple[Settings, tuple[Problem, ...]]:
    """The settings as far as they can be read, and every problem of the file.

    Raises ProjectError where it is missing or no TOML.
    """
    path = root / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except FileNotFoundError:
        hint = "run this in a project's folder, or name one with --project"
        raise ProjectError((Problem(FILE_NAME, 0, f"there is no {FILE_NAME} in {root}", hint),)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        line = re.search(r"at line (\d+)", str(error))
        raise ProjectError((Problem(FILE_NAME, int(line[1]) if line else 0, str(error)),)) from error
    reading = _Reading(text)
    settings = reading.project(root, data)
    return settings, tuple(sorted(reading.problems, key=lambda problem: problem.line))


class _Reading:
    """One reading of the file: walks the tables and collects problems."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()
        self.problems: list[Problem] = []

    def project(self, root: Path, data: dict[str, Any]) -> Settings:
        top = {key: value for key, value in data.items() if key not in ("sources", "snapshots", "server")}
        values = self.table((), top, Settings)
        pace = self.pace(("pace",), values.pop("pace", "5m"))
        name = values.pop("name", root.resolve().name)
        zone = self.zone(values.pop("time_zone", "UTC"))
        week = self.week(values.pop("week_start", WEEK_DAYS[0]))
        sources = tuple(self.sources(self.section(data, "sources")))
        if not sources:
            self.problem((), "there is no source", 'add [sources.shop] with url = "${SHOP_URL}"')
        said = self.table(("snapshots",), self.section(data, "snapshots"), SnapshotSettings)
        limit = self.pace(("snapshots", "time_limit"), said.pop("time_limit", "1h"))
        snapshots = SnapshotSettings(**said, time_limit=limit)
        server = ServerSettings(**self.table(("server",), self.section(data, "server"), ServerSettings))
        for section, values_of in (("snapshots", snapshots), ("server", server)):
            self.numbers(section, vars(values_of))
        if (root / snapshots.path).resolve() == root.resolve():
            self.problem(
                ("snapshots", "path"), "the project's own folder cannot hold its snapshots", 'write "snapshots"'
            )
        return Settings(root, name, pace, zone, week, values.pop("on_failure", ""), sources, snapshots, server)

    def numbers(self, section: str, values: dict[str, Any]) -> None:
        """Values of the right type that nothing could be served with."""
        for key, value in values.items():
            if key == "memory" and not re.fullmatch(r"\d+(\.\d+)?\s*[KMGT]i?B", value):
                self.problem((section, key), f"memory is '{value}'", "write it like 500MB or 4GB")
            elif key == "allow" and value not in ALLOWED:
                self.problem((section, key), f"allow is '{value}'", f"write one of {', '.join(ALLOWED)}")
            elif key in MAY_BE_ZERO and value == 0:
                pass  # it turns off what it bounds
            elif isinstance(value, int | float) and not 0 < value < math.inf:
                least = "at least 1" if isinstance(value, int) else "a number above 0"
                self.problem((section, key), f"{key} is {value}", f"it must be {least}")
            elif key == "port" and value > MAX_PORT:
                self.problem((section, key), f"port is {value}", f"it must be at most {MAX_PORT}")

    def section(self, data: dict[str, Any], name: str, path: tuple[str, ...] = ()) -> dict[str, Any]:
        value = data.get(name, {})
        if not isinstance(value, dict):
            self.problem((*path, name), f"'{name}' must be a table", f"write [{'.'.join((*path, name))}]")
            return {}
        return value

    def sources(self, data: dict[str, Any]) -> Iterator[SourceSettings]:
        for name in data:
            path = ("sources", name)
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in RESERVED_SCHEMAS:
                self.problem(
                    path,
                    f"'{name}' cannot be a source's name",
                    "small letters, digits and _, and no name of DuckDB's or the snapshot's own, as main",
                )
            table = self.section(data, name, ("sources",))
            tables = self.section(table, "tables", path)
            rest = self.table(path, {key: value for key, value in table.items() if key != "tables"}, SourceSettings)
            if "url" not in table:
                self.problem(path, "the source has no url", 'add url = "${SHOP_URL}" or url = "sqlite:///shop.sqlite"')
            yield SourceSettings(
                name,
                rest.get("url", ""),
                rest.get("schema", ""),
                self.pace((*path, "read_limit"), rest.get("read_limit", "10m")),
                {key: self.source_table((*path, "tables", key), tables) for key in tables},
            )

    def kind(self, path: tuple[str, ...], written: str) -> str:
        try:
            return canonical(written)
        except ValueError as error:
            self.problem(path, str(error), "name a plain type, as VARCHAR, or a list of one")
            return "VARCHAR"

    def source_table(self, path: tuple[str, ...], tables: dict[str, Any]) -> TableSettings:
        values = self.table(path, self.section(tables, path[-1], path[:-1]), TableSettings)
        lists: dict[str, Any] = {key: tuple(values.pop(key, ())) for key in ("columns", "exclude", "key")}
        overlap = self.pace((*path, "overlap"), values.pop("overlap", "10m"))
        said = values.pop("max_source_age", None)
        age = None if said is None else self.pace((*path, "max_source_age"), said)
        types = {column: self.kind((*path, "types"), kind) for column, kind in values.pop("types", {}).items()}
        found = TableSettings(**values, **lists, types=types, overlap=overlap, max_source_age=age)
        if age and not found.changed:
            self.problem((*path, "max_source_age"), "it is not said which column tells how old a row is", "add changed")
        if found.deletes != "reconcile" and not found.soft:
            hint = 'write "reconcile" or "soft:deleted_at"'
            self.problem((*path, "deletes"), f"deletes is '{found.deletes}'", hint)
        if "overlap" in self.section(tables, path[-1], path[:-1]) and not found.incremental:
            hint = 'add changed = "updated_at" or append_only = true'
            self.problem((*path, "overlap"), "the changes of this table are not looked for", hint)
        return found

    def table(self, path: tuple[str, ...], data: dict[str, Any], shape: type[Any]) -> dict[str, Any]:
        """The known keys of one table with values of the right type; a problem for each other one."""
        wanted = {
            item.name: item
            for item in fields(shape)
            if item.name not in ("root", "sources", "snapshots", "server", "tables")
        }
        if shape is SourceSettings:
            del wanted["name"]
        known: dict[str, Any] = {}
        sections = () if path else ("sources", "snapshots", "server")
        for key, value in data.items():
            if key not in wanted:
                near = difflib.get_close_matches(key, (*wanted, *sections), 1)
                hint = f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(wanted)}"
                self.problem(
                    (*path, key),
                    f"'{key}' is not a key of {'[' + '.'.join(path) + ']' if path else 'the project'}",
                    hint,
                )
            elif not _fits(value, kind := "str" if key in PACES else str(wanted[key].type)):
                self.problem(
                    (*path, key),
                    f"'{key}' has a value of the wrong type: {value!r}",
                    f"it must be {_words(kind)}",
                )
            else:
                known[key] = value
        return known

    def pace(self, path: tuple[str, ...], text: str) -> int:
        try:
            return parse_pace(text)
        except ValueError as error:
            self.problem(path, str(error))
            return 300

    def zone(self, name: str) -> str:
        try:
            return ZoneInfo(name).key
        except (ZoneInfoNotFoundError, ValueError):
            hint = 'write an IANA name like "Europe/Berlin" or "UTC"'
            self.problem(("time_zone",), f"'{name}' is not a time zone", hint)
            return "UTC"

    def week(self, day: str) -> str:
        if day in WEEK_DAYS:
            return day
        self.problem(("week_start",), f"'{day}' is not a day of the week", f"write one of {', '.join(WEEK_DAYS)}")
        return WEEK_DAYS[0]

    def problem(self, path: tuple[str, ...], message: str, hint: str = "") -> None:
        self.problems.append(Problem(FILE_NAME, line_of(self.lines, path), message, hint))


def _fits(value: object, kind: str) -> bool:
    """Whether a TOML value can stand for a field of the annotated type."""
    if kind.startswith("tuple"):
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if kind.startswith("Mapping"):
        return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
    kinds: dict[str, tuple[type, ...]] = {"str": (str,), "bool": (bool,), "int": (int,), "float": (int, float)}
    return isinstance(value, kinds[kind]) and (kind == "bool" or not isinstance(value, bool))


def _words(kind: str) -> str:
    names = {"str": "text", "bool": "true or false", "int": "a whole number", "float": "a number"}
    return "a list of texts" if kind.startswith("tuple") else names.get(kind, "a table of texts")
