"""Examples that the decision to answer is fitted to: each question with its papers, without them, and altered."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Literal

from eval.questions import Question
from eval.swaps import Swaps
from rag import answer_signals, condense
from rag.corpus.identity import normalised_title
from rag.engine import TOP_K
from rag.library.library import Library
from rag.retrieval import HybridRetriever
from rag.types import EVERYTHING, Filters, Paper

Kind = Literal["present", "removed", "replaced", "unanswerable", "off_topic"]
"""The library has the paper; it is left out; a restriction of the question is replaced by one that the paper does not
have; no paper answers; the question is of another field. Only the first is to be answered."""

OFF_TOPIC = 200
"""How many questions of each other field are put to a library."""


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
    swap: str = ""
    """What was replaced, as `Swaps.of` names it."""


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
                    for question in _some(other.questions)
                ]
    return found


def split_by_group(found: Iterable[Example]) -> tuple[list[Example], list[Example]]:
    """Two halves without a common paper, the same on every machine."""
    halves: tuple[list[Example], list[Example]] = ([], [])
    for example in found:
        halves[sha256(example.group.encode()).digest()[0] % 2].append(example)
    return halves


def _some(questions: Sequence[Question]) -> Sequence[Question]:
    """Up to OFF_TOPIC questions that begin a conversation, the same on every machine."""
    first = [question for question in questions if not question.history]
    return sorted(first, key=lambda question: sha256(question.id.encode()).digest())[:OFF_TOPIC]


async def _own_examples(field: Field, papers: Sequence[Paper]) -> list[Example]:
    by_key = {normalised_title(paper.title): paper for paper in papers} | {paper.id: paper for paper in papers}
    swaps = Swaps(papers, field.library, [question.question for question in field.questions])
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
        if len(gold) == 1 and not question.history:
            for swap, altered in swaps.of(question.question, gold[0]).items():
                example = await _example("replaced", field.library, question, group, altered)
                found.append(replace(example, swap=swap))
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
        hopeless=answer_signals.lacks_what_is_asked(text, passages[0], library),
        signals=answer_signals.signals(text, passages, library),
    )
