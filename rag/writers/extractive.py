"""Composes an answer from the supporting sentences themselves; needs no model."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence

import numpy as np

from rag import question as questions
from rag.protocols import Vocabulary
from rag.question import Shape
from rag.text import third_person
from rag.text.analysis import content_stems
from rag.text.dangling import is_dangling
from rag.text.readable import in_print, readable
from rag.text.vocabulary import pattern
from rag.types import Passage, Turn
from rag.writers import members
from rag.writers.sentence_scoring import answer_probabilities

MAX_WORDS = 60
"""Of an answer from one paper. What else its abstract says is told below the answer (`further.py`)."""
MAX_WORDS_COMPARED = 110
"""Of papers side by side."""
MAX_WORDS_LISTED = 24
"""Of the sentence behind a title in a list."""
MAX_SENTENCES = 2
"""Of each paper in an answer, beside those without which they can't be understood."""
MAX_ANTECEDENTS = 2
MAX_SENTENCE_WORDS = 118
SECOND_SHARE = 0.35
"""A further sentence is shown if it is at least this share as likely to hold the answer as the first."""
MAX_COMPARED = 3
COMPARED_SHARE = 0.75
"""Another paper is set beside the best one if it scores at least this share of it."""
MAX_NAME_WORDS = 4


class ExtractiveWriter:
    """Leads with the sentence most likely to answer; from one paper, two, or a list, as the question asks."""

    name = "extractive"

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    async def write(
        self, question: str, passages: Sequence[Passage], history: Sequence[Turn] = ()
    ) -> AsyncGenerator[str]:
        """Yield one sentence or list item at a time. `passages` is not empty."""
        known = " ".join([*(turn.content for turn in history), question])
        idf = self._vocabulary.idf(content_stems(question))
        asked = questions.analyse(question)
        chosen = _chosen(question, asked.shape, passages, idf)
        probabilities = [answer_probabilities(question, known, passage, idf) for passage in chosen]
        if asked.shape == "list":
            for position, piece in enumerate(_list(chosen, probabilities)):
                yield f"\n{piece}" if position else piece
            return
        pieces = _prose(chosen, probabilities)
        opening = "" if asked.open or len(chosen) > 1 else "The abstracts say: "
        for position, piece in enumerate(pieces):
            yield f" {piece}" if position else f"{opening}{piece}"


def _chosen(question: str, shape: Shape, passages: Sequence[Passage], idf: Mapping[str, float]) -> Sequence[Passage]:
    """The papers to write about: one, those compared, or those of a list."""
    if shape == "single":
        return passages[:1]
    return members.listed(passages) if shape == "list" else _compared(question, passages, idf)


def _compared(question: str, passages: Sequence[Passage], idf: Mapping[str, float]) -> Sequence[Passage]:
    """The best paper, and those that best add to it: well placed, with words of the question that the others lack."""
    wanted = MAX_COMPARED if pattern("question.three_things").search(question) else 2
    chosen = [passages[0]]
    others = [p for p in passages[1:] if p.score >= COMPARED_SHARE * passages[0].score]
    total = sum(idf.values()) or 1.0
    while others and len(chosen) < wanted:
        held = set().union(*map(_stems, chosen))
        missing = {stem: weight for stem, weight in idf.items() if stem not in held}
        best = max(others, key=lambda p: p.score + sum(missing.get(stem, 0.0) for stem in _stems(p)) / total)
        others.remove(best)
        chosen.append(best)
    return chosen


def _stems(passage: Passage) -> set[str]:
    return set(content_stems(f"{passage.paper.title} {passage.text}"))


def lead(sentences: Sequence[str], probabilities: Sequence[float], words: int, said: Collection[int] = ()) -> list[int]:
    """The sentences to show, the likeliest first, and each after the ones that it can't be understood without.

    At most MAX_SENTENCES likely ones within `words` words in all, but always the likeliest. Those `said` already are
    not shown again; where the likeliest is one of them there may be nothing to add.
    """
    order = sorted(range(len(sentences)), key=lambda i: -probabilities[i])
    chosen: list[int] = []
    for place, i in enumerate([i for i in order if i not in said][:MAX_SENTENCES]):
        together = [j for j in _with_antecedents(sentences, i) if j not in chosen and j not in said]
        cost = sum(len(sentences[j].split()) for j in (*chosen, *together))
        likely = i == order[0] or probabilities[i] >= SECOND_SHARE * probabilities[order[0]]
        if likely and (place == 0 or cost <= words):
            chosen += together
    return chosen


def _with_antecedents(sentences: Sequence[str], i: int) -> list[int]:
    """Those before the sentence that it can't be understood without, in order, and the sentence."""
    chosen = [i]
    while chosen[0] > 0 and len(chosen) <= MAX_ANTECEDENTS and is_dangling(sentences[chosen[0]]):
        chosen.insert(0, chosen[0] - 1)
    return chosen


def _prose(passages: Sequence[Passage], probabilities: Sequence[np.ndarray]) -> list[str]:
    """The papers one after the other; where there are several, each is named."""
    several = len(passages) > 1
    words = MAX_WORDS_COMPARED // len(passages) if several else MAX_WORDS
    pieces: list[str] = []
    for passage, likely in zip(passages, probabilities, strict=True):
        texts = [sentence.text for sentence in passage.sentences]
        said = [i for i, sentence in enumerate(passage.sentences) if sentence.said]
        shown = lead(texts, likely.tolist(), words, said)
        sentences = [tidy(texts[i], follows=bool(k) and shown[k - 1] == i - 1) for k, i in enumerate(shown)]
        if several and sentences:
            sentences[0] = f"{short_name(passage)}: {sentences[0]}"
        pieces += [cite(sentence, passage.number) for sentence in sentences]
    return pieces


def _list(passages: Sequence[Passage], probabilities: Sequence[np.ndarray]) -> list[str]:
    """The titles, best first, each with what its abstract says about the question, if that is short."""
    pieces = []
    for passage, likely in zip(passages, probabilities, strict=True):
        sentence = tidy(passage.sentences[int(np.argmax(likely))].text)
        title = passage.paper.title.rstrip(".")
        pieces.append(
            f"- {cite(f'{title}: {sentence}' if len(sentence.split()) <= MAX_WORDS_LISTED else title, passage.number)}"
        )
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


def tidy(sentence: str, follows: bool = False) -> str:
    """As another tells it, not endless; what ties it to the sentence before goes, unless it `follows` that."""
    words = (third_person.rewrite(in_print(sentence)) if follows else readable(sentence)).split()
    return " ".join(words) if len(words) <= MAX_SENTENCE_WORDS else f"{' '.join(words[:MAX_SENTENCE_WORDS])} …"
