"""An answer while it is being written: its grounding, how it was generated, and what kind of answer it became."""

import logging
from dataclasses import dataclass, replace

from rag import answerability
from rag.answerability import Decision
from rag.errors import BackendError
from rag.grounding.grounding import GroundedText, Grounding
from rag.protocols import AnswerReviewer
from rag.types import Citation, GenerationInfo

log = logging.getLogger("scholiast")


@dataclass
class Draft:
    """An answer that is being written, and what is known of its writing."""

    grounding: Grounding
    generation: GenerationInfo

    def take(self, piece: str | GenerationInfo) -> list[str | Citation]:
        """What can be shown of the next piece."""
        if isinstance(piece, str):
            return self.grounding.feed(piece)
        self.generation = piece
        return []

    def flush(self) -> list[str | Citation]:
        """The rest of what can be shown."""
        return self.grounding.flush()

    async def review(self, reviewer: AnswerReviewer) -> None:
        """Take a reviewer's verdicts. Call it after `flush`."""
        grounded = self.grounding.result
        try:
            sentences, usage = await reviewer.review(grounded.sentences, grounded.citations)
        except BackendError as error:
            log.warning("%s could not verify the answer: %s", reviewer.name, error)
            own = f"{reviewer.name} could not verify the answer ({error.reason}); the verdicts are by comparing words."
            self.generation = replace(self.generation, notice=f"{self.generation.notice} {own}".lstrip())
            return
        self.grounding.set_sentences(sentences)
        self.generation = replace(self.generation, usage=self.generation.usage + usage)

    def fail(self, reason: str) -> None:
        """Note that the writer failed and nobody takes its place."""
        notice = f"{self.generation.model} failed ({reason})."
        self.generation = replace(self.generation, notice=notice, complete=False)

    def hand_over(self, backup: str, reason: str) -> list[str | Citation]:
        """Let the backup go on in a paragraph of its own, or begin if nothing has been shown. Call it after `flush`."""
        writer, shown = self.generation.model, self.grounding.result.text
        if not shown:
            self.grounding = self.grounding.restarted()
        why = "cited no abstract" if not reason else f"broke off ({reason})" if shown else f"failed ({reason})"
        own = f"{writer} {why}; {'the rest' if shown else 'this'} is in the abstracts' own sentences."
        self.generation = replace(
            self.generation,
            model=f"{writer}+{backup}" if shown else backup,
            notice=f"{self.generation.notice} {own}".lstrip(),
            complete=True,
        )
        return self.take("\n\n") if shown else []

    def outcome(self, decision: Decision) -> tuple[Decision, GroundedText]:
        """What kind of answer it became in the end."""
        grounded = self.grounding.result
        if not decision.answers:
            return decision, grounded
        if grounded.declined:
            return replace(decision, outcome="not_in_abstracts", reason=answerability.NOT_IN_ABSTRACTS), grounded
        incomplete = grounded.incomplete or not self.generation.complete
        return (replace(decision, outcome="partial") if incomplete else decision), grounded
