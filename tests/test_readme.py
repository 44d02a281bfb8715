"""The README tells the truth about settings and commands."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from rag.config import Settings
from service.cli.main import app

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_a_row(name: str) -> None:
    assert re.search(rf"^\| `SCHOLIAST_{name.upper()}` \|", README, re.MULTILINE)


def test_every_row_is_a_setting() -> None:
    named = {match.lower() for match in re.findall(r"^\| `SCHOLIAST_(\w+)` \|", README, re.MULTILINE)}
    assert named == set(Settings.model_fields)


def test_every_command_of_the_readme_exists() -> None:
    commands = set(getattr(get_command(app), "commands", {}))
    named = set(re.findall(r"^scholiast (\w+)", README, re.MULTILINE))
    assert named <= commands, f"not there: {named - commands}"


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (Path(__file__).parents[1] / link).exists()
