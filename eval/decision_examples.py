"""Examples that the decision to answer is fitted to: each question with its papers, without them, and altered."""

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from eval.questions import Question
from rag import answer_signals, condense
from rag.corpus.identity import normalised_title
from rag.engine import TOP_K
from rag.library.library import Library
from rag.retrieval import HybridRetriever
from rag.text.analysis import content_stems
from rag.text.entities import NAME
from rag.types import EVERYTHING, Filters, Paper

Kind = Literal["present", "removed", "replaced", "unanswerable", "off_topic"]
"""The library has the paper; it is left out; a word of the question is replaced by one of another paper; no paper
answers; the question is of another field. Only the first is to be answered."""

_WORD = re.compile(r"[A-Za-z][\w@+-]*\w")
_SAME_RARITY = 1.5
_TRIES = 200


@dataclass(frozen=True, kw_only=True)
class Field:
    """Questions, and the library that holds their papers."""

    library: Library
    questions: tuple[Question, ...]


@dataclass(frozen=True, kw_only=True)
class Example:
    """A question in one situation; examples with the same `group` share a paper and are never split."""

    kind: Kind
    field: str
    group: str
    single: bool
    hopeless: bool
    """Whether the best paper lacks the kind of thing that is asked for, which decides without the weights."""
    signals: Mapping[str, float]


async def examples(fields: Sequence[Field]) -> list[Example]:
    """Every question in every situation that applies, also put to the libraries of the other fields."""
    found: list[Example] = []
    for field in fields:
        papers = await field.library.papers(0, (await field.library.counts()).papers)
        found += await _own_examples(field, papers)
        for other in fields:
            if other is not field:
                found += [
                    await _example("off_topic", field.library, question, "", question.question)
                    for question in other.questions
                    if not question.history
                ]
    return found


def split_by_group(found: Iterable[Example]) -> tuple[list[Example], list[Example]]:
    """Two halves without a common paper, the same on every machine."""
    halves: tuple[list[Example], list[Example]] = ([], [])
    for example in found:
        halves[sha256(example.group.encode()).digest()[0] % 2].append(example)
    return halves


async def _own_examples(field: Field, papers: Sequence[Paper]) -> list[Example]:
    by_key = {normalised_title(paper.title): paper for paper in papers} | {paper.id: paper for paper in papers}
    words = _Words(papers, field.library)
    found: list[Example] = []
    for question in field.questions:
        gold = [
            by_key[key] for key in (*question.gold_ids, *map(normalised_title, question.gold_titles)) if key in by_key
        ]
        search = condense.with_exchange(question.question, question.history)
        group = gold[0].id if gold else question.id
        if not question.answerable:
            found.append(await _example("unanswerable", field.library, question, group, search))
            continue
        found.append(await _example("present", field.library, question, group, search))
        rest = Filters(papers=tuple({paper.id for paper in papers} - {paper.id for paper in gold}))
        found.append(await _example("removed", field.library, question, group, search, rest))
        altered = words.replaced(question.question, gold[0]) if len(gold) == 1 and not question.history else ""
        if altered:
            found.append(await _example("replaced", field.library, question, group, altered))
    return found


async def _example(
    kind: Kind, library: Library, question: Question, group: str, search: str, filters: Filters = EVERYTHING
) -> Example:
    passages = await HybridRetriever(library, library.embedder).retrieve(search, TOP_K, filters)
    text = search if kind == "replaced" else question.question
    return Example(
        kind=kind,
        field=library.name,
        group=group or question.id,
        single=len(question.gold) == 1,
        hopeless=answer_signals.lacks_what_is_asked(text, passages[0]),
        signals=answer_signals.signals(text, passages, library),
    )


class _Words:
    """Replaces a word of a question by one that another paper has: a name by a name, else a word as rare."""

    def __init__(self, papers: Sequence[Paper], library: Library) -> None:
        texts = [f"{paper.title}. {paper.abstract}" for paper in papers]
        self._names = sorted({name for text in texts for name in NAME.findall(text) if name[0].isalpha()})
        self._lowered = {name.lower() for name in self._names}
        self._words = sorted({word for text in texts for word in re.findall(r"\b[a-z]{5,}\b", text)})
        self._library = library
        self._random = random.Random(0)

    def replaced(self, question: str, paper: Paper) -> str:
        """The question with its rarest word that the paper has replaced; empty if no word can be."""
        held = set(content_stems(f"{paper.title}. {paper.abstract}"))
        candidates = [word for word in _WORD.findall(question) if set(content_stems(word)) & held]
        named = [word for word in candidates if word.lower() in self._lowered]
        if not candidates:
            return ""
        old = max(named or candidates, key=self._rarity)
        for _ in range(_TRIES):
            new = self._random.choice(self._names if named else self._words)
            stems = set(content_stems(new))
            alike = bool(named) or abs(self._rarity(new) - self._rarity(old)) < _SAME_RARITY
            if stems and alike and not stems & held:
                return re.sub(rf"\b{re.escape(old)}\b", lambda _, new=new: new, question)  # type: ignore[misc]
        return ""

    def _rarity(self, word: str) -> float:
        return max(self._library.idf(content_stems(word)).values(), default=0.0)
