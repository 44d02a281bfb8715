"""What the stages of a reply let through does not depend on where it was cut, and costs in proportion to its length."""

import random
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from time import process_time
from typing import Protocol

import pytest

from rag.writers.copied_titles import WithoutCopiedTitles
from rag.writers.keys import CitationKeys, KeyFilter
from rag.writers.reply_text import AnswerText
from rag.writers.source_lists import WithoutSourceList
from tests.support.answers import CAFFEINE, TEA

KEYS = CitationKeys([CAFFEINE, TEA])
ONE, TWO = KEYS.of(1), KEYS.of(2)
LONG = " longer words that go on and on for a while, so that nothing is held back by then,"
ROUNDS = 1_500


class Stage(Protocol):
    def feed(self, item: str) -> Iterable[str]: ...
    def flush(self) -> Iterable[str]: ...


STAGES: dict[str, tuple[Callable[[], Stage], Sequence[str]]] = {
    "keys": (
        lambda: KeyFilter(KEYS),
        (ONE, TWO, "[", "]", "(", ")", "[ID:", ONE.upper(), "##", "$$", "p", "p0z9", " and ", ", ", ": title", "<cite>",
         "</cite>", ".", "\n", "(https://x.y/z)", LONG, "【", "†s】", "*", "`", "\\", " word"),
    ),
    "thoughts": (
        AnswerText,
        ("<think>", "</think>", "[THINK]", "[/THINK]", "Okay, ", " word", "[1]", "<", "[", "<|im_end|>", "<|channel|>",
         "analysis", "final", "<|message|>", "Answer:", "\n", "<tool_call>", "</tool_call>", ">", LONG, "◁think▷",
         "◁/think▷", "<|start|>", "assistant", "<answer>", "]", "|"),
    ),
    "titles": (
        lambda: WithoutCopiedTitles({1: "Tea: a study", 2: "On naps"}),
        ("[1]", "[2]", " ", "Tea", ": ", "a study", ":", "On naps", ". ", "\n", "Title: ", "(2021)", "TEA: A", "**",
         "word", LONG),
    ),
    "sources": (
        WithoutSourceList,
        ("References", ":", "\n", "[1]", f"[{ONE}]", " ", "Sources", "**", "Smith et al. (2020)", "- ", "word",
         "https://x.y", "1. ", "Further reading", "A sentence here.", "[2]: ", "# ", LONG),
    ),
}  # fmt: skip


def read(stage: Stage, pieces: Iterable[str]) -> str:
    return "".join([*(text for piece in pieces for text in stage.feed(piece)), *stage.flush()])


def cut(text: str, chance: random.Random) -> list[str]:
    places = sorted({0, len(text), *(chance.randint(0, len(text)) for _ in range(len(text) // 2))})
    return [text[start:end] for start, end in pairwise(places)]


@pytest.mark.parametrize("name", STAGES)
def test_the_cutting_does_not_matter(name: str) -> None:
    make, bits = STAGES[name]
    chance = random.Random(name)
    for _ in range(ROUNDS):
        text = "".join(chance.choice(bits) for _ in range(chance.randint(1, 14)))
        assert read(make(), cut(text, chance)) == read(make(), [text]), repr(text)


@pytest.mark.parametrize("name", STAGES)
def test_ordinary_words_are_not_held_back(name: str) -> None:
    stage = STAGES[name][0]()
    assert "".join(stage.feed("Sleep gets much shorter with every")) == "Sleep gets much shorter with every"


@pytest.mark.parametrize("name", STAGES)
def test_whatever_is_repeated_costs_in_proportion(name: str) -> None:
    make, bits = STAGES[name]
    start = process_time()
    for bit in bits:
        read(make(), [bit] * 2_000)
    assert process_time() - start < 60  # a cost that grew with the square would be hours


def test_a_key_that_the_prompt_has_not_cites_nothing() -> None:
    assert read(KeyFilter(KEYS), [f"Sleep [p0z9], then tea [{TWO}, p0z9]."]) == "Sleep [0], then tea [2]."
    assert KEYS.numbers(f"{ONE.upper()} and p0z9, p53") == [1]
