"""Abstracts as a model gets them: within its window, best evidence first, in whole sentences, and plainly quoted."""

import re
from collections.abc import Sequence
from secrets import token_hex
from typing import NamedTuple

from rag import marks, tokens
from rag.types import Evidence, Passage, Turn

_TURNS = 6
_CHARACTERS_OF_A_TURN = 1_000
_TAG = re.compile(r"<+(/?[A-Za-z_|][^<>\n]{0,80})>+")
_INSTRUCTION = re.compile(r"\[(/?[A-Z]{3,})\]")
_GAP = " … "


class Packed(NamedTuple):
    """The abstracts as one text, and the numbers of those that are in it."""

    text: str
    numbers: tuple[int, ...]


def pack(passages: Sequence[Passage], limit: int) -> Packed:
    """As many passages as fit into `limit` tokens, in their order. One that does not fit gives its best sentences.

    The name of the tags is drawn anew each time, so that no abstract can close its own.
    """
    tag = f"abstract-{token_hex(4)}"
    blocks: list[str] = []
    numbers: list[int] = []
    left = limit
    for passage in passages:
        block = _whole(passage, tag, left) or _shortened(passage, tag, left)
        if block:
            blocks.append(block)
            numbers.append(passage.number)
            left -= tokens.count(block) + 1
    return Packed("\n".join(blocks), tuple(numbers))


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


def _whole(passage: Passage, tag: str, limit: int) -> str:
    block = _block(passage, tag, passage.text)
    return block if tokens.count(block) <= limit else ""


def _shortened(passage: Passage, tag: str, limit: int) -> str:
    """The most similar sentences that fit, in their order, with a sign where some were left out."""
    chosen: list[Evidence] = []
    block = ""
    for evidence in sorted(passage.evidence, key=lambda sentence: -sentence.similarity):
        wider = sorted([*chosen, evidence], key=lambda sentence: sentence.start)
        longer = _block(passage, tag, _joined(wider, passage.evidence))
        if tokens.count(longer) <= limit:
            chosen, block = wider, longer
    return block


def _joined(chosen: Sequence[Evidence], whole: Sequence[Evidence]) -> str:
    text = ""
    before = -1
    for place, evidence in enumerate(whole):
        if evidence in chosen:
            text += ("" if not text else " " if place == before + 1 else _GAP) + evidence.text
            before = place
    return text


def _block(passage: Passage, tag: str, text: str) -> str:
    year = f" ({passage.paper.year})" if passage.paper.year else ""
    return f'<{tag} number="{passage.number}">\n{quoted(passage.paper.title)}{year}\n{quoted(text)}\n</{tag}>'
