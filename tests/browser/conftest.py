"""A headless Chromium on the report's pages, opened from the disk as a reader opens them.

A page that logs an error, throws, opens a dialog or asks for anything but what a test lets it ask
for fails the test.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from pipeline.folder import DatasetFolder
from pipeline.report.figures import figures_of
from pipeline.report.render import page
from pipeline.report.sources import read_sources

HERE = Path(__file__).parent
CHROMIUM = os.environ.get("STEPSMITH_CHROMIUM") or shutil.which("chromium")
SIZES = {"desktop": (1280, 900), "phone": (390, 844), "small": (320, 640)}


def _reason() -> str | None:
    if find_spec("playwright") is None:
        return "needs the environment of `make test-browser`"
    if CHROMIUM is None:
        return "there is no chromium: `apt install chromium`, or STEPSMITH_CHROMIUM=PATH"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if reason := _reason():
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    # Root, as in a container, has no user namespaces for Chromium's own sandbox.
    args = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=args)
        yield found
        found.close()


@pytest.fixture
def opened(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open an address in a context of its own; `asks`: what its requests may begin with."""
    contexts, troubles = [], []

    def open_(url: str, size: str = "desktop", asks: tuple[str, ...] = (), **options: Any) -> Any:
        width, height = SIZES[size]
        phone = {"has_touch": True, "is_mobile": True} if size != "desktop" else {}
        viewport = {"width": width, "height": height}
        context = browser.new_context(viewport=viewport, **phone, **options)
        contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(20_000)

        def request(one: Any) -> None:
            if not one.url.startswith((url.partition("#")[0], "data:", *asks)):
                troubles.append(f"asked for {one.url}")

        tab.on("request", request)
        tab.on("pageerror", lambda error: troubles.append(f"threw {error}"))
        tab.on("dialog", lambda dialog: (troubles.append("opened a dialog"), dialog.dismiss()))
        tab.on("console", lambda said: said.type == "error" and troubles.append(said.text))
        tab.goto(url)
        if options.get("java_script_enabled", True):
            tab.wait_for_selector("html[data-ready=yes]", state="attached")
        tab.troubles = troubles
        return tab

    yield open_
    for context in contexts:
        context.close()
    assert troubles == []


def write_page(folder: DatasetFolder, limit: int = 10_000) -> str:
    """The report of a dataset, as the address of a file."""
    sources = read_sources(folder)
    target = folder.root / "report.html"
    target.write_text(page(sources, figures_of(sources), limit), encoding="utf-8")
    return target.as_uri()


def overflow(tab: Any) -> int:
    """By how many pixels the page is wider than its window."""
    return int(tab.evaluate("document.documentElement.scrollWidth - innerWidth"))


def until(tab: Any, holds: str, seconds: float = 20) -> None:
    """Wait for an expression to be true. Playwright's own way evaluates a string in the page, which
    the page's policy forbids."""
    end = time.monotonic() + seconds
    while not tab.evaluate(holds):
        assert time.monotonic() < end, f"{holds} did not come true"
        tab.wait_for_timeout(20)
