"""Takes the pictures of the site again: `python -m service.docs.screenshots` (needs the extra `dev` and Chromium).

A real service with the demo's papers is asked in a real browser, light, dark and on a phone, and once in a terminal.
"""

import io
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, sync_playwright
from rich.console import Console
from rich.text import Text

PICTURES = Path(__file__).with_name("pages") / "img"
QUESTION = "How does Hydra make Medusa decoding faster?"
VIEWS: dict[str, dict[str, Any]] = {
    "page-light": {"viewport": {"width": 1180, "height": 700}, "color_scheme": "light"},
    "page-dark": {"viewport": {"width": 1180, "height": 700}, "color_scheme": "dark"},
    "page-phone": {"viewport": {"width": 390, "height": 800}, "color_scheme": "light", "device_scale_factor": 1.5},
}
_START_SECONDS = 120
_COLUMNS = 100


def main() -> None:
    """Write every picture."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="scholiast-") as home:
        environment = {**os.environ, "SCHOLIAST_HOME": home, "COLUMNS": str(_COLUMNS), "FORCE_COLOR": "1"}
        command("demo", environment)
        (PICTURES / "terminal.svg").write_text(terminal(command("ask", environment, QUESTION)), "utf-8")
        with served(environment) as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            for name, view in VIEWS.items():
                picture = Image.open(io.BytesIO(page(browser, url, view)))
                picture.save(PICTURES / f"{name}.webp", quality=80, method=6)
            browser.close()


def page(browser: Browser, url: str, view: dict[str, Any]) -> bytes:
    """A PNG of the page with an answer and, where there is room, the abstract behind its first mark."""
    context = browser.new_context(**view)
    opened = context.new_page()
    opened.goto(url)
    opened.fill("#question", QUESTION)
    opened.keyboard.press("Enter")
    opened.locator(".turn .actions").wait_for(timeout=60_000)
    if view["viewport"]["width"] > 1000:
        opened.locator(".turn .mark").first.hover()
    opened.wait_for_timeout(800)  # until nothing moves
    picture = opened.screenshot()
    context.close()
    return picture


def terminal(output: str) -> str:
    """What a terminal shows, as SVG in the reader's own font."""
    console = Console(record=True, width=_COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(f"[bold]$ scholiast ask[/bold] [green]'{QUESTION}'[/green]")
    console.print(Text.from_ansi(output.rstrip()))
    drawn = console.export_svg(title="scholiast")
    return re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL).replace("Fira Code, monospace", "monospace")


def command(name: str, environment: dict[str, str], *arguments: str) -> str:
    """What a command of ours prints."""
    program = Path(sys.executable).with_name("scholiast")
    done = subprocess.run(
        [program, name, *arguments],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    return done.stdout


@contextmanager
def served(environment: dict[str, str]) -> Iterator[str]:
    """The URL of a service of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [Path(sys.executable).with_name("scholiast"), "serve", "--port", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(_START_SECONDS):
            time.sleep(1)
            try:
                urllib.request.urlopen(f"{url}/readyz", timeout=5).close()
                break
            except OSError:
                continue
        yield url
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
