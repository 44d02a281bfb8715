"""What the abstracts say beyond the answer proper: further statements of an answer, the nearest ones of a decline."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from rag import answerability, disagreement
from rag.grounding.attribution import citation
from rag.grounding.inert import inert
from rag.grounding.marks import escape_marks
from rag.protocols import Verifier, Vocabulary
from rag.text.analysis import content_stems
from rag.types import Citation, FurtherSentence, Passage, PassageSentence, Quote, Support
from rag.writers.extractive import cite, tidy
from rag.writers.sentence_scoring import answer_probabilities

MAX_STATEMENTS = 5
OF_THE_SAME_PAPER = 3
"""At most so many further statements of each paper that the answer cites; of any other paper one."""
MAX_COMPARED = 6
STATEMENTS_COMPARED = 2
"""An answer is compared with the likeliest statements of the first papers, to see whether one says the opposite."""
VERBATIM = Support(verdict="supported", reason="it is the abstract's own sentence")
OTHER_SHARE = 0.75
"""A paper that the answer does not cite is heard if it scores at least this share of the best one."""


@dataclass
class Statements:
    """Picks and checks further statements on one question; `known` is all that the asker has said or been told."""

    question: str
    known: str
    vocabulary: Vocabulary
    verifier: Verifier
    _ranked: dict[int, list[tuple[float, PassageSentence]]] = field(default_factory=dict, init=False)

    def beyond(self, passages: Sequence[Passage], citations: Collection[Citation]) -> tuple[FurtherSentence, ...]:
        """What the cited papers, and those near them, say besides what is cited; the likeliest to matter first."""
        quoted = {(citation.paper.id, citation.start) for citation in citations}
        cited = {citation.paper.id for citation in citations}
        heard = [p for p in passages if p.paper.id in cited or p.score >= OTHER_SHARE * passages[0].score]
        found: list[tuple[float, Quote]] = []
        for passage in heard:
            id = passage.paper.id
            most, weight = (OF_THE_SAME_PAPER, 1.0) if id in cited else (1, passage.score / passages[0].score / 2)
            left = [(p, s) for p, s in self._likeliest(passage) if (id, s.start) not in quoted]
            found += [(likely * weight, Quote(passage=passage, sentence=s)) for likely, s in left[:most]]
        found.sort(key=lambda entry: -entry[0])
        return tuple(self._checked([quote for _, quote in found[:MAX_STATEMENTS]]))

    def nearest(self, passages: Sequence[Passage]) -> tuple[FurtherSentence, ...]:
        """Of each of the nearest papers the statement that comes nearest to an answer; none of them may be one."""
        first = [(passage, self._likeliest(passage)) for passage in answerability.nearest(passages)]
        return tuple(self._checked([Quote(passage=p, sentence=ranked[0][1]) for p, ranked in first if ranked]))

    def otherwise(self, passages: Sequence[Passage], citations: Sequence[Citation]) -> str:
        """What another paper says against the first thing cited, with its mark; empty if none does."""
        by_place = {(p.number, s.start): Quote(passage=p, sentence=s) for p in passages for s in p.sentences}
        stated = by_place.get((citations[0].number, citations[0].start)) if citations else None
        if stated is None:
            return ""
        cited = {citation.number for citation in citations}
        others = [
            Quote(passage=passage, sentence=sentence)
            for passage in passages[:MAX_COMPARED]
            if passage.number not in cited and disagreement.is_near(passage, stated.passage)
            for _, sentence in self._likeliest(passage)[:STATEMENTS_COMPARED]
        ]
        found = disagreement.find(stated, others, self.vocabulary.idf(content_stems(self.question)))
        return cite(_told(found.sentence), found.passage.number) if found else ""

    def _likeliest(self, passage: Passage) -> list[tuple[float, PassageSentence]]:
        """The sentences of a passage, the one most likely to answer first, with that probability."""
        if passage.number not in self._ranked:
            idf = self.vocabulary.idf(content_stems(self.question))
            likely = answer_probabilities(self.question, self.known, passage, idf).tolist()
            ranked = sorted(zip(likely, passage.sentences, strict=True), key=lambda entry: -entry[0])
            self._ranked[passage.number] = ranked
        return self._ranked[passage.number]

    def _checked(self, quotes: Sequence[Quote]) -> Iterator[FurtherSentence]:
        for index, quote in enumerate(quotes):
            text, passage = _told(quote.sentence), quote.passage
            support = VERBATIM if text == quote.sentence.text else self.verifier.verify(text, [quote])
            yield FurtherSentence(
                text=text,
                citations=(passage.number,),
                support=support.verdict,
                reason=support.reason,
                quotes=(citation(quote, index),),
            )


def _told(sentence: PassageSentence) -> str:
    """As an answer tells it, with nothing in it that passes for a mark of ours or that acts as markup."""
    return inert(escape_marks(tidy(sentence.text)))
