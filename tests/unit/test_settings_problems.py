"""Whatever is wrong with `pacelayer.toml` is said with its line and a way out, all of it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from snapshot.errors import Problem, ProjectError
from snapshot.settings import load

SOURCE_NAMES = "small letters, digits and _, and no name of DuckDB's or the snapshot's own, as main"
SOURCE = '[sources.shop]\nurl = "sqlite:///shop.sqlite"\n'

# What is wrong -> the text, and what is said of it.
WRONG = {
    "an unknown key of the project": (
        f'name = "Shop"\npce = "5m"\n{SOURCE}',
        ":2: 'pce' is not a key of the project; did you mean 'pace'?",
    ),
    "an unknown key of a section": (
        f"{SOURCE}[server]\nhost = 'x'\nprot = 80",
        ":5: 'prot' is not a key of [server]; did you mean 'port'?",
    ),
    "an unknown key of a source": (
        f'{SOURCE}pasword = "x"',
        ":3: 'pasword' is not a key of [sources.shop]; known here: url, schema, read_limit",
    ),
    "an unknown key of a table": (
        f"{SOURCE}[sources.shop.tables.orders]\nprivat = true",
        ":4: 'privat' is not a key of [sources.shop.tables.orders]; did you mean 'private'?",
    ),
    "a key like no other": (
        f"{SOURCE}[snapshots]\nzzz = 1",
        ":4: 'zzz' is not a key of [snapshots]; known here: path, keep, memory, cells, time_limit",
    ),
    "a way of deleting that there is not": (
        f'{SOURCE}[sources.shop.tables.orders]\nchanged = "at"\ndeletes = "never"',
        ':5: deletes is \'never\'; write "reconcile" or "soft:deleted_at"',
    ),
    "an overlap of nothing": (
        f'{SOURCE}[sources.shop.tables.orders]\noverlap = "1h"',
        ':4: the changes of this table are not looked for; add changed = "updated_at" or append_only = true',
    ),
    "an age of nothing": (
        f'{SOURCE}[sources.shop.tables.orders]\nmax_source_age = "1h"',
        ":4: it is not said which column tells how old a row is; add changed",
    ),
    "an unknown section": (
        f"{SOURCE}[servr]\nport = 80",
        ":3: 'servr' is not a key of the project; did you mean 'server'?",
    ),
    "the project's folder for its snapshots": (
        f'{SOURCE}[snapshots]\npath = "."',
        ':4: the project\'s own folder cannot hold its snapshots; write "snapshots"',
    ),
    "a text for a number": (
        f'{SOURCE}[server]\nport = "80"',
        ":4: 'port' has a value of the wrong type: '80'; it must be a whole number",
    ),
    "a fraction for a whole number": (
        f"{SOURCE}[snapshots]\nkeep = 1.5",
        ":4: 'keep' has a value of the wrong type: 1.5; it must be a whole number",
    ),
    "a truth for a number": (
        f"{SOURCE}[server]\nthreads = true",
        ":4: 'threads' has a value of the wrong type: True; it must be a whole number",
    ),
    "a text for seconds": (
        f'{SOURCE}[server]\ndeadline = "5s"',
        ":4: 'deadline' has a value of the wrong type: '5s'; it must be a number",
    ),
    "a number for a text": (
        f"name = 7\n{SOURCE}",
        ":1: 'name' has a value of the wrong type: 7; it must be text",
    ),
    "a number for a pace": (
        f"pace = 300\n{SOURCE}",
        ":1: 'pace' has a value of the wrong type: 300; it must be text",
    ),
    "a text for a truth": (
        f'{SOURCE}[sources.shop.tables.orders]\nprivate = "yes"',
        ":4: 'private' has a value of the wrong type: 'yes'; it must be true or false",
    ),
    "a text for a list": (
        f'{SOURCE}[sources.shop.tables.orders]\ncolumns = "id"',
        ":4: 'columns' has a value of the wrong type: 'id'; it must be a list of texts",
    ),
    "numbers in a list": (
        f"{SOURCE}[sources.shop.tables.orders]\nexclude = [1]",
        ":4: 'exclude' has a value of the wrong type: [1]; it must be a list of texts",
    ),
    "a list for a table": (
        f'{SOURCE}[sources.shop.tables.orders]\ntypes = ["id"]',
        ":4: 'types' has a value of the wrong type: ['id']; it must be a table of texts",
    ),
    "a number for a section": (
        f"server = 80\n{SOURCE}",
        ":1: 'server' must be a table; write [server]",
    ),
    "a bad pace": (
        f'pace = "5 minutes"\n{SOURCE}',
        ":1: '5 minutes' is not a pace; write a whole number with s, m, h or d, like 30s, 5m or 1h",
    ),
    "a bad zone": (
        f'time_zone = "Berlin"\n{SOURCE}',
        ':1: \'Berlin\' is not a time zone; write an IANA name like "Europe/Berlin" or "UTC"',
    ),
    "an empty zone": (
        f'time_zone = ""\n{SOURCE}',
        ':1: \'\' is not a time zone; write an IANA name like "Europe/Berlin" or "UTC"',
    ),
    "capital letters in a source's name": (
        '[sources.Shop]\nurl = "sqlite:///shop.sqlite"',
        f":1: 'Shop' cannot be a source's name; {SOURCE_NAMES}",
    ),
    "a blank in a source's name": (
        '\n[sources."my shop"]\nurl = "sqlite:///shop.sqlite"',
        f":2: 'my shop' cannot be a source's name; {SOURCE_NAMES}",
    ),
    "a source named like a schema of the snapshot": (
        '[sources.rollup]\nurl = "sqlite:///shop.sqlite"',
        f":1: 'rollup' cannot be a source's name; {SOURCE_NAMES}",
    ),
    "a source named like a schema of DuckDB": (
        '[sources.temp]\nurl = "sqlite:///shop.sqlite"',
        f":1: 'temp' cannot be a source's name; {SOURCE_NAMES}",
    ),
    "a source named like the file of a build": (
        '[sources.snapshot]\nurl = "sqlite:///shop.sqlite"',
        f":1: 'snapshot' cannot be a source's name; {SOURCE_NAMES}",
    ),
    "a type that is not exact": (
        f'{SOURCE}[sources.shop.tables.orders]\ntypes = {{ at = "TIMESTAMP_S" }}',
        (
            ":4: no value can be told to be exactly of the type TIMESTAMP_S; "
            "name a plain type, as VARCHAR, or a list of one"
        ),
    ),
    "a source without its url": (
        'name = "Shop"\n[sources.shop]\n',
        ':2: the source has no url; add url = "${SHOP_URL}" or url = "sqlite:///shop.sqlite"',
    ),
    "no source": (
        'name = "Shop"',
        ': there is no source; add [sources.shop] with url = "${SHOP_URL}"',
    ),
    "nothing kept": (f"{SOURCE}[snapshots]\nkeep = 0", ":4: keep is 0; it must be at least 1"),
    "no rows": (f"{SOURCE}[server]\nmax_rows = 0", ":4: max_rows is 0; it must be at least 1"),
}


def problems(folder: Path, text: str) -> tuple[Problem, ...]:
    """Everything that is said of a wrong text."""
    (folder / "pacelayer.toml").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ProjectError) as raised:
        load(folder)
    return raised.value.problems


@pytest.mark.parametrize(("text", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_setting_is_reported_with_its_line_and_a_way_out(tmp_path: Path, text: str, said: str) -> None:
    """Once, and in one line."""
    assert [str(found) for found in problems(tmp_path, text)] == [f"pacelayer.toml{said}"]


@pytest.mark.parametrize(
    "setting", ["threads = 0", "deadline = 0", "deadline = -1", "port = 70000", "max_fields = 0", 'memory = "much"']
)
def test_a_value_that_nothing_could_be_served_with_is_reported(tmp_path: Path, setting: str) -> None:
    """Now, and not by a stack when the server starts."""
    (found,) = problems(tmp_path, f"{SOURCE}[server]\n{setting}")
    assert found.line == 4
    assert setting.partition(" ")[0] in found.message


def test_everything_that_is_wrong_is_reported_at_once(tmp_path: Path) -> None:
    """In the order of the lines."""
    text = 'pace = "soon"\ntime_zone = "Mars"\n[sources.Shop]\n[sources.bills]\nurl = 5\n[server]\nprot = 1\nport = "x"'
    assert [found.line for found in problems(tmp_path, text)] == [1, 2, 3, 3, 5, 7, 8]


def test_a_singular_section_is_reported_with_its_plural(tmp_path: Path) -> None:
    """Rather than that there is no source, and nothing else."""
    said = problems(tmp_path, 'name = "Shop"\n[source.shop]\nurl = "sqlite:///shop.sqlite"')
    assert "pacelayer.toml:2: 'source' is not a key of the project; did you mean 'sources'?" in map(str, said)


def test_a_key_that_is_named_in_two_sections_is_reported_where_it_is_wrong(tmp_path: Path) -> None:
    """The first `memory` is right."""
    (found,) = problems(tmp_path, f'{SOURCE}[snapshots]\nmemory = "1GB"\n\n[server]\nport = 1\nmemory = 2')
    assert found.line == 8


def test_a_comment_is_not_mistaken_for_the_key(tmp_path: Path) -> None:
    """It is often the same line, commented out."""
    (found,) = problems(tmp_path, f"{SOURCE}[server]  # the API\n# port = 80\nport = 'x'")
    assert found.line == 5


def test_text_that_is_no_toml_is_reported_with_its_line(tmp_path: Path) -> None:
    """In tomllib's words."""
    (found,) = problems(tmp_path, f"{SOURCE}[server\n")
    assert (found.path, found.line) == ("pacelayer.toml", 3)


def test_text_that_is_not_utf_8_is_reported(tmp_path: Path) -> None:
    """Instead of a stack."""
    (found,) = problems(tmp_path, 'name = "Gr\udcfc\udcdfe"')
    assert (found.path, found.line) == ("pacelayer.toml", 0)


def test_a_folder_that_is_no_project_is_reported(tmp_path: Path) -> None:
    """With how to name another."""
    with pytest.raises(ProjectError) as raised:
        load(tmp_path)
    assert str(raised.value) == (
        f"pacelayer.toml: there is no pacelayer.toml in {tmp_path}; "
        "run this in a project's folder, or name one with --project"
    )
