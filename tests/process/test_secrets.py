"""The address of a source comes from the environment, and what is secret in it stays there."""

from __future__ import annotations

from pathlib import Path

import pytest

from .test_command_line import run


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////srv/hunter2/shop.sqlite",
        "sqlite:///nowhere.sqlite?password=hunter2",
        "postgresql://reader:hunter2@db.example.com/shop",
        "postgresql://reader:hunter2@db.example.com:port/shop",
        "postgresql://reader:pass@hunter2:x:y/shop",
        "nonsense hunter2",
        "hunter2://x",
    ],
)
@pytest.mark.parametrize("arguments", [["check", "--json"], ["refresh"]])
def test_a_secret_in_the_address_of_a_source_is_shown_nowhere(
    shop: Path, monkeypatch: pytest.MonkeyPatch, url: str, arguments: list[str]
) -> None:
    """It comes from the environment, and stays there."""
    monkeypatch.setenv("SHOP_URL", url)
    settings = shop / "pacelayer.toml"
    settings.write_text(settings.read_text().replace("sqlite:///shop.sqlite", "${SHOP_URL}"))

    done = run(shop, *arguments)

    assert done.code in (2, 10)
    assert "shop" in done.out + done.err
    assert "hunter2" not in done.out + done.err
    assert [path for path in shop.rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()] == []


def test_a_variable_that_is_not_set_is_named(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that sets it."""
    monkeypatch.delenv("SHOP_URL", raising=False)
    settings = shop / "pacelayer.toml"
    settings.write_text(settings.read_text().replace("sqlite:///shop.sqlite", "${SHOP_URL}"))

    done = run(shop, "refresh")

    assert done.code == 2
    assert "export SHOP_URL=" in done.err
