"""The example notebook as a page: a script in cells (`# %%`), which VS Code and jupytext open as a notebook."""

import re
from pathlib import Path

SCRIPT = Path(__file__).with_name("example.py")


def page() -> str:
    """The cells in turn, text as text and code as code."""
    shown = [_text(body) if kind else _code(body) for kind, body in cells(SCRIPT.read_text("utf-8"))]
    return "\n\n".join(cell for cell in shown if cell)


def cells(script: str) -> list[tuple[str, str]]:
    """Each cell with its kind, `markdown` or empty for code."""
    parts = re.split(r"^# %%(?: \[(\w+)\])?\n", script, flags=re.MULTILINE)
    return list(zip((kind or "" for kind in parts[1::2]), parts[2::2], strict=True))


def _text(body: str) -> str:
    return re.sub(r"^# ?", "", body, flags=re.MULTILINE).strip()


def _code(body: str) -> str:
    return f"```python\n{body.strip()}\n```"
