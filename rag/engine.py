"""One question, start to finish: make it stand alone, retrieve, decide, write, ground. Start reading here."""

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from time import perf_counter
from uuid import uuid4

from rag import answerability, parts, steps
from rag.answerability import Decision
from rag.catalog_questions import CatalogQuestions
from rag.condense import RuleBasedRewriter
from rag.draft import Draft
from rag.errors import BackendError, RequestError
from rag.evidence import NO_FINDINGS, Collector, Evidence, Findings, ModelReading, Part, Researcher, Split
from rag.further import Statements
from rag.grounding.attribution import Policy
from rag.grounding.grounding import GroundedText, Grounding, uncited
from rag.grounding.lexical_verifier import LexicalVerifier
from rag.grounding.marks import with_escaped_marks
from rag.protocols import AnswerReviewer, QueryRewriter, Retriever, Verifier, Vocabulary, Writer
from rag.types import (
    EVERYTHING,
    Answer,
    Citation,
    Effort,
    Filters,
    FurtherSentence,
    GenerationInfo,
    Passage,
    StandaloneQuery,
    Step,
    Turn,
)

MAX_QUESTION_CHARACTERS = 4_000
TOP_K = 8
MAX_TOP_K = 50

log = logging.getLogger("scholiast")


@dataclass(frozen=True)
class Sources:
    """The passages that the answer may cite, before a word of it is written."""

    passages: tuple[Passage, ...]


@dataclass(frozen=True)
class Delta:
    """The next piece of the answer's text; all of them joined are the text."""

    text: str


@dataclass(frozen=True)
class CitationEvent:
    """A sentence of the answer has been traced to the words that it rests on."""

    citation: Citation


@dataclass(frozen=True)
class Done:
    """The whole answer; the last event."""

    answer: Answer


Event = Step | Sources | Delta | CitationEvent | Done


@dataclass(frozen=True)
class Engine:
    """Answers questions from one library."""

    library: str
    retriever: Retriever
    vocabulary: Vocabulary
    writer: Writer
    backup: Writer | None = None
    """Goes on where the writer fails, or has said nothing that cites an abstract. The answer says so."""
    rewriter: QueryRewriter = RuleBasedRewriter()  # noqa: RUF009  # without state
    verifier: Verifier = LexicalVerifier()  # noqa: RUF009  # without state
    reviewer: AnswerReviewer | None = None
    """Gives the verdicts of the whole answer; where it fails the verifier's stay, and the answer says so."""
    catalog: CatalogQuestions | None = None
    """Answers what the papers' fields and an exhaustive pass tell, before anything is retrieved."""
    unsupported: Policy = "flag"
    answer_from: float | None = None
    split: Split = parts.split
    """Which questions a question consists of; each is answered or declined for itself."""
    reading: ModelReading | None = None
    """For a writer that decides itself whether the passages answer; the backup answers none that rules would decline.
    """
    researcher: Researcher | None = None
    """Looks for what a deep answer is written from; None where no model is configured."""

    async def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        filters: Filters = EVERYTHING,
        top_k: int = TOP_K,
        effort: Effort = "quick",
    ) -> Answer:
        """The whole answer. Raises RequestError, LibraryError or BackendError."""
        return await collect_answer(self.stream(question, history, filters, top_k, effort))

    async def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        filters: Filters = EVERYTHING,
        top_k: int = TOP_K,
        effort: Effort = "quick",
    ) -> AsyncGenerator[Event]:
        """Yield Sources, then Delta and CitationEvent as the answer is written, then Done. Raises as `ask` does.

        For a deep answer Step comes first, for each step of the search as it begins.
        """
        question = _checked(question, top_k)
        if effort == "deep" and self.researcher is None:
            raise RequestError(
                f"a deep answer needs a chat model, and {self.writer.name} is none; set SCHOLIAST_MODEL, or ask with "
                "effort quick"
            )
        clock = _Clock()
        with steps.step("condense"):
            alone = await self.rewriter.rewrite(question, history)
        if self.catalog and alone.search:
            narrowed = await self.catalog.narrow(alone, filters)
            if found := await self.catalog.answer(narrowed, history):
                yield Sources(found.passages)
                yield Delta(found.text)
                for citation in found.citations:
                    yield CitationEvent(citation)
                told = found.as_answer(question, narrowed.query, self.library, clock.total())
                yield Done(replace(told, effort=effort))
                return
            alone, filters = narrowed.query, narrowed.filters
        findings = NO_FINDINGS
        if effort == "deep" and self.researcher and alone.search:
            research = self._research(self.researcher, alone, top_k, filters)
            async with aclosing(steps.stepwise("research", research, self.library)) as found_out:
                async for step in found_out:
                    if isinstance(step, Step):
                        yield step
                    else:
                        findings = step
        evidence = findings.evidence
        if not evidence.passages:
            with steps.step("retrieve", self.library):
                evidence = await self._collect(alone, top_k, filters)
        clock.lap("retrieve")
        yield Sources(evidence.passages)
        usable = answerability.usable(alone.question, evidence.passages)
        doubtful = evidence.decision.doubtful
        grounding = Grounding(usable, self.unsupported, alone.question, self.verifier, doubtful=doubtful)
        draft = Draft(grounding, GenerationInfo(model=self.writer.name))
        known = " ".join([*(turn.content for turn in history), alone.question])
        statements = Statements(alone.question, known, self.vocabulary, self.verifier)
        if evidence.answered:
            async with aclosing(steps.stepwise("write", self._write(evidence, statements, history, draft))) as events:
                async for event in events:
                    yield event
        if reviewer := self.reviewer or findings.reviewer:
            with steps.step("verify"):
                await draft.review(reviewer)
        foreign = answerability.language_notice(alone.question, usable)
        decision, grounded = draft.outcome(answerability.across_languages(evidence.decision, foreign))
        if not grounded.text:
            grounded = uncited(answerability.decline_text(decision, evidence.passages))
            yield Delta(grounded.text)
        foreign = foreign if decision.answers else ""
        written = draft.generation.notice
        searched = (evidence.notice, findings.notice)
        notices = (alone.notice, foreign, *searched, written, _papers_checked(evidence, grounded))
        clock.lap("write")
        yield Done(
            Answer(
                id=f"ans_{uuid4().hex}",
                question=question,
                standalone_question=alone.search or question,
                library=self.library,
                outcome=decision.outcome,
                text=grounded.text,
                sentences=grounded.sentences,
                citations=grounded.citations,
                passages=evidence.passages,
                confidence=decision.confidence,
                model=draft.generation.model,
                more=self._more(statements, evidence, decision, grounded),
                usage=alone.usage + findings.usage + draft.generation.usage,
                timings_ms=clock.total(),
                prompt=draft.generation.prompt,
                notice=" ".join(filter(None, notices)),
                effort=effort,
                evidence=findings.rows,
            )
        )

    async def _research(
        self, researcher: Researcher, alone: StandaloneQuery, top_k: int, filters: Filters
    ) -> AsyncGenerator[Step | Findings]:
        """The researcher's steps and findings; where its model fails and there is a backup, none, and why."""
        try:
            async with aclosing(researcher.research(alone, top_k, filters)) as steps:
                async for step in steps:
                    yield step
        except BackendError as error:
            if self.backup is None:
                raise
            log.warning("the search for a deep answer failed: %s", error)
            yield replace(NO_FINDINGS, notice=f"The deep search failed ({error.reason}); this is a quick answer.")

    async def _collect(self, alone: StandaloneQuery, top_k: int, filters: Filters) -> Evidence:
        def nothing(decision: Decision) -> Evidence:
            return Evidence((), (Part(alone.question, (), decision),))

        if not alone.search:
            return nothing(answerability.small_talk(alone.question))
        collector = Collector(self.retriever, self.vocabulary, self.answer_from, self.split, self.reading)
        evidence = await collector.collect(alone, top_k, filters)
        if evidence.passages:
            return evidence
        filtered = filters != EVERYTHING and bool(await self.retriever.retrieve(alone.search, 1))
        return nothing(answerability.NO_PAPER_PASSES_FILTERS if filtered else answerability.EMPTY_LIBRARY)

    def _more(
        self, statements: Statements, evidence: Evidence, decision: Decision, grounded: GroundedText
    ) -> tuple[FurtherSentence, ...]:
        """What else the abstracts say, or of a question that they don't answer the nearest statements."""
        passages = answerability.usable(statements.question, evidence.passages)
        if decision.answers and passages:
            return statements.beyond(passages, grounded.citations)
        return statements.nearest(passages) if decision.outcome == "not_in_abstracts" else ()

    async def _write(
        self, evidence: Evidence, statements: Statements, history: Sequence[Turn], draft: Draft
    ) -> AsyncGenerator[Event]:
        """Each part that has an answer, one after the other; what another abstract says against it; what has none."""
        said = Turn(role="user", content=statements.question)
        for position, part in enumerate(evidence.answered):
            if position:
                for event in _events(draft.take(" ")):
                    yield event
            before = [*history, said] if len(evidence.parts) > 1 else history
            if position:
                part = replace(part, passages=_with_said(part.passages, draft.grounding.result.citations))
            async with aclosing(self._write_part(part, before, draft)) as events:
                async for event in events:
                    yield event
        if len(evidence.parts) == 1 and not evidence.checked:
            otherwise = statements.otherwise(evidence.parts[0].passages, draft.grounding.result.citations)
            for event in _events(draft.take(f"\n\nAnother abstract says otherwise: {otherwise}" if otherwise else "")):
                yield event
        for missing in evidence.unnamed(draft.grounding.result.text):
            for event in _events(draft.take(f"\n\nThe abstracts do not say: “{missing}”")):
                yield event
        for event in _events(draft.flush()):
            yield event

    async def _write_part(self, part: Part, history: Sequence[Turn], draft: Draft) -> AsyncGenerator[Event]:
        """What the writer writes, and where that can't be relied on, what the backup writes."""
        escaped = [with_escaped_marks(passage) for passage in part.passages]
        reason = ""
        try:
            async with aclosing(self.writer.write(part.question, escaped, history)) as written:
                async for piece in written:
                    for event in _events(draft.take(piece)):
                        yield event
        except BackendError as error:
            if self.backup is None:
                raise
            log.warning("%s failed, %s answers instead: %s", self.writer.name, self.backup.name, error)
            reason = error.reason
            for event in _events(draft.take("…")):
                yield event
        for event in _events(draft.flush()):
            yield event
        if part.decision.doubtful and reason:
            draft.fail(reason)
        elif self.backup and not part.decision.doubtful and (reason or draft.grounding.cites_nothing):
            for event in _events(draft.hand_over(self.backup.name, reason)):
                yield event
            async with aclosing(self.backup.write(part.question, escaped, history)) as written:
                async for piece in written:
                    for event in _events(draft.take(piece)) if isinstance(piece, str) else ():
                        yield event
            for event in _events(draft.flush()):
                yield event


async def collect_answer(events: AsyncGenerator[Event]) -> Answer:
    """The answer that a stream of events ends with. Raises what the stream raises."""
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Done):
                return event.answer
    raise AssertionError("a stream ends with Done or an error")


def _events(found: Sequence[str | Citation]) -> list[Event]:
    return [Delta(item) if isinstance(item, str) else CitationEvent(item) for item in found]


def _with_said(passages: Sequence[Passage], citations: Sequence[Citation]) -> list[Passage]:
    """The passages with those sentences marked as said that the citations quote."""
    said = {(citation.number, citation.start) for citation in citations}
    return [
        replace(passage, sentences=tuple(replace(s, said=(passage.number, s.start) in said) for s in passage.sentences))
        for passage in passages
    ]


def _papers_checked(evidence: Evidence, grounded: GroundedText) -> str:
    """For a list: how many papers were looked at for it."""
    listed = len({citation.number for citation in grounded.citations})
    return f"{listed} of the {evidence.checked} nearest papers are listed." if evidence.checked and listed else ""


def _checked(question: str, top_k: int) -> str:
    question = question.strip()
    if not question:
        raise RequestError("the question is empty; ask something about the papers")
    if len(question) > MAX_QUESTION_CHARACTERS:
        raise RequestError(
            f"the question has {len(question):,} characters; {MAX_QUESTION_CHARACTERS:,} is the most, so shorten it"
        )
    if not 1 <= top_k <= MAX_TOP_K:
        raise RequestError(f"top_k is {top_k}; it must be from 1 to {MAX_TOP_K}")
    return question


class _Clock:
    """Milliseconds of each step, and of all."""

    def __init__(self) -> None:
        self._start = self._last = perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = perf_counter()
        self._laps[name] = round((now - self._last) * 1000, 2)
        self._last = now

    def total(self) -> dict[str, float]:
        return {**self._laps, "total": round((perf_counter() - self._start) * 1000, 2)}
