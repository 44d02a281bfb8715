"""Puts together an answer from the catalog: statements about papers, each with its marks, passages and quotes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

from rag.grounding.attribution import citation
from rag.grounding.inert import inert
from rag.grounding.marks import escape_marks
from rag.library.library import Library
from rag.retrieval import as_passage
from rag.text import latex
from rag.text.analysis import content_stems
from rag.text.readable import readable
from rag.types import (
    Answer,
    Citation,
    Outcome,
    Paper,
    Passage,
    PassageSentence,
    Quote,
    Sentence,
    StandaloneQuery,
    StoredPaper,
    Vectors,
)

NAME = "catalog"
"""What such an answer names as its model."""

SHOWN = 8
"""How many papers are listed; of others their number is told."""

FROM_FIELDS = "from the catalog's fields"
FROM_WORDS = "a sentence of the abstract itself"
_ENDINGS = ".!?:"


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A sentence of an answer, without marks; an item of a list where `listed`.

    `numbers` are the passages that it is about. `quote` is the sentence of the first of them that it ends with, if any.
    """

    text: str
    numbers: tuple[int, ...] = ()
    quote: PassageSentence | None = None
    listed: bool = False


@dataclass(frozen=True, kw_only=True)
class CatalogAnswer:
    """An answer from the catalog; the same parts as those of an Answer, and `confidence` that the question was met."""

    outcome: Outcome
    text: str
    sentences: tuple[Sentence, ...] = ()
    citations: tuple[Citation, ...] = ()
    passages: tuple[Passage, ...] = ()
    confidence: float = 1.0
    notice: str = ""

    def as_answer(self, question: str, asked: StandaloneQuery, library: str, timings_ms: Mapping[str, float]) -> Answer:
        """What every door shows; `asked` is the question as it was understood."""
        return Answer(
            id=f"ans_{uuid4().hex}",
            question=question,
            standalone_question=asked.search,
            library=library,
            outcome=self.outcome,
            text=self.text,
            sentences=self.sentences,
            citations=self.citations,
            passages=self.passages,
            confidence=self.confidence,
            model=NAME,
            usage=asked.usage,
            timings_ms=timings_ms,
            notice=f"{asked.notice} {self.notice}".strip(),
        )


def compose(
    outcome: Outcome,
    statements: Sequence[Statement],
    passages: Sequence[Passage] = (),
    *,
    confidence: float = 1.0,
    notice: str = "",
) -> CatalogAnswer:
    """The answer that these statements make; they cite passages by number."""
    by_number = {passage.number: passage for passage in passages}
    pieces: list[str] = []
    sentences: list[Sentence] = []
    citations: list[Citation] = []
    for statement in statements:
        between = "" if not pieces else "\n" if statement.listed else " "
        pieces.append(f"{between}{'- ' if statement.listed else ''}{_marked(statement)}")
        if statement.quote:
            quote = Quote(passage=by_number[statement.numbers[0]], sentence=statement.quote)
            citations.append(citation(quote, len(sentences)))
        reason = "" if not statement.numbers else FROM_WORDS if statement.quote else FROM_FIELDS
        sentences.append(Sentence(text=statement.text, citations=statement.numbers, support="supported", reason=reason))
    return CatalogAnswer(
        outcome=outcome,
        text="".join(pieces),
        sentences=tuple(sentences),
        citations=tuple(citations),
        passages=tuple(passages),
        confidence=confidence,
        notice=notice,
    )


def decline(outcome: Outcome, reason: str, passages: Sequence[Passage] = (), *, notice: str = "") -> CatalogAnswer:
    """An answer that says why there is none."""
    said = Sentence(text=reason, citations=(), support="supported")
    return CatalogAnswer(
        outcome=outcome, text=reason, sentences=(said,), passages=tuple(passages), confidence=0.0, notice=notice
    )


async def passages_of(library: Library, ids: Sequence[str], vector: Vectors) -> list[Passage]:
    """The papers as passages, numbered from 1 in this order; `vector` is what their sentences are compared with."""
    stored = await library.stored(ids)
    found = [_passage(stored[id], vector) for id in ids if id in stored]
    return [replace(passage, number=number) for number, passage in enumerate(found, start=1)]


def list_of(passages: Iterable[Passage], topic: str) -> list[Statement]:
    """An item for each passage: its title, and the sentence that has most of the topic."""
    stems = content_stems(topic)
    return [item(passage, best_sentence(passage, stems) if stems else None) for passage in passages]


def item(passage: Passage, sentence: PassageSentence | None) -> Statement:
    """A paper in a list, with one of its sentences."""
    said = f": {inert(escape_marks(readable(sentence.text)))}" if sentence else ""
    text = f"{title(passage.paper)}{passage.paper.suffix}{said}"
    return Statement(text=text, numbers=(passage.number,), quote=sentence, listed=True)


def best_sentence(passage: Passage, stems: Sequence[str]) -> PassageSentence | None:
    """The sentence with most of the stems, and of those the most similar one; None where none has any."""
    wanted = set(stems)
    held = [(len(wanted & set(content_stems(s.text))), s.similarity, s) for s in passage.sentences]
    count, _, best = max(held, key=lambda entry: entry[:2], default=(0, 0.0, None))
    return best if count else None


def title(paper: Paper) -> str:
    """A title in quotes."""
    return f"“{in_print(paper.title).rstrip('.')}”"


def in_print(text: str) -> str:
    """Somebody else's words on one line, with nothing in them that passes for a mark of ours."""
    return inert(escape_marks(" ".join(latex.plain(text).split())))


def joined(names: Sequence[str], last: str = "and") -> str:
    """ "A, B and C"."""
    return f" {last} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def years_of(years: Iterable[int | None]) -> str:
    """ "2013" or "2013 to 2024"; empty where no year is known."""
    known = sorted({year for year in years if year})
    return "" if not known else f"{known[0]}" if known[0] == known[-1] else f"{known[0]} to {known[-1]}"


def papers(count: int) -> str:
    """ "1 paper", "2,000 papers"."""
    return f"{count:,} paper{'' if count == 1 else 's'}"


def by_name(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """The most frequent first, then by name."""
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0].casefold()))


def _marked(statement: Statement) -> str:
    """With its marks before the full stop."""
    body = statement.text.rstrip()
    end = body[-1] if body[-1:] in _ENDINGS else "."
    marks = "".join(f"[{number}]" for number in statement.numbers)
    return f"{body.rstrip(_ENDINGS + ' ')} {marks}".rstrip() + end


def _passage(stored: StoredPaper, vector: Vectors) -> Passage:
    """A paper without an abstract has a passage too, since its fields may be asked for."""
    if not stored.sentences:
        return Passage(number=0, paper=stored.paper, text="", score=0.0)
    return as_passage(stored, vector)
