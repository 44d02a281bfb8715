"""Are the citations right: gold papers, valid numbers, verbatim quotes, and words that support the sentences.

An answer that declines has nothing to cite: measures of its sentences do not apply to it (None), while those of finding
the gold papers give it 0. The lexical checks can't see a contradiction, and are named lexical.
"""

import re
from collections.abc import Sequence

from eval.metrics.case import Case
from eval.questions import PaperRef
from eval.reply import AnswerSentence, Quote
from eval.words import content_words, numbers, weigh, without_marks
from rag.text.sentences import spans

SUPPORTED_SHARE = 0.6
"""How much of a sentence's rarity-weighted words its cited papers must hold to count as lexically supported."""

_MARK = re.compile(r"\[(\d{1,4}(?:\s*[,;]\s*\d{1,4})*)\]")


def marks(text: str) -> list[int]:
    """The distinct numbers of the marks `[n]` and `[n, m]` in a text, in order of appearance."""
    return list(dict.fromkeys(int(n) for group in _MARK.findall(text) for n in re.findall(r"\d+", group)))


def cites_gold(case: Case) -> float:
    """1 if a gold paper is among the cited papers, else 0."""
    return float(any(key in case.question.gold for key in case.cited))


def gold_precision(case: Case) -> float:
    """|cited ∩ gold| / (|cited| + |numbers that name no passage|), over distinct papers; 0 without citations."""
    given = len(case.cited) + len(_invalid(case))
    return len(case.cited & set(case.question.gold)) / given if given else 0.0


def gold_recall(case: Case) -> float:
    """|cited ∩ gold| / |gold|; where any gold paper suffices, 1 as soon as one is cited."""
    if case.question.gold_mode == "any":
        return cites_gold(case)
    return len(case.cited & set(case.question.gold)) / len(case.question.gold)


def all_gold_cited(case: Case) -> float:
    """1 if every gold paper is cited (where any suffices: one of them), else 0."""
    return float(gold_recall(case) == 1)


def valid_marks(case: Case) -> float | None:
    """Share of the distinct numbers in the text that name a passage that was shown."""
    used = marks(case.reply.text)
    return 1 - len(_invalid(case)) / len(used) if used else None


def verbatim_quotes(case: Case) -> float | None:
    """Share of the quotes that are exactly the slice of the abstract that they claim to be; 0 without quotes."""
    if case.reply.declined:
        return None
    quotes = case.reply.quotes
    return sum(is_verbatim(case, quote) for quote in quotes) / len(quotes) if quotes else 0.0


def lexical_support(case: Case) -> float | None:
    """Share of the sentences that cite papers whose title and abstract hold 60% of their content words, by rarity.

    Σidf(sentence ∩ cited) / Σidf(sentence) ≥ 0.6. Blind to contradiction; a sentence without citation is not supported.
    """
    if case.reply.declined:
        return None
    sentences = answer_sentences(case)
    return sum(is_supported(case, sentence) for sentence in sentences) / len(sentences) if sentences else 0.0


def unsupported_numbers(case: Case) -> float | None:
    """Share of the numbers in the answer that stand neither in a cited abstract or title nor in what was asked."""
    said = numbers(without_marks(case.reply.text))
    if case.reply.declined or not said:
        return None
    asked = " ".join([case.question.question, *(turn.content for turn in case.question.history)])
    known = set(numbers(f"{asked} {_texts(case, case.reply.cited)}"))
    return sum(number not in known for number in said) / len(said)


def answer_sentences(case: Case) -> list[AnswerSentence]:
    """The answer's sentences with the numbers that they cite, as the system lists them or else split from its text."""
    if case.reply.sentences:
        return list(case.reply.sentences)
    text = case.reply.text
    parts = [text[span.start : span.end] for span in spans(text)]
    return [
        AnswerSentence(text=without_marks(part), numbers=tuple(marks(part))) for part in parts if content_words(part)
    ]


def is_supported(case: Case, sentence: AnswerSentence) -> bool:
    """Whether the papers that a sentence cites hold enough of its content words."""
    words = content_words(sentence.text)
    papers = tuple(shown.paper for shown in case.reply.shown if shown.number in sentence.numbers)
    found = set(content_words(_texts(case, papers)))
    common = weigh([word for word in words if word in found], case.idf)
    return bool(papers) and common >= SUPPORTED_SHARE * weigh(words, case.idf)


def is_verbatim(case: Case, quote: Quote) -> bool:
    """Whether a quote stands in its paper's abstract, at its offsets if it gives any."""
    paper = case.paper(quote.paper)
    if paper is None:
        return False
    if quote.start is None or quote.end is None:
        return quote.quote in paper.abstract
    return paper.abstract[quote.start : quote.end] == quote.quote


def _texts(case: Case, papers: Sequence[PaperRef]) -> str:
    """The titles, abstracts and shown passages of these papers."""
    found = [f"{paper.title} {paper.abstract}" for ref in papers if (paper := case.paper(ref))]
    return " ".join([*found, *(shown.text for shown in case.reply.shown if shown.paper in papers)])


def _invalid(case: Case) -> list[int]:
    shown = {passage.number for passage in case.reply.shown}
    return [number for number in marks(case.reply.text) if number not in shown]
