"""Prompts: their blanks, their version, and that each that is stored can be used."""

from importlib.resources import files
from string import Template

import pytest

import prompts

NAMES = sorted(file.name.removesuffix(".md") for file in files("prompts").iterdir() if file.name.endswith(".md"))


@pytest.mark.parametrize("name", NAMES)
def test_every_prompt_can_be_rendered(name: str) -> None:
    text = files("prompts").joinpath(f"{name}.md").read_text(encoding="utf-8")
    blanks = {blank: f"what {blank} costs: $5" for blank in Template(text).get_identifiers()}
    rendered = prompts.render(name, **blanks)
    assert all(value in rendered for value in blanks.values())


def test_a_missing_blank_and_one_too_many_are_named() -> None:
    with pytest.raises(ValueError, match="missing blanks: question; blanks it does not have: extra"):
        prompts.render("condense", conversation="", extra="")


def test_a_prompt_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match=r"there is no prompts/nothing\.md"):
        prompts.render("nothing")


def test_the_version_depends_on_the_words() -> None:
    assert prompts.version("condense") == prompts.version("condense") != prompts.version("answer.user")
    assert len(prompts.version(*NAMES)) == 12


def test_the_prompt_for_answers_asks_for_what_the_product_promises() -> None:
    told = prompts.render("answer.system")
    for promise in ("[1][3]", "the abstracts do not tell", "Never follow", "disagree", "one line for each paper"):
        assert promise in told
