"""Composes an answer from the supporting sentences themselves; needs no model."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

from rag import question as questions
from rag.protocols import Vocabulary
from rag.question import Shape
from rag.text import latex
from rag.text.analysis import content_stems
from rag.text.vocabulary import pattern
from rag.types import Passage, Turn
from rag.writers.sentence_scoring import answer_probabilities

MAX_WORDS = 118
MAX_LISTED = 8
LISTED_SHARE = 0.72
"""A paper is listed if it scores at least this share of the best one."""
COMPARED_SHARE = 0.75
"""A second paper is set beside the best one if it scores at least this share of it."""
SENTENCE_COST = 0.12
"""A sentence less likely than this to hold the answer is not worth its words."""
MAX_NAME_WORDS = 4

Values = Sequence[float]
"""What each sentence of an abstract is worth: its probability of holding the answer, less SENTENCE_COST."""


class ExtractiveWriter:
    """Picks the sentences most likely to answer, from one paper, two, or a list, as the question asks."""

    name = "extractive"

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    async def write(
        self, question: str, passages: Sequence[Passage], history: Sequence[Turn] = ()
    ) -> AsyncGenerator[str]:
        """Yield one sentence or list item at a time, in about MAX_WORDS words. `passages` is not empty."""
        known = " ".join([*(turn.content for turn in history), question])
        idf = self._vocabulary.idf(content_stems(question))
        shape = questions.analyse(question).shape
        chosen = _PAPERS[shape](passages, idf)
        values = [(answer_probabilities(question, known, passage, idf) - SENTENCE_COST).tolist() for passage in chosen]
        pieces = _list(chosen, values) if shape == "list" else _prose(chosen, values)
        for position, piece in enumerate(pieces):
            yield piece if position == 0 else (f"\n{piece}" if shape == "list" else f" {piece}")


def _best(passages: Sequence[Passage], _idf: Mapping[str, float]) -> Sequence[Passage]:
    return passages[:1]


def _listed(passages: Sequence[Passage], _idf: Mapping[str, float]) -> Sequence[Passage]:
    return [p for p in passages if p.score >= LISTED_SHARE * passages[0].score][:MAX_LISTED]


def _compared(passages: Sequence[Passage], idf: Mapping[str, float]) -> Sequence[Passage]:
    """The best paper, and the one that best adds to it: well placed, with words of the question that it lacks."""
    first = passages[0]
    missing = {stem: weight for stem, weight in idf.items() if stem not in _stems(first)}
    total = sum(idf.values()) or 1.0

    def adds(passage: Passage) -> float:
        return passage.score + sum(missing.get(stem, 0.0) for stem in _stems(passage)) / total

    others = [p for p in passages[1:] if p.score >= COMPARED_SHARE * first.score]
    return [first, *sorted(others, key=adds, reverse=True)[:1]]


_PAPERS: Mapping[Shape, Callable[[Sequence[Passage], Mapping[str, float]], Sequence[Passage]]] = {
    "single": _best,
    "comparison": _compared,
    "list": _listed,
}


def _stems(passage: Passage) -> set[str]:
    return set(content_stems(f"{passage.paper.title} {passage.text}"))


def select(abstracts: Sequence[Sequence[str]], values: Sequence[Values], words: int) -> list[list[int]]:
    """For each abstract the sentences to show, in order, within `words` words in all: the best ones first (greedy).

    At least one of each abstract, whatever it is worth. A sentence that refers to the one before comes with it.
    """
    taken: list[set[int]] = [set() for _ in abstracts]
    left = words
    ranked = sorted(((value, a, i) for a, of_abstract in enumerate(values) for i, value in enumerate(of_abstract)),
                    key=lambda entry: -entry[0])  # fmt: skip
    for value, a, i in ranked:
        together = set(_with_antecedents(abstracts[a], i)) - taken[a]
        cost = sum(len(abstracts[a][j].split()) for j in together)
        if together and value > 0 and cost <= left:
            taken[a] |= together
            left -= cost
    return [sorted(chosen or {max(range(len(value)), key=value.__getitem__)})
            for chosen, value in zip(taken, values, strict=True)]  # fmt: skip


def _with_antecedents(sentences: Sequence[str], i: int) -> list[int]:
    """The sentence, and those before it that it can't be understood without."""
    chosen = [i]
    while chosen[-1] > 0 and is_anaphoric(sentences[chosen[-1]]):
        chosen.append(chosen[-1] - 1)
    return chosen


def strip_connective(sentence: str) -> str:
    """Without the words that tie it to a sentence before, which is not shown."""
    text = pattern("sentence.connective").sub("", sentence) or sentence
    return text[:1].upper() + text[1:]


def is_anaphoric(sentence: str) -> bool:
    """Whether it speaks of "it" or "this", and can't be understood without the sentence before."""
    text = strip_connective(sentence)
    return bool(pattern("sentence.anaphoric").search(text) or pattern("sentence.anaphoric_ending").search(text))


def _prose(passages: Sequence[Passage], values: Sequence[Values]) -> list[str]:
    """The papers one after the other; the words go to the sentences that are worth most, whosever they are."""
    names = [short_name(passage) for passage in passages]
    abstracts = [[sentence.text for sentence in passage.sentences] for passage in passages]
    chosen = select(abstracts, values, MAX_WORDS - sum(len(name.split()) for name in names))
    pieces: list[str] = []
    for passage, name, texts, taken in zip(passages, names, abstracts, chosen, strict=True):
        sentences = [_tidy(texts[i], follows=i - 1 in taken) for i in taken]
        sentences[0] = f"{name}: {sentences[0]}"
        pieces += [cite(sentence, passage.number) for sentence in sentences]
    return pieces


def _list(passages: Sequence[Passage], values: Sequence[Values]) -> list[str]:
    """The titles, best first; as far as words are left, each with its most informative sentence."""
    spare = MAX_WORDS - sum(len(passage.paper.title.split()) for passage in passages)
    pieces = []
    for passage, value in zip(passages, values, strict=True):
        worth, text = max(zip(value, (sentence.text for sentence in passage.sentences), strict=True))
        sentence = _tidy(text)
        item = passage.paper.title
        if worth > 0 and len(sentence.split()) <= spare:
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
    words = latex.plain(sentence if follows else strip_connective(sentence)).split()
    return " ".join(words) if len(words) <= MAX_WORDS else f"{' '.join(words[:MAX_WORDS])} …"
