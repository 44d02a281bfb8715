"""The table of all measures of a single answer: name, which questions it applies to, and the value of a failure.

A measure is a function of a Case. It is averaged over all questions that it applies to; a question whose answer is
missing or failed gets `worst`. None means that an answer has nothing to measure (no number in it, for example): that
question is left out of the mean, and the count beside the mean shows it. A measure without a worst value (the number of
words) leaves failed answers out too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from eval.metrics import abstention, answers, citations, passages, retrieval, shape
from eval.metrics.answers import OPENING
from eval.metrics.case import Case
from eval.questions import Question

Offer = Literal["answers", "ranking", "citations", "quotes"]
"""What a system may give; measures of what it never gives are reported as not offered, rather than 0."""

Group = Literal["retrieval", "answers", "shape", "citations", "abstention"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A measure, one row of every report. `value` is None where an answer has nothing to measure."""

    name: str
    label: str
    group: Group
    value: Callable[[Case], float | None]
    applies: Callable[[Question], bool]
    needs: Offer
    worst: float | None = 0.0
    higher_is_better: bool = True

    @property
    def definition(self) -> str:
        """The first line of the function's docstring."""
        function = self.value.func if isinstance(self.value, partial) else self.value
        return (function.__doc__ or "").split("\n")[0]


def _has_gold(question: Question) -> bool:
    return bool(question.gold)


def _has_passages(question: Question) -> bool:
    return bool(question.gold_passages)


def _has_facts(question: Question) -> bool:
    return bool(question.key_facts)


def _has_facts_of_one_paper(question: Question) -> bool:
    return bool(question.key_facts) and len(question.gold) == 1


def _has_reference(question: Question) -> bool:
    return question.answerable and bool(question.answer)


def _answerable(question: Question) -> bool:
    return question.answerable


def _unanswerable(question: Question) -> bool:
    return not question.answerable


def _has_label(question: Question) -> bool:
    return question.answerable and question.type == "yes_no" and answers.label(question) is not None


def _any(_: Question) -> bool:
    return True


def _ranked(name: str, label: str, measure: Callable[..., float], k: int) -> Metric:
    def value(case: Case) -> float:
        return measure(case.ranked, case.question.gold, k)

    value.__doc__ = measure.__doc__
    return Metric(name=name, label=label, group="retrieval", value=value, applies=_has_gold, needs="ranking")


def _net(cost: float) -> Metric:
    value = partial(abstention.net_score, cost=cost)
    label = f"Net score, a wrong answer costing {cost:g}"
    return Metric(name=f"net@{cost:g}", label=label, group="abstention", value=value, applies=_any, needs="answers",
                  worst=-cost)  # fmt: skip


def _answer(
    name: str, label: str, value: Callable[[Case], float], applies: Callable[[Question], bool] = _has_facts
) -> Metric:
    return Metric(name=name, label=label, group="answers", value=value, applies=applies, needs="answers")


def _citation(
    name: str,
    label: str,
    value: Callable[[Case], float | None],
    applies: Callable[[Question], bool] = _has_gold,
    needs: Offer = "citations",
) -> Metric:
    return Metric(name=name, label=label, group="citations", value=value, applies=applies, needs=needs)


def _within(words: int) -> Metric:
    return _answer(
        f"facts@{words}", f"Key facts in the first {words} words", partial(answers.facts_within, words=words)
    )


def _shape(
    name: str,
    label: str,
    value: Callable[[Case], float | None],
    applies: Callable[[Question], bool] = _any,
    worst: float | None = 1.0,
) -> Metric:
    """A measure of which less is better."""
    return Metric(name=name, label=label, group="shape", value=value, applies=applies, needs="answers", worst=worst,
                  higher_is_better=False)  # fmt: skip


COSTS = (0.5, 1.0, 2.0, 4.0)

OPENINGS = (20, OPENING, 60, 120)

METRICS: tuple[Metric, ...] = (
    _ranked("gold_first", "Gold paper first", retrieval.hit, 1),
    _ranked("hit@5", "A gold paper among the first 5", retrieval.hit, 5),
    _ranked("recall@5", "Recall@5", retrieval.recall, 5),
    _ranked("recall@10", "Recall@10", retrieval.recall, 10),
    _ranked("mrr@10", "MRR@10", retrieval.reciprocal_rank, 10),
    _ranked("ndcg@10", "nDCG@10", retrieval.ndcg, 10),
    *(_within(words) for words in OPENINGS),
    _answer("facts", "Key facts in the answer", answers.facts),
    _answer("facts_anywhere", "Key facts in the answer and what is shown after it", answers.facts_anywhere),
    _answer(f"all_facts@{OPENING}", f"Every key fact in the first {OPENING} words",
            partial(answers.all_facts_within, words=OPENING)),
    _answer("all_facts", "Every key fact in the answer", answers.all_facts),
    _answer("yes_no", "Yes or no right", answers.yes_no, _has_label),
    _answer("idf_f1", "IDF-weighted F1 against the reference", answers.idf_f1, _has_reference),
    _answer("rouge_l", "ROUGE-L against the reference", answers.rouge_l, _has_reference),
    Metric(name="first_sentence", label="First sentence states a key fact, one paper", group="shape",
           value=shape.first_sentence, applies=_has_facts_of_one_paper, needs="answers"),
    Metric(name="sentences_with_fact", label="Sentences that state a key fact", group="shape",
           value=shape.sentences_with_fact, applies=_has_facts, needs="answers"),
    _shape("words", "Words of the answer", shape.words, worst=None),
    _shape("speaks_as_authors", "Answers that speak as the authors", shape.speaks_as_authors),
    _shape("markup", "Answers with mark-up in them", shape.markup),
    _citation("cites_gold", "Cites a gold paper", citations.cites_gold),
    _citation("gold_precision", "Share of citations that are of gold papers", citations.gold_precision),
    _citation("gold_recall", "Gold papers cited", citations.gold_recall),
    _citation("all_gold_cited", "Every gold paper cited", citations.all_gold_cited),
    _citation("passages_quoted", "Papers of which a gold passage is quoted", passages.passages_quoted, _has_passages,
              "quotes"),
    _citation("passage_precision", "Share of quotes that are gold passages", passages.passage_precision, _has_passages,
              "quotes"),
    _citation("valid_marks", "Numbers that name a shown passage", citations.valid_marks, _any),
    _citation("verbatim_quotes", "Quotes that are verbatim", citations.verbatim_quotes, _any, "quotes"),
    _citation("lexical_support", "Sentences with lexical support", citations.lexical_support, _any),
    Metric(name="unsupported_numbers", label="Numbers no cited abstract has", group="citations",
           value=citations.unsupported_numbers, applies=_any, needs="citations", worst=1.0, higher_is_better=False),
    Metric(name="answered", label="Answerable questions answered", group="abstention",
           value=abstention.answered, applies=_answerable, needs="answers"),
    Metric(name="declined", label="Unanswerable questions declined", group="abstention",
           value=abstention.declined, applies=_unanswerable, needs="answers"),
    *(_net(cost) for cost in COSTS),
)  # fmt: skip

BY_NAME = {metric.name: metric for metric in METRICS}
