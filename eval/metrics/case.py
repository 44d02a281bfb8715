"""One question with the reply to it: what every metric looks at."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from eval.questions import PaperRef, Question
from eval.records import SeenPaper
from eval.reply import Reply


@dataclass(frozen=True)
class Case:
    """A question and its reply.

    `abstracts` has the papers that the run saw, by id and by title; `idf` depends on the questions alone.
    """

    question: Question
    reply: Reply
    abstracts: Mapping[str, SeenPaper]
    idf: Mapping[str, float]

    @cached_property
    def ranked(self) -> list[str]:
        """Distinct keys of the papers that search returned, best first."""
        return list(dict.fromkeys(self.question.key(paper) for paper in self.reply.ranked))

    @cached_property
    def cited(self) -> set[str]:
        """Keys of the papers that the answer cites."""
        return {self.question.key(paper) for paper in self.reply.cited}

    def paper(self, ref: PaperRef) -> SeenPaper | None:
        """The paper with its abstract, if the run saw it."""
        return self.abstracts.get(ref.id) or self.abstracts.get(ref.title)
