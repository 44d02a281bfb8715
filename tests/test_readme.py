"""The README and the documentation tell the truth about settings, commands and files."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from rag.config import Settings
from service.cli.main import app
from service.docs import settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = ROOT / "service" / "docs" / "pages"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_a_row_that_describes_it(name: str) -> None:
    [row] = re.findall(rf"^\| `SCHOLIAST_{name.upper()}` \| (.*) \| (.+) \|$", settings.table(), re.MULTILINE)
    assert row[1] == (Settings.model_fields[name].description or "").replace("*", r"\*")


def test_the_table_of_settings_has_their_defaults_and_stands_in_the_documentation() -> None:
    table = settings.table()
    assert "| `SCHOLIAST_EMBEDDER` | `minilm` |" in table
    assert "| `SCHOLIAST_DEEP_COST_USD` | `1` |" in table
    assert "| `SCHOLIAST_MCP_MAY_ADD` | `false` |" in table
    assert "| `SCHOLIAST_API_KEYS` |  |" in table
    assert str(Path.home()) not in table
    assert "<!-- settings -->" in (PAGES / "settings.md").read_text("utf-8")


@pytest.mark.parametrize("file", [ROOT / "README.md", PAGES / "terminal.md", PAGES / "papers.md", PAGES / "index.md"])
def test_every_command_that_is_named_exists(file: Path) -> None:
    commands = set(getattr(get_command(app), "commands", {}))
    named = set(re.findall(r"^scholiast (\w+)", file.read_text("utf-8"), re.MULTILINE))
    assert named and named <= commands, f"not there: {named - commands}"


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)#]+)[^)]*\)", README))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()
