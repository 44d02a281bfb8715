"""Finds what a deep answer is written from: plan, search, grade, search again for what is missing."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace

from rag import answerability
from rag.answerability import Decision
from rag.deep import planning
from rag.deep.budget import Budget, Limits
from rag.deep.planning import PlannedPart
from rag.errors import BackendError
from rag.evidence import Evidence, Findings, Part
from rag.protocols import AnswerReviewer, Retriever
from rag.types import EVERYTHING, EvidenceRow, Filters, Passage, StandaloneQuery, Step, Usage
from rag.writers import grading
from rag.writers.client import ChatClient
from rag.writers.grading import BATCH, Grade

ENOUGH = 5.0
"""The grade from which an abstract goes into the answer, and its part of the question counts as found."""

ROUNDS = 2
PER_SEARCH = 10
"""Papers of each search."""

GRADED_OF_A_PART = 30
"""Papers that are graded for each part in each round, at most."""

_CALLS_AT_THE_END = 2
"""For writing and verifying."""

log = logging.getLogger("scholiast")


@dataclass
class _Found:
    """The papers found for the parts of a question, and their grades."""

    parts: list[PlannedPart]
    passages: dict[str, Passage] = field(default_factory=dict)
    of_part: list[dict[str, Passage]] = field(default_factory=list)
    grades: list[dict[str, Grade]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.of_part = [{} for _ in self.parts]
        self.grades = [{} for _ in self.parts]

    def add(self, part: int, passages: Sequence[Passage]) -> None:
        """Each paper once, under a number of its own."""
        for passage in passages:
            known = self.passages.setdefault(passage.paper.id, replace(passage, number=len(self.passages) + 1))
            self.of_part[part].setdefault(passage.paper.id, known)

    def ungraded(self, part: int) -> list[Passage]:
        """Those to grade for a part, the best first."""
        found = [p for id, p in self.of_part[part].items() if id not in self.grades[part]]
        return sorted(found, key=lambda passage: -passage.score)[:GRADED_OF_A_PART]

    def missing(self) -> list[int]:
        """The parts for which no abstract is good enough."""
        return [i for i, grades in enumerate(self.grades) if not any(g.grade >= ENOUGH for g in grades.values())]

    def best(self) -> list[tuple[Grade, int]]:
        """The best grade of each paper and the part that it is for, the best first."""
        best: dict[str, tuple[Grade, int]] = {}
        for part, grades in enumerate(self.grades):
            for id, grade in grades.items():
                if id not in best or grade.grade > best[id][0].grade:
                    best[id] = (grade, part)
        return sorted(best.values(), key=lambda found: (-found[0].grade, -found[0].passage.score))


class DeepResearcher:
    """Researches with one model over one library."""

    def __init__(
        self, client: ChatClient, retriever: Retriever, limits: Limits, reviewer: AnswerReviewer | None = None
    ) -> None:
        self._client = client
        self._retriever = retriever
        self._limits = limits
        self._reviewer = reviewer

    async def research(
        self, query: StandaloneQuery, top_k: int, filters: Filters = EVERYTHING
    ) -> AsyncGenerator[Step | Findings]:
        """Yield each step as it begins, then the findings. Raises BackendError if nothing at all could be graded."""
        limits = replace(self._limits, calls=max(1, self._limits.calls - _CALLS_AT_THE_END))
        budget = Budget(limits)
        yield Step(name="plan", text="The question is divided into parts.")
        found = _Found(await self._plan(query, budget))
        todo = list(range(len(found.parts)))
        searches = [(i, words) for i in todo for words in found.parts[i].searches]
        searches.insert(0, (0, query.search))
        for round in range(1, ROUNDS + 1):
            yield Step(name="search", text=f"The library is searched for: {_listed([words for _, words in searches])}.")
            await self._search(searches, found, query.question, top_k, filters)
            papers = len({p.paper.id for i in todo for p in found.ungraded(i)})
            yield Step(name="grade", text=f"{papers} abstracts are read and graded.")
            await self._grade(todo, found, budget)
            todo = found.missing()
            if not todo or round == ROUNDS or not budget.calls_left:
                break
            missing = [found.parts[i].question for i in todo]
            yield Step(name="search_again", text=f"Nothing found yet on: {_listed(missing)}.")
            searches = await self._other_words(query.question, todo, found, [words for _, words in searches], budget)
        findings = self._findings(query.question, found, top_k, budget)
        written_from = len(findings.evidence.parts[0].passages)
        yield Step(name="write", text=f"The answer is written from {written_from} abstracts.")
        yield findings

    async def _plan(self, query: StandaloneQuery, budget: Budget) -> list[PlannedPart]:
        try:
            async with asyncio.timeout(budget.seconds_left):
                parts, usage = await planning.plan(self._client, query.question)
        except (BackendError, TimeoutError) as error:
            log.warning("%s could not plan: %s", self._client.name, error)
            budget.spend(Usage())
            return [PlannedPart(query.question, (query.search,))]
        budget.spend(usage)
        return parts

    async def _other_words(
        self, question: str, todo: Sequence[int], found: _Found, tried: Sequence[str], budget: Budget
    ) -> list[tuple[int, str]]:
        """Searches of a second round, for the parts of which nothing was found."""
        missing = [found.parts[i].question for i in todo]
        try:
            async with asyncio.timeout(budget.seconds_left):
                parts, usage = await planning.plan(self._client, question, missing, tried)
        except (BackendError, TimeoutError) as error:
            log.warning("%s could not plan again: %s", self._client.name, error)
            budget.spend(Usage())
            return [(i, found.parts[i].question) for i in todo]
        budget.spend(usage)
        new = [(todo[min(i, len(todo) - 1)], words) for i, part in enumerate(parts) for words in part.searches]
        return [(i, words) for i, words in new if words not in tried]

    async def _search(
        self, searches: Sequence[tuple[int, str]], found: _Found, question: str, top_k: int, filters: Filters
    ) -> None:
        limit = max(top_k, PER_SEARCH)
        results = await asyncio.gather(*(self._retriever.retrieve(words, limit, filters) for _, words in searches))
        for (part, _), passages in zip(searches, results, strict=True):
            found.add(part, answerability.usable(question, passages))

    async def _grade(self, todo: Sequence[int], found: _Found, budget: Budget) -> None:
        """As many as the budget allows, the best placed of every part first."""
        for i in todo:
            passages = found.ungraded(i)[: budget.calls_left * BATCH]
            if not passages:
                continue
            try:
                async with asyncio.timeout(budget.seconds_left):
                    grades, usage = await grading.grade(self._client, found.parts[i].question, passages)
            except TimeoutError:
                return
            except BackendError as error:
                if not any(found.grades):
                    raise
                log.warning("%s could not grade: %s", self._client.name, error)
                return
            budget.spend(usage, len(grading.batches(passages)))
            found.grades[i].update({grade.passage.paper.id: grade for grade in grades})

    def _findings(self, question: str, found: _Found, top_k: int, budget: Budget) -> Findings:
        best = found.best()
        useful = [(grade, part) for grade, part in best if grade.grade >= ENOUGH]
        graded = useful or best[:top_k]
        kept = [replace(g.passage, number=n, score=g.grade / 10) for n, (g, _) in enumerate(graded, start=1)]
        rows = tuple(
            EvidenceRow(number=n, part=found.parts[part].question, grade=grade.grade, why=grade.why)
            for n, (grade, part) in enumerate(graded, start=1)
        )
        confidence = best[0][0].grade / 10 if best else 0.0
        no = Decision(outcome="not_in_abstracts", confidence=confidence, reason=answerability.NOT_IN_ABSTRACTS)
        yes = Decision(outcome="answered", confidence=confidence, doubtful=True)
        missing = [found.parts[i].question for i in found.missing()] if useful else []
        parts = (Part(question, kept, yes if useful else no), *(Part(part, (), no) for part in missing))
        return Findings(
            evidence=Evidence(tuple(kept), parts),
            rows=rows,
            usage=budget.usage,
            notice=budget.notice if found.missing() else "",
            reviewer=self._reviewer,
        )


def _listed(texts: Sequence[str]) -> str:
    return "; ".join(f"“{text}”" for text in dict.fromkeys(texts))
