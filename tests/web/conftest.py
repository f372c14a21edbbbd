"""A headless Chromium for the tests of the page at /graphql."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

# Chromium is silent: whatever is requested, the page requested it. No sandbox, because CI runs as root.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# The limit of every wait: the slowest CI machine, many times over.
LIMIT_MS = 20_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for a module: Playwright's event loop runs in this thread until the module is through."""
    executable = chromium()
    expect.set_options(timeout=LIMIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty tab, with a profile of its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(LIMIT_MS)
    yield context.new_page()
    context.close()


def chromium() -> str:
    """The browser to drive: the one that is named, or one on the PATH."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("PACELAYER_TEST_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found:
        return found
    reason = f"no browser: none of {', '.join(names)} is on the PATH, and PACELAYER_TEST_CHROMIUM names none"
    if "CI" in os.environ:
        pytest.fail(reason)
    pytest.skip(reason)
