"""A reader that is nobody's: quotes the sentences that hold most of the question's words, of whatever passages it gets.

Every system's passages are read by it in the same way, so that differences in its answers come from the passages. It
knows words alone, by `eval.words`, which no system uses, and of a word its first letters, so that it reads past most
endings; it declines where even the best passage lacks much of what is asked. No match for a real reader: on 105
development questions it found a right sentence for 31, and telling answers from their absence is all it is for.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval.metrics.answers import OPENING
from eval.peers.serve import Hit
from eval.words import content_words, rarity, weigh
from rag.text import tokens
from rag.text.sentences import spans
from rag.types import Paper

BUDGET_TOKENS = 1_500
"""Passages are read, and looked for gold papers, as far as so many tokens go (of o200k_base)."""
DECLINE_BELOW = 0.36
"""The share of the question's words, by rarity, that the best passage has to hold.

Of 105 answerable development questions 73 reach it with their papers, and 16 without, over bm25's passages.
"""
_LETTERS = 6
SENTENCES = 2


@dataclass(frozen=True)
class _Candidate:
    sentence: str
    number: int
    share: float


def within_budget(hits: Sequence[Hit], budget: int = BUDGET_TOKENS) -> list[Hit]:
    """The first passages that have at most so many tokens together, and at least the first one."""
    kept: list[Hit] = []
    left = budget
    for hit in hits:
        left -= tokens.count(hit.text)
        if kept and left < 0:
            break
        kept.append(hit)
    return kept


def rarity_in(papers: Sequence[Paper]) -> Mapping[str, float]:
    """How rare each word is, as the reader sees words."""
    return rarity(" ".join(_words(f"{paper.title} {paper.abstract}")) for paper in papers)


def read(question: str, hits: Sequence[Hit], titles: Mapping[str, str], idf: Mapping[str, float]) -> dict[str, Any]:
    """The answer from these passages, an object as our API gives it. `idf` is that of `rarity_in` the papers."""
    shown = within_budget(hits)
    words = set(_words(question))
    held = [_share(words, f"{titles[hit.paper]} {hit.text}", idf) for hit in shown]
    confidence = max(held, default=0.0)
    passages = [
        {"number": number, "paper": {"id": hit.paper, "title": titles[hit.paper]}, "text": hit.text}
        for number, hit in enumerate(shown, start=1)
    ]
    answer = {"passages": passages, "confidence": confidence, "model": "reader", "citations": []}
    chosen = _chosen([c for at, hit in enumerate(shown) for c in _candidates(at, hit, held[at], words, titles, idf)])
    if confidence < DECLINE_BELOW or not chosen:
        return {**answer, "outcome": "not_in_abstracts", "text": "The passages do not say."}
    return {
        **answer,
        "outcome": "answered",
        "text": " ".join(f"{c.sentence} [{c.number}]" for c in chosen),
        "sentences": [{"text": c.sentence, "citations": [c.number]} for c in chosen],
        "citations": [{"paper": passages[c.number - 1]["paper"]} for c in chosen],
    }


def _candidates(
    at: int, hit: Hit, held: float, words: set[str], titles: Mapping[str, str], idf: Mapping[str, float]
) -> Iterator[_Candidate]:
    """The passage's sentences without its title, which every question repeats; each with its share and the passage's.

    A passage further down needs to hold more: ranks are the system's own word on what is relevant.
    """
    text = hit.text.removeprefix(titles[hit.paper]).strip()
    for span in spans(text):
        sentence = text[span.start : span.end]
        yield _Candidate(sentence, at + 1, _share(words, sentence, idf) + 2 * held / (1 + at / 10))


def _chosen(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """The best, and the next ones as far as the words of an answer's opening go."""
    chosen: list[_Candidate] = []
    left = OPENING
    for candidate in sorted(candidates, key=lambda c: -c.share)[:SENTENCES]:
        left -= len(candidate.sentence.split())
        if not chosen or left >= 0:
            chosen.append(candidate)
    return chosen


def _share(words: set[str], text: str, idf: Mapping[str, float]) -> float:
    """How much of the words, by rarity, a text holds."""
    total = weigh(sorted(words), idf)
    return weigh(sorted(words & set(_words(text))), idf) / total if total else 0.0


def _words(text: str) -> list[str]:
    return [word[:_LETTERS] for word in content_words(text)]
