"""A real service on a port and a real Chromium that reads its page; without Chromium these tests are skipped.

Papers go in over HTTP. Playwright runs an event loop in this thread while its browser is open, so that nothing here may
start another one; each file opens and closes its own.
"""

import json
import shutil
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from service.http.app import create_app
from tests.conftest import FEW, SAMPLE, settings
from tests.support.command import words
from tests.support.running import running

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WAIT_MILLISECONDS = 15_000
expect.set_options(timeout=WAIT_MILLISECONDS)

Opened = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here is slow, and what opens a browser is marked so."""
    for item in items:
        if "tests/page/" in item.path.as_posix() and "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.page)
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("there is no chromium; `apt-get install chromium` brings it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a service whose default library has the sample's first papers."""
    with running(create_app(settings(tmp_path_factory.mktemp("page")), words())) as url:
        put(url, [json.loads(line) for line in SAMPLE.read_text("utf-8").splitlines()[:FEW]])
        yield url


@pytest.fixture
def complaints() -> list[str]:
    """What the browser has complained of."""
    return []


@pytest.fixture
def opened(browser: Browser, complaints: list[str]) -> Iterator[Opened]:
    """Opens a page for a reader of its own; what the browser complains of fails the test.

    A response that is no success is no complaint: the page tells the reader.
    """

    def open(url: str, width: int = 1280, height: int = 800, **others: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **others)
        context.set_default_timeout(WAIT_MILLISECONDS)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.on("console", lambda message: complaints.append(message.text) if _is_complaint(message) else None)
        page.goto(url)
        return page

    yield open
    for context in browser.contexts:
        context.close()
    assert complaints == []


def put(url: str, papers: Sequence[dict[str, Any]], library: str = "default") -> None:
    """Add papers over HTTP."""
    body = json.dumps(papers).encode()
    request = urllib.request.Request(f"{url}/v1/papers?library={library}", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        assert json.load(response)["added"] == len(papers)


def ask(page: Page, question: str) -> None:
    """Ask a question, and wait until the answer is there."""
    turns = page.locator(".turn").count()
    page.fill("#question", question)
    page.keyboard.press("Enter")
    page.locator(".turn").nth(turns).locator(".actions").wait_for()


def file_of(folder: Path, name: str, *records: dict[str, Any]) -> Path:
    """A file of JSON Lines."""
    file = folder / name
    file.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return file


def _is_complaint(message: Any) -> bool:
    return message.type in ("error", "warning") and not message.text.startswith("Failed to load resource")
