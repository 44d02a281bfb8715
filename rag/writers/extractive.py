"""Composes an answer from the supporting sentences themselves; needs no model."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

from rag.protocols import Vocabulary
from rag.text import latex
from rag.text.analysis import content_stems
from rag.types import Passage, Turn
from rag.writers import choose
from rag.writers.choose import Values
from rag.writers.intent import Intent, intent
from rag.writers.sentence_scoring import answer_probabilities

MAX_WORDS = 118
MAX_LISTED = 8
LISTED_SHARE = 0.72
"""A paper is listed if it scores at least this share of the best one."""
COMPARED_SHARE = 0.75
"""A second paper is set beside the best one if it scores at least this share of it."""
SAYING_COST = 0.12
"""A sentence less likely than this to hold the answer is not worth its words."""
MAX_NAME_WORDS = 4


class ExtractiveWriter:
    """Picks the sentences most likely to answer, from one paper, two, or a list, as the question wants."""

    name = "extractive"

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    async def write(
        self, question: str, passages: Sequence[Passage], history: Sequence[Turn] = ()
    ) -> AsyncGenerator[str]:
        """Yield one sentence or list item at a time, in about MAX_WORDS words. `passages` is not empty."""
        known = " ".join([*(turn.content for turn in history), question])
        idf = self._vocabulary.idf(content_stems(question))
        wanted = intent(question)
        chosen = _CHOICE[wanted](passages, idf)
        values = [(answer_probabilities(question, known, passage, idf) - SAYING_COST).tolist() for passage in chosen]
        pieces = _list(chosen, values) if wanted == "list" else _prose(chosen, values)
        for position, piece in enumerate(pieces):
            yield piece if position == 0 else (f"\n{piece}" if wanted == "list" else f" {piece}")


def _best(passages: Sequence[Passage], _idf: Mapping[str, float]) -> Sequence[Passage]:
    return passages[:1]


def _listed(passages: Sequence[Passage], _idf: Mapping[str, float]) -> Sequence[Passage]:
    return [p for p in passages if p.score >= LISTED_SHARE * passages[0].score][:MAX_LISTED]


def _compared(passages: Sequence[Passage], idf: Mapping[str, float]) -> Sequence[Passage]:
    """The best paper, and the one that best adds to it: well placed, with words of the question that it lacks."""
    first = passages[0]
    missing = {stem: weight for stem, weight in idf.items() if stem not in _words(first)}
    total = sum(idf.values()) or 1.0

    def adds(passage: Passage) -> float:
        return passage.score + sum(missing.get(stem, 0.0) for stem in _words(passage)) / total

    others = [p for p in passages[1:] if p.score >= COMPARED_SHARE * first.score]
    return [first, *sorted(others, key=adds, reverse=True)[:1]]


_CHOICE: Mapping[Intent, Callable[[Sequence[Passage], Mapping[str, float]], Sequence[Passage]]] = {
    "single": _best,
    "comparison": _compared,
    "list": _listed,
}


def _words(passage: Passage) -> set[str]:
    return set(content_stems(f"{passage.paper.title} {passage.text}"))


def _prose(passages: Sequence[Passage], values: Sequence[Values]) -> list[str]:
    """The papers one after the other; the words go to the sentences that are worth most, whosever they are."""
    names = [short_name(passage) for passage in passages]
    abstracts = [[sentence.text for sentence in passage.sentences] for passage in passages]
    words = MAX_WORDS - sum(len(name.split()) for name in names)
    pieces: list[str] = []
    for passage, name, texts, taken in zip(
        passages, names, abstracts, choose.together(abstracts, values, words), strict=True
    ):
        sentences = [_tidy(texts[i], follows=i - 1 in taken) for i in taken]
        sentences[0] = f"{name}: {sentences[0]}"
        pieces += [cite(sentence, passage.number) for sentence in sentences]
    return pieces


def _list(passages: Sequence[Passage], values: Sequence[Values]) -> list[str]:
    """The titles, best first; as far as words are left, each with its most informative sentence."""
    spare = MAX_WORDS - sum(len(passage.paper.title.split()) for passage in passages)
    pieces = []
    for passage, value in zip(passages, values, strict=True):
        told, text = max(zip(value, (evidence.text for evidence in passage.sentences), strict=True))
        sentence = _tidy(text)
        item = passage.paper.title
        if told > 0 and len(sentence.split()) <= spare:
            spare -= len(sentence.split())
            item = f"{item}: {sentence}"
        pieces.append(f"- {cite(item, passage.number)}")
    return pieces


def short_name(passage: Passage) -> str:
    """What a paper calls its subject, e.g. the words before the colon of its title; else the whole title in quotes."""
    head, colon, _ = passage.paper.title.partition(":")
    return head.strip() if colon and len(head.split()) <= MAX_NAME_WORDS else f"“{passage.paper.title.rstrip('.')}”"


def cite(sentence: str, number: int) -> str:
    """The mark goes before the full stop."""
    body = sentence.rstrip()
    end = body[-1] if body[-1] in ".!?" else "."
    return f"{body.rstrip('.!? ')} [{number}]{end}"


def _tidy(sentence: str, follows: bool = False) -> str:
    """In print, on one line, not endless; what ties it to the sentence before goes, unless it `follows` that."""
    words = latex.plain(sentence if follows else choose.standing_alone(sentence)).split()
    return " ".join(words) if len(words) <= MAX_WORDS else f"{' '.join(words[:MAX_WORDS])} …"
