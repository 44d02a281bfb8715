"""What an answer is written from: the passages found for a question or each of its parts, and a decision on each."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from rag import answerability, parts, topic
from rag import question as questions
from rag.answerability import Decision
from rag.grounding import refusals
from rag.protocols import AnswerReviewer, Retriever, Vocabulary
from rag.question import Shape
from rag.text.analysis import content_stems
from rag.text.sentences import spans
from rag.types import EVERYTHING, EvidenceRow, Filters, Passage, StandaloneQuery, Step, Usage
from rag.writers import members

SIDE_SCORE = 0.9
"""What a paper that one side of a comparison finds first scores at least, as a share of the best paper's score."""

READ_SHARE = 0.5
"""A model reads a paper for a list or a comparison from this share of the best one's score."""

MODEL_PAPERS = 48
"""How many papers a model that reads widely is shown for a list or a comparison."""

SAME_SUBJECT = 0.5
"""Share of the content words above which two descriptions of something missing are of the same thing."""

Split = Callable[[str], Sequence[str]]
"""A question to the questions that it consists of."""


@dataclass(frozen=True)
class Part:
    """One question of those asked, the passages that may answer it, best first, and whether they do."""

    question: str
    passages: Sequence[Passage]
    decision: Decision


@dataclass(frozen=True)
class Evidence:
    """`passages` are those of all parts, each paper once; `checked` is how many papers were looked at for a list."""

    passages: tuple[Passage, ...]
    parts: tuple[Part, ...]
    checked: int = 0

    @property
    def decision(self) -> Decision:
        """On the whole question: partial if some of its parts have an answer and others have none."""
        answered = [part.decision for part in self.parts if part.decision.answers]
        if not answered:
            return self.parts[0].decision
        least = min(answered, key=lambda decision: decision.confidence)
        return least if len(answered) == len(self.parts) else replace(least, outcome="partial")

    @property
    def answered(self) -> list[Part]:
        """The parts to write about."""
        return [part for part in self.parts if part.decision.answers]

    @property
    def unanswered(self) -> list[str]:
        """The questions that the abstracts leave open where they answer others."""
        return [part.question for part in self.parts if not part.decision.answers] if self.answered else []

    def unnamed(self, text: str) -> list[str]:
        """Those of `unanswered` of which a text does not yet say, in whatever words, that they are left open."""
        sentences = (line[span.start : span.end] for line in text.splitlines() for span in spans(line))
        said = [content_stems(sentence) for sentence in sentences if refusals.declines(sentence)]
        unnamed: list[str] = []
        for part in self.unanswered:
            stems = content_stems(part)
            if not any(_same_subject(stems, other) for other in said):
                unnamed.append(part)
                said.append(stems)
        return unnamed

    @property
    def notice(self) -> str:
        """What a reader should know of how the passages were found; empty when all went well."""
        return " ".join(dict.fromkeys(passage.notice for passage in self.passages if passage.notice))


@dataclass(frozen=True, kw_only=True)
class ModelReading:
    """What is put before a model that decides itself whether the passages answer.

    It is asked from the confidence `ask_from` on, and shown up to `papers` papers where a question takes several.
    """

    ask_from: float
    papers: int


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What a deep answer is written from. `reviewer` is what verifies it, `usage` and `notice` are of the search."""

    evidence: Evidence
    rows: tuple[EvidenceRow, ...]
    usage: Usage
    notice: str = ""
    reviewer: AnswerReviewer | None = None


NO_FINDINGS = Findings(evidence=Evidence((), ()), rows=(), usage=Usage())


class Researcher(Protocol):
    """Looks for the evidence of a deep answer."""

    def research(self, query: StandaloneQuery, top_k: int, filters: Filters = ...) -> AsyncGenerator[Step | Findings]:
        """Yield each step as it begins, then the findings. Raises BackendError."""
        ...


@dataclass(frozen=True)
class Collector:
    """Finds the evidence in one library."""

    retriever: Retriever
    vocabulary: Vocabulary
    answer_from: float | None = None
    split: Split = parts.split
    reading: ModelReading | None = None

    async def collect(self, query: StandaloneQuery, top_k: int, filters: Filters = EVERYTHING) -> Evidence:
        """Passages of at most `top_k` papers for each part; of more for a list. Raises as the retriever does."""
        shape = questions.analyse(query.question).shape
        asked = [query.question] if query.goes_on or shape == "list" else list(self.split(query.question))
        wanted = self._wanted(shape, top_k)
        whole = await self.retriever.retrieve(query.search, wanted, filters)
        if len(asked) > 1:
            return await self._of_parts(query.question, asked, whole, top_k, filters)
        decision = self._decide(query.question, whole)
        if decision.answers and shape == "comparison":
            whole = await self._with_sides(query.question, whole, filters)
        if shape != "single" and self.reading:
            kept = [p for rank, p in enumerate(whole) if rank < top_k or p.score >= READ_SHARE * whole[0].score]
            checked = len(whole) if shape == "list" else 0
            return replace(_evidence(query.question, asked, [kept], [decision]), checked=checked)
        if shape == "list":
            listed = members.listed(whole)
            kept = [passage for rank, passage in enumerate(whole) if rank < top_k or passage in listed]
            return replace(_evidence(query.question, asked, [kept], [decision]), checked=len(whole))
        return _evidence(query.question, asked, [whole], [decision])

    def _wanted(self, shape: Shape, top_k: int) -> int:
        """How many papers to look at: a model that reads widely chooses itself what belongs in a list."""
        if self.reading and shape != "single":
            return max(top_k, self.reading.papers)
        return max(top_k, members.CHECKED) if shape == "list" else top_k

    async def _of_parts(
        self, question: str, asked: Sequence[str], whole: Sequence[Passage], top_k: int, filters: Filters
    ) -> Evidence:
        found = await self._each(asked, whole, top_k, filters)
        if all(passages is whole for passages in found):
            return _evidence(question, asked, found, [self._decide(asked[0], whole, part) for part in asked])
        decided = [self._decide(part, passages) for part, passages in zip(asked, found, strict=True)]
        return _evidence(question, asked, found, decided)

    async def _each(
        self, asked: Sequence[str], whole: Sequence[Passage], top_k: int, filters: Filters
    ) -> list[Sequence[Passage]]:
        """The passages of each part: its own, or those of the whole question where it needs the rest of it."""
        alone = await asyncio.gather(*(self.retriever.retrieve(part, top_k, filters) for part in asked))
        later = list(zip(asked[1:], alone[1:], strict=True))
        leans = [topic.goes_on(part, own, whole, self.vocabulary) for part, own in later]
        if all(leans):
            return [whole] * len(asked)
        return [alone[0], *(alone[0] if lean else own for lean, own in zip(leans, alone[1:], strict=True))]

    def _decide(self, question: str, passages: Sequence[Passage], part: str = "") -> Decision:
        usable = answerability.usable(question, passages)
        if not usable:
            return answerability.RETRACTED_ONLY
        ask_from = self.reading.ask_from if self.reading else None
        decision = answerability.decide(question, usable, self.vocabulary, self.answer_from, ask_from)
        if part and decision.answers and _lacks(part, usable[0]):
            return replace(decision, outcome="not_in_abstracts", reason=answerability.NOT_IN_ABSTRACTS)
        return decision

    async def _with_sides(self, question: str, passages: Sequence[Passage], filters: Filters) -> Sequence[Passage]:
        """With the paper that each side of a comparison finds first right behind the best one."""
        found = await asyncio.gather(*(self.retriever.retrieve(side, 1, filters) for side in parts.sides(question)))
        of_sides = {passage.paper.id: passage for first in found for passage in first}
        known = {passage.paper.id: passage for passage in passages}
        least = SIDE_SCORE * passages[0].score
        raised = [
            replace(known.get(id, passage), score=max(known.get(id, passage).score if id in known else 0.0, least))
            for id, passage in of_sides.items()
            if id != passages[0].paper.id
        ]
        rest = [passage for passage in passages[1:] if passage.paper.id not in of_sides]
        ordered = sorted([*raised, *rest], key=lambda passage: -passage.score)
        return [passages[0], *ordered][: len(passages)]


def _evidence(
    question: str, asked: Sequence[str], found: Sequence[Sequence[Passage]], decided: Sequence[Decision]
) -> Evidence:
    """The passages of each part get one number for each paper, in the order in which the papers come first."""
    ids = dict.fromkeys(passage.paper.id for passages in found for passage in passages)
    numbers = {id: number for number, id in enumerate(ids, start=1)}
    numbered = [[replace(p, number=numbers[p.paper.id]) for p in passages] for passages in found]
    every = {passage.paper.id: passage for passages in reversed(numbered) for passage in passages}
    usable = [answerability.usable(question, passages) for passages in numbered]
    return Evidence(
        tuple(sorted(every.values(), key=lambda passage: passage.number)),
        tuple(Part(*of) for of in zip(asked, usable, decided, strict=True)),
    )


def _same_subject(stems: Collection[str], said: Collection[str]) -> bool:
    """Whether most of what a part asks for, or of what was said of it, is in the other: a model shortens it."""
    shared = len(set(stems) & set(said))
    return shared > SAME_SUBJECT * min(len(set(stems)), len(set(said)))


def _lacks(part: str, passage: Passage) -> bool:
    """Whether the paper has nothing of the kind that a part asks for, nor a number where it asks for one."""
    asked = questions.analyse(part)
    text = passage.paper.title_and_abstract
    numbered = (*asked.metrics, *asked.counted)
    return bool(asked.answer_type_missing(text)) or any(not questions.has_number_near(n, text) for n in numbered)
