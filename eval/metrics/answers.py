"""Does the answer say what it should: key facts, yes or no, and overlap with the reference answer.

An answer that declines states nothing: it has no facts and no overlap, whatever words it shares with them.
"""

import re
from collections import Counter
from typing import Literal

from eval.metrics.case import Case
from eval.questions import Question
from eval.words import content_words, opening, says_any, tokens, weigh, without_marks

OPENING = 40
"""The words of an answer that a reader takes in at a glance; the headline is the key facts among them."""
RIGHT_FROM = 0.5
"""An answer counts as right for abstention, risk and cost when it states at least this share of the key facts."""

YesNo = Literal["yes", "no", "maybe"]
_LABEL = re.compile(r"\W*(yes|no|maybe)\b", re.IGNORECASE)
_YES_NO: dict[str, YesNo] = {"yes": "yes", "no": "no", "maybe": "maybe"}


def facts(case: Case) -> float:
    """Share of the key facts that stand in the answer; a fact counts if one of its accepted spellings does."""
    return _share_of_facts(case, case.reply.text)


def facts_within(case: Case, words: int) -> float:
    """Share of the key facts that stand in the first words, split at white space; marks `[n]` are no words."""
    return _share_of_facts(case, opening(without_marks(case.reply.text), words))


def facts_anywhere(case: Case) -> float:
    """Share of the key facts that stand in the answer or in what is shown after it."""
    return _share_of_facts(case, "\n".join([case.reply.text, *(sentence.text for sentence in case.reply.more)]))


def all_facts(case: Case) -> float:
    """1 if every key fact stands in the answer, else 0."""
    return float(facts(case) == 1)


def all_facts_within(case: Case, words: int) -> float:
    """1 if every key fact stands in the first words, else 0."""
    return float(facts_within(case, words) == 1)


def share_of_facts(question: Question, text: str) -> float:
    """Share of the key facts of a question that stand in a text; the question has some."""
    return sum(says_any(text, fact) for fact in question.key_facts) / len(question.key_facts)


def missing_facts(case: Case) -> list[str]:
    """The first spelling of every key fact that the answer does not state."""
    text = "" if case.reply.declined else case.reply.text
    return [fact[0] for fact in case.question.key_facts if not says_any(text, fact)]


def right(case: Case) -> bool:
    """Whether the answer counts as right: it has at least half of the key facts.

    Without key facts: the right yes or no; without that: a gold paper is cited (or found, if nothing is cited).
    """
    if case.reply.declined:
        return False
    if case.question.key_facts:
        return facts(case) >= RIGHT_FROM
    if label(case.question) is not None:
        return yes_no(case) == 1
    found = case.cited or set(case.ranked[:1])
    return any(key in found for key in case.question.gold)


def label(question: Question) -> YesNo | None:
    """The yes, no or maybe with which a reference answer begins; None if it begins otherwise."""
    return _label(question.answer)


def yes_no(case: Case) -> float:
    """1 if the answer begins with the reference's yes, no or maybe. An answer that begins otherwise is wrong."""
    return float(not case.reply.declined and _label(without_marks(case.reply.text)) == label(case.question))


def idf_f1(case: Case) -> float:
    """Harmonic mean of precision and recall over the content words, weighed by their rarity in the reference answers.

    Precision Σidf(a∩r)/Σidf(a), recall Σidf(a∩r)/Σidf(r), over multisets as in SQuAD's F1 (Rajpurkar et al., 2016).
    """
    said, reference = Counter(content_words(_answer_text(case))), Counter(content_words(case.question.answer))
    common = weigh(list((said & reference).elements()), case.idf)
    if not common:
        return 0.0
    precision = common / weigh(list(said.elements()), case.idf)
    recall = common / weigh(list(reference.elements()), case.idf)
    return 2 * precision * recall / (precision + recall)


def rouge_l(case: Case) -> float:
    """F1 over the longest common subsequence of words: ROUGE-L (Lin, 2004) with β = 1 and without stemming."""
    said, reference = tokens(_answer_text(case)), tokens(case.question.answer)
    common = _longest_common_subsequence(said, reference)
    return 2 * common / (len(said) + len(reference)) if common else 0.0


def _answer_text(case: Case) -> str:
    return "" if case.reply.declined else without_marks(case.reply.text)


def _share_of_facts(case: Case, text: str) -> float:
    return 0.0 if case.reply.declined else share_of_facts(case.question, text)


def _label(text: str) -> YesNo | None:
    found = _LABEL.match(text)
    return None if found is None else _YES_NO[found[1].lower()]


def _longest_common_subsequence(one: list[str], other: list[str]) -> int:
    row = [0] * (len(other) + 1)
    for word in one:
        diagonal = 0
        for column, against in enumerate(other, start=1):
            diagonal, row[column] = row[column], diagonal + 1 if word == against else max(row[column], row[column - 1])
    return row[-1]
