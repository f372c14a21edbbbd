"""`pacelayer.toml` read well: its values, its defaults, and its secrets, which never show."""

from __future__ import annotations

from pathlib import Path

import pytest

from snapshot.errors import ProjectError
from snapshot.settings import (
    ServerSettings,
    Settings,
    SnapshotSettings,
    SourceSettings,
    TableSettings,
    load,
    parse_pace,
)
from snapshot.source import open_source

SOURCE = '[sources.shop]\nurl = "sqlite:///shop.sqlite"\n'
SECRET = "correct-horse"  # noqa: S105  it opens nothing


def settings(folder: Path, text: str) -> Settings:
    """The settings that a text in `folder` gives."""
    (folder / "pacelayer.toml").write_text(text, encoding="utf-8")
    return load(folder)


def refusal(source: SourceSettings, root: Path) -> str:
    """What is said where a source cannot be opened."""
    with pytest.raises(ProjectError) as raised:
        open_source(source, root)
    return str(raised.value)


def test_a_source_is_all_that_has_to_be_named(tmp_path: Path) -> None:
    """Everything else has a default that suits most."""
    found = settings(tmp_path, SOURCE)
    assert (found.name, found.pace, found.time_zone) == (tmp_path.name, 300, "UTC")
    assert found.sources == (SourceSettings("shop", "sqlite:///shop.sqlite"),)
    assert (found.snapshots, found.server) == (SnapshotSettings(), ServerSettings())


def test_every_value_can_be_said(tmp_path: Path) -> None:
    """Each key once, none of them with its default."""
    found = settings(
        tmp_path,
        """
        name = "Harbor"
        pace = "10m"
        time_zone = "Europe/Berlin"

        [sources.shop]
        url = "${SHOP_URL}"

        [sources.shop.tables.orders]
        columns = ["note"]
        exclude = ["secret"]
        private = true
        types = { amount = "DECIMAL(18,2)" }

        [sources.billing]
        url = "sqlite:///billing.sqlite"

        [snapshots]
        path = "elsewhere"
        keep = 9
        memory = "2GB"

        [server]
        host = "0.0.0.0"
        port = 80
        deadline = 2
        max_rows = 1
        max_body = 2
        max_tokens = 3
        max_fields = 4
        threads = 5
        memory = "3GB"
        resident_cells = 6
        """,
    )
    orders = TableSettings(("note",), ("secret",), private=True, types={"amount": "DECIMAL(18,2)"})
    shop, billing = (
        SourceSettings("shop", "${SHOP_URL}", tables={"orders": orders}),
        SourceSettings("billing", "sqlite:///billing.sqlite"),
    )
    assert (found.name, found.pace, found.time_zone) == ("Harbor", 600, "Europe/Berlin")
    assert found.sources == (shop, billing)
    assert found.snapshots == SnapshotSettings("elsewhere", 9, "2GB")
    assert found.server == ServerSettings("0.0.0.0", 80, 2, 1, 2, 3, 4, 5, "3GB", resident_cells=6)  # noqa: S104  nothing is bound


def test_the_directory_of_snapshots_is_relative_to_the_project(tmp_path: Path) -> None:
    """Wherever the command is run."""
    assert settings(tmp_path, SOURCE).directory == tmp_path.resolve() / "snapshots"
    assert settings(tmp_path, f'{SOURCE}[snapshots]\npath = "/var/harbor"').directory == Path("/var/harbor")


@pytest.mark.parametrize(
    ("written", "seconds"), [("1s", 1), ("30s", 30), ("5m", 300), ("2h", 7200), ("1d", 86_400), (" 5 m ", 300)]
)
def test_a_pace_is_a_whole_number_with_its_unit(written: str, seconds: int) -> None:
    """Seconds, minutes, hours or days."""
    assert parse_pace(written) == seconds


@pytest.mark.parametrize("written", ["", "5", "m", "0s", "-5m", "1.5h", "5 minutes", "5M", "5m 30s", "1w"])
def test_anything_else_is_no_pace(written: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match="is not a pace"):
        parse_pace(written)


def test_a_url_is_kept_as_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment comes in where somebody connects, and nowhere else."""
    monkeypatch.setenv("SHOP_PASSWORD", SECRET)
    found = settings(tmp_path, '[sources.shop]\nurl = "sqlite:///shop.sqlite?key=${SHOP_PASSWORD}"')
    assert found.sources[0].url == "sqlite:///shop.sqlite?key=${SHOP_PASSWORD}"
    assert SECRET not in repr(found)


def test_a_password_in_the_file_does_not_show(tmp_path: Path) -> None:
    """Some write it there all the same."""
    found = settings(tmp_path, f'[sources.shop]\nurl = "sqlite:///shop.sqlite?key={SECRET}"')
    assert SECRET not in repr(found)


def test_an_opened_source_does_not_show_its_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in logs nor in a debugger."""
    monkeypatch.setenv("SHOP_URL", f"sqlite:///shop.sqlite?key={SECRET}")
    source = open_source(SourceSettings("shop", "${SHOP_URL}"), tmp_path)
    assert SECRET not in repr(source)


def test_a_source_of_another_kind_is_refused_without_its_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even the kind is named: it is part of what may be a secret."""
    monkeypatch.setenv("SHOP_URL", f"mongodb://shop:{SECRET}@db/shop")
    said = refusal(SourceSettings("shop", "${SHOP_URL}"), tmp_path)
    assert said.startswith("pacelayer.toml: source 'shop' is of a kind that cannot be read; ")
    assert SECRET not in said


def test_a_url_that_cannot_be_read_is_refused_without_showing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be nothing but a password."""
    monkeypatch.setenv("SHOP_URL", SECRET)
    said = refusal(SourceSettings("shop", "${SHOP_URL}"), tmp_path)
    assert said.startswith(
        "pacelayer.toml: source 'shop' has a url that cannot be read: it is not the URL of a database; "
    )
    assert SECRET not in said


def test_a_variable_that_is_not_set_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to type."""
    monkeypatch.delenv("SHOP_URL", raising=False)
    said = refusal(SourceSettings("shop", "${SHOP_URL}"), tmp_path)
    assert said == (
        "pacelayer.toml: source 'shop' needs the environment variable SHOP_URL, which is not set; export SHOP_URL=..."
    )
