"""Abstracts as a model gets them: within its window, best sentences first, in whole sentences, and plainly quoted."""

import re
from collections.abc import Sequence
from functools import lru_cache
from secrets import token_hex
from typing import NamedTuple

from rag import question as questions
from rag.grounding import marks
from rag.text import tokens
from rag.types import Passage, PassageSentence, Turn
from rag.writers.keys import CitationKeys

WORTH_SHOWING = 0.75
WORTH_SHOWING_AMONG_SEVERAL = 0.6
"""Share of the best passage's score, for a question that one paper answers and for one that takes several. A third of
eight passages reach it on average, and 98% of the papers that answer (`eval/results/llm.md`).
"""

STABLE_TAG = f"abstract-{token_hex(4)}"
"""Random for this process, and the same in all its prompts, so that a provider may reuse what it has read of them."""

_TURNS = 6
_CHARACTERS_OF_A_TURN = 1_000
_TAG = re.compile(r"<+(/?[A-Za-z_|][^<>\n]{0,80})>+")
_INSTRUCTION = re.compile(r"\[(/?[A-Z]{3,})\]")
_GAP = " … "
_TOKENS_OF_TAGS = 32


class PackedPassages(NamedTuple):
    """The abstracts as one text, and the numbers of those that are in it."""

    text: str
    numbers: tuple[int, ...]


def worth_showing(question: str, passages: Sequence[Passage]) -> Sequence[Passage]:
    """Those near the best one: the rest costs time and money, and leads small models astray."""
    share = WORTH_SHOWING if questions.analyse(question).shape == "single" else WORTH_SHOWING_AMONG_SEVERAL
    best = max((passage.score for passage in passages), default=0.0)
    return [passage for passage in passages if passage.score >= share * best]


def new_tag() -> str:
    """A random name for the tags around what abstracts say, so that no abstract can close its own."""
    return f"abstract-{token_hex(4)}"


def pack(passages: Sequence[Passage], limit: int, tag: str, keys: CitationKeys | None = None) -> PackedPassages:
    """As many passages as fit into `limit` tokens, in their order. One that does not fit gives its best sentences.

    Each stands under its key, or its number where there are no keys.
    """
    blocks: list[str] = []
    numbers: list[int] = []
    left = limit
    for passage in passages:
        text = _fitting(passage, left - _TOKENS_OF_TAGS)
        if text:
            name = f'key="{keys.of(passage.number)}"' if keys else f'number="{passage.number}"'
            blocks.append(f"<{tag} {name}>\n{text}\n</{tag}>")
            numbers.append(passage.number)
            left -= _count(text) + _TOKENS_OF_TAGS
    return PackedPassages("\n".join(blocks), tuple(numbers))


def excerpt(sentences: str, tag: str) -> str:
    """Sentences of the abstracts with their marks, as they stood in lines."""
    lines = "\n".join(quoted(line) for line in sentences.splitlines())
    return f"<{tag} sentences>\n{lines}\n</{tag}>"


def conversation(history: Sequence[Turn]) -> str:
    """The last turns in plain text, without the marks of their passages; empty if there are none."""
    lines = [f"{turn.role.capitalize()}: {_plain_turn(turn)}" for turn in history[-_TURNS:]]
    return "\n".join(lines)


def quoted(text: str) -> str:
    """On one line, and with nothing that looks like a tag or a control word of a chat format."""
    return _INSTRUCTION.sub(r"(\1)", _TAG.sub(r"‹\1›", " ".join(text.split())))


def _plain_turn(turn: Turn) -> str:
    text = quoted(turn.content)
    cut = text[:_CHARACTERS_OF_A_TURN]
    return marks.without(cut) + ("…" if len(cut) < len(text) else "")


def _fitting(passage: Passage, limit: int) -> str:
    """All of it, or the most similar sentences that fit, in their order, with a sign where some were left out."""
    whole = _with_title(passage, passage.text)
    if _count(whole) <= limit:
        return whole
    chosen: list[PassageSentence] = []
    text = ""
    for sentence in sorted(passage.sentences, key=lambda sentence: -sentence.similarity):
        wider = sorted([*chosen, sentence], key=lambda sentence: sentence.start)
        longer = _with_title(passage, _joined(wider, passage.sentences))
        if _count(longer) <= limit:
            chosen, text = wider, longer
    return text


def _joined(chosen: Sequence[PassageSentence], whole: Sequence[PassageSentence]) -> str:
    text = ""
    before = -1
    for place, sentence in enumerate(whole):
        if sentence in chosen:
            text += ("" if not text else " " if place == before + 1 else _GAP) + sentence.text
            before = place
    return text


def _with_title(passage: Passage, text: str) -> str:
    return f"{quoted(passage.paper.title)}{passage.paper.suffix}\n{quoted(text)}"


@lru_cache(maxsize=1024)
def _count(text: str) -> int:
    """The same papers are found again and again."""
    return tokens.count(text)
