"""Do the quotes rest on the gold passages? Of several right passages of a paper one suffices.

Deterministic, and with alternatives for each paper that must be cited, in the manner of the citation matcher of
ResearchQA (Open Paper, 2026). What counts as the same passage is that of ERASER's rationales (DeYoung et al., 2020):
intersection over union of the words, at least one half. So neither a whole abstract nor three words of it match.
Answers that decline quote nothing, and get 0.
"""

from collections import Counter

from eval.metrics.case import Case
from eval.reply import Quote
from eval.words import tokens

MATCH = 0.5
"""The overlap from which a quote and a passage are the same words, in ERASER's IOU-F1."""


def overlap(quote: str, passage: str) -> float:
    """|quote ∩ passage| / |quote ∪ passage| over their words, each as often as it stands there; case is ignored."""
    ours, theirs = Counter(tokens(quote)), Counter(tokens(passage))
    either = (ours | theirs).total()
    return (ours & theirs).total() / either if either else 0.0


def passages_quoted(case: Case) -> float:
    """Share of the papers with gold passages of which one is quoted; where any paper suffices, 1 as soon as one is."""
    matched = [any(_matches(case, quote, key) for quote in _quotes(case)) for key in case.question.passages_by_paper]
    if case.question.gold_mode == "any":
        return float(any(matched))
    return sum(matched) / len(matched)


def passage_precision(case: Case) -> float:
    """Share of the quotes in the answer proper that match a gold passage; 0 without quotes."""
    quotes = _quotes(case)
    right = sum(any(_matches(case, quote, key) for key in case.question.passages_by_paper) for quote in quotes)
    return right / len(quotes) if quotes else 0.0


def _matches(case: Case, quote: Quote, key: str) -> bool:
    """Whether a quote is of this paper, and overlaps enough with one of its gold passages."""
    passages = case.question.passages_by_paper[key]
    return case.question.key(quote.paper) == key and any(overlap(quote.quote, text) >= MATCH for text in passages)


def _quotes(case: Case) -> list[Quote]:
    return [] if case.reply.declined else [quote for quote in case.reply.quotes if not quote.further]
