"""What the abstracts say beyond the answer proper: further statements of an answer, the nearest ones of a decline."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from rag.protocols import Verifier, Vocabulary
from rag.text.analysis import content_stems
from rag.types import Citation, FurtherSentence, Passage, PassageSentence, Quote
from rag.writers.extractive import tidy
from rag.writers.sentence_scoring import answer_probabilities

MAX_STATEMENTS = 5
OF_THE_SAME_PAPER = 3
"""At most so many further statements of each paper that the answer cites; of any other paper one."""
NEAREST = 3
"""Papers of which a decline tells the nearest statement."""
OTHER_SHARE = 0.75
"""A paper that the answer does not cite is heard if it scores at least this share of the best one."""


@dataclass(frozen=True)
class Statements:
    """Picks and checks further statements; `vocabulary` says which words are rare, `verifier` gives the verdicts."""

    vocabulary: Vocabulary
    verifier: Verifier

    def beyond(
        self, question: str, known: str, passages: Sequence[Passage], citations: Collection[Citation]
    ) -> tuple[FurtherSentence, ...]:
        """What the cited papers, and those near them, say besides what is cited; the likeliest to matter first."""
        quoted = {(citation.paper.id, citation.start) for citation in citations}
        cited = {citation.paper.id for citation in citations}
        heard = [p for p in passages if p.paper.id in cited or p.score >= OTHER_SHARE * passages[0].score]
        found: list[tuple[float, Quote]] = []
        for passage in heard:
            id = passage.paper.id
            most, weight = (OF_THE_SAME_PAPER, 1.0) if id in cited else (1, passage.score / passages[0].score / 2)
            left = [(p, s) for p, s in self._ranked(question, known, passage) if (id, s.start) not in quoted]
            found += [(likely * weight, Quote(passage=passage, sentence=s)) for likely, s in left[:most]]
        found.sort(key=lambda entry: -entry[0])
        return tuple(self._checked([quote for _, quote in found[:MAX_STATEMENTS]]))

    def nearest(self, question: str, known: str, passages: Sequence[Passage]) -> tuple[FurtherSentence, ...]:
        """Of each of the nearest papers the statement that comes nearest to an answer; none of them may be one."""
        first = [(passage, self._ranked(question, known, passage)) for passage in passages[:NEAREST]]
        return tuple(self._checked([Quote(passage=p, sentence=ranked[0][1]) for p, ranked in first if ranked]))

    def _ranked(self, question: str, known: str, passage: Passage) -> list[tuple[float, PassageSentence]]:
        if not passage.sentences:
            return []
        idf = self.vocabulary.idf(content_stems(question))
        likely = answer_probabilities(question, known, passage, idf).tolist()
        return sorted(zip(likely, passage.sentences, strict=True), key=lambda entry: -entry[0])

    def _checked(self, quotes: Sequence[Quote]) -> Iterator[FurtherSentence]:
        for index, quote in enumerate(quotes):
            text, passage = tidy(quote.sentence.text), quote.passage
            support = self.verifier.verify(text, [quote])
            citation = Citation(
                number=passage.number,
                sentence=index,
                paper=passage.paper,
                quote=quote.sentence.text,
                start=quote.sentence.start,
                end=quote.sentence.end,
            )
            yield FurtherSentence(
                text=text,
                citations=(passage.number,),
                support=support.verdict,
                reason=support.reason,
                quotes=(citation,),
            )
