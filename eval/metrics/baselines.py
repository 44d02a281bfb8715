"""What takes no answering: stretches of the first abstract that search returns, as long as the start of an answer.

An answer adds something only where it states more key facts in as many words.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from math import fsum

from eval.metrics.answers import OPENING, share_of_facts
from eval.metrics.case import Case
from eval.words import content_words, opening, rarity
from rag.text.sentences import spans

_SATURATION = 1.2
_LENGTH_WEIGHT = 0.75

BASELINES: Mapping[str, str] = {
    "first": f"First {OPENING} words of the first abstract",
    "last": f"Last {OPENING} words of the first abstract",
    "likeliest": f"Likeliest sentences of the first abstract, {OPENING} words",
}
"""The label of each baseline, by its name."""


def baselines(case: Case) -> dict[str, float]:
    """Share of the key facts in each baseline; empty if the question has none or the first abstract is not known."""
    paper = case.paper(case.reply.ranked[0]) if case.reply.ranked else None
    if paper is None or not case.question.key_facts:
        return {}
    texts = {name: _TEXTS[name](case.question.question, paper.abstract) for name in BASELINES}
    return {name: share_of_facts(case.question, text) for name, text in texts.items()}


def likeliest_sentences(question: str, text: str) -> list[str]:
    """The sentences of a text by BM25 of the question's content words, best first, ties in the order of the text.

    Robertson and Zaragoza (2009), k1 = 1.2, b = 0.75; the collection is the text itself.
    """
    sentences = [text[span.start : span.end] for span in spans(text)]
    terms = [Counter(content_words(sentence)) for sentence in sentences]
    idf, mean = rarity(sentences), fsum(map(Counter.total, terms)) / max(len(terms), 1)
    asked = set(content_words(question))

    def relevance(counts: Counter[str]) -> float:
        damping = _SATURATION * (1 - _LENGTH_WEIGHT + _LENGTH_WEIGHT * counts.total() / mean) if mean else 1.0
        return fsum(idf[word] * counts[word] / (counts[word] + damping) for word in asked & counts.keys())

    order = sorted(range(len(sentences)), key=lambda at: -relevance(terms[at]))
    return [sentences[at] for at in order]


_TEXTS: Mapping[str, Callable[[str, str], str]] = {
    "first": lambda _, abstract: opening(abstract, OPENING),
    "last": lambda _, abstract: " ".join(abstract.split()[-OPENING:]),
    "likeliest": lambda question, abstract: opening(" ".join(likeliest_sentences(question, abstract)), OPENING),
}
