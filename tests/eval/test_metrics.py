"""Every measure against values worked out by hand, another implementation, and properties that must hold."""

from math import log, log2
from typing import Any

import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval import words
from eval.metrics import METRICS, abstention, answers, citations, latency, retrieval
from eval.questions import Question
from eval.reply import AnswerSentence, Quote, ShownPassage, declines
from rag.errors import RequestError
from tests.support.eval_cases import QUESTIONS, case, ref

A, B, C, D, E = QUESTIONS
KEYS = [f"d{i}" for i in range(12)]
RANKED = st.lists(st.sampled_from(KEYS), unique=True, max_size=12)
GOLD = st.dictionaries(st.sampled_from(KEYS), st.integers(1, 3).map(float), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("text", "phrase", "stands"),
    [
        ("It has 56 languages.", "56", True),
        ("It has 156 languages.", "56", False),
        ("It scores 1.3 points.", "3", False),
        ("It scores 1.3 points.", "1", False),
        ("Of 1,680 hours", "1,680", True),
        ("Of 1,680 hours", "680", False),
        ("Gains 30% [1].", "30%", True),
        ("It ends with 56.", "56", True),
        ("uses NeRV++ [2]", "nerv++", True),
        ("a mixture\nof  Experts", "mixture of experts", True),
        ("nothing", "no", False),
        ("non-parametric", "parametric", True),
    ],
)
def test_a_phrase_stands_on_word_boundaries(text: str, phrase: str, stands: bool) -> None:
    assert words.says(text, phrase) == stands


def test_numbers_are_read_without_separators_and_not_out_of_names() -> None:
    assert words.numbers("1,680 hours, 4.5% of V2 and GPT-4 at 3.") == ["1680", "4.5", "4", "3"]


def test_golden_values_of_retrieval() -> None:
    ranked, gold = ["x", "g2", "g1", "y"], {"g1": 1.0, "g2": 2.0, "g3": 1.0}
    assert retrieval.hit(ranked, gold, 1) == 0
    assert retrieval.hit(ranked, gold, 2) == 1
    assert retrieval.recall(ranked, gold, 3) == pytest.approx(2 / 3)
    assert retrieval.reciprocal_rank(ranked, gold, 10) == 0.5
    ideal = 2 + 1 / log2(3) + 1 / log2(4)
    assert retrieval.ndcg(ranked, gold, 10) == pytest.approx((2 / log2(3) + 1 / log2(4)) / ideal)


@pytest.mark.slow
@given(RANKED, GOLD, st.sampled_from([1, 3, 5, 10]))
def test_retrieval_agrees_with_ir_measures(ranked: list[str], gold: dict[str, float], k: int) -> None:
    qrels = {"q": {key: int(grade) for key, grade in gold.items()}}
    run = {"q": {key: float(len(ranked) - i) for i, key in enumerate(ranked)}}
    measures = {
        ir_measures.nDCG @ k: retrieval.ndcg,
        ir_measures.R @ k: retrieval.recall,
        ir_measures.RR @ k: retrieval.reciprocal_rank,
        ir_measures.Success @ k: retrieval.hit,
    }
    theirs = ir_measures.calc_aggregate(list(measures), qrels, run)
    for measure, ours in measures.items():
        assert ours(ranked, gold, k) == pytest.approx(theirs[measure])


@pytest.mark.slow
@given(RANKED, GOLD, st.data())
def test_a_miss_put_before_the_others_never_raises_a_ranking_measure(
    ranked: list[str], gold: dict[str, float], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(ranked)))
    worse = [*ranked[:place], "miss", *ranked[place:]]
    for measure in (retrieval.ndcg, retrieval.recall, retrieval.reciprocal_rank, retrieval.hit):
        assert measure(worse, gold, 5) <= measure(ranked, gold, 5)


def test_golden_values_of_facts() -> None:
    assert answers.facts(case(B, text="Yes [1].")) == 0.5
    assert answers.facts(case(B, text="Yes, graphs.")) == 1
    assert answers.all_facts(case(B, text="Yes [1].")) == 0
    late = case(B, text="word " * 119 + "yes graphs")
    assert answers.facts_within(late, 120) == 0.5
    assert answers.facts(late) == 1
    assert answers.missing_facts(case(B, text="Yes.")) == ["graphs"]


def test_every_gold_paper_is_cited_or_not() -> None:
    assert citations.all_gold_cited(case(C, text="x", cited=(ref("1"), ref("2"), ref("3")))) == 1
    assert citations.all_gold_cited(case(C, text="x", cited=(ref("1"),))) == 0


def test_an_answer_that_declines_states_no_facts() -> None:
    assert answers.facts(case(B, text="The papers on graphs do not say yes.", outcome="not_in_abstracts")) == 0


@pytest.mark.parametrize(
    ("text", "right"), [("Yes, they do.", 1), ("yes [1]", 1), ("No.", 0), ("They use graphs.", 0), ("Yesterday", 0)]
)
def test_yes_or_no_is_read_from_the_first_word(text: str, right: float) -> None:
    assert answers.yes_no(case(B, text=text)) == right


def test_golden_values_of_overlap() -> None:
    said = case(A, text="They have 12 layers [1].")
    assert answers.idf_f1(said) == pytest.approx(1)
    assert answers.rouge_l(said) == pytest.approx(1)
    half = case(A, text="12 apples")
    idf = {w: half.idf.get(w, half.idf[""]) for w in ("12", "layers", "apples")}
    p, r = idf["12"] / (idf["12"] + idf["apples"]), idf["12"] / (idf["12"] + idf["layers"])
    assert answers.idf_f1(half) == pytest.approx(2 * p * r / (p + r))
    assert answers.rouge_l(half) == pytest.approx(2 * 1 / (2 + 4))
    assert answers.idf_f1(case(A, text="")) == answers.rouge_l(case(A, text="")) == 0


def test_rarity_is_smoothed_inverse_document_frequency() -> None:
    idf = words.rarity(["a b", "a"])
    assert idf["a"] == pytest.approx(log(3 / 3) + 1)
    assert idf["b"] == pytest.approx(log(3 / 2) + 1)
    assert idf[""] == pytest.approx(log(3) + 1)


def test_golden_values_of_citations() -> None:
    given = case(
        C, text="Twelve [1]; eighty [2][9].", cited=(ref("1"), ref("3")),
        shown=(ShownPassage(number=1, paper=ref("1"), text=""), ShownPassage(number=2, paper=ref("3"), text="")),
    )  # fmt: skip
    assert citations.cites_gold(given) == 1
    assert citations.gold_precision(given) == pytest.approx(1 / 3)  # papers 1 and 3, and [9], which names nothing
    assert citations.gold_recall(given) == 0.5  # this question needs both gold papers
    assert citations.valid_marks(given) == pytest.approx(2 / 3)
    assert citations.marks("a [1], b [2, 3] c [1] d [x]") == [1, 2, 3]


def test_no_citation_is_no_precision() -> None:
    assert citations.gold_precision(case(A, text="Twelve.")) == 0


@pytest.mark.slow
@given(st.sets(st.sampled_from("123")), st.integers(2, 9), st.booleans())
def test_a_wrong_citation_never_raises_precision(cited: set[str], number: int, is_invented: bool) -> None:
    def precision(ids: set[str], text: str) -> float:
        shown = (ShownPassage(number=1, paper=ref("1"), text=""),)
        return citations.gold_precision(case(A, text=text, cited=tuple(map(ref, sorted(ids))), shown=shown))

    before = precision(cited, "[1]")
    after = precision(cited, f"[1][{number}]") if is_invented else precision(cited | {"3"}, "[1]")
    assert after <= before


def test_a_quote_is_verbatim_only_at_its_offsets() -> None:
    def share(quote: str, start: int | None, end: int | None) -> float | None:
        return citations.verbatim_quotes(
            case(A, text="x", quotes=(Quote(paper=ref("1"), quote=quote, start=start, end=end),))
        )

    assert share("Alpha nets", 0, 10) == 1
    assert share("Alpha nets", 1, 11) == 0
    assert share("alpha nets", 0, 10) == 0
    assert share("12 layers", None, None) == 1
    assert citations.verbatim_quotes(case(A, text="x")) == 0
    assert citations.verbatim_quotes(case(A, text="x", outcome="out_of_scope")) is None


def test_support_is_lexical_and_needs_a_citation() -> None:
    def share(text: str, numbers: tuple[int, ...]) -> float | None:
        shown = (ShownPassage(number=1, paper=ref("1"), text=""),)
        return citations.lexical_support(
            case(A, text=text, shown=shown, sentences=(AnswerSentence(text=text, numbers=numbers),))
        )

    assert share("Alpha nets have 12 layers.", (1,)) == 1
    assert share("Alpha nets have 12 layers.", ()) == 0
    assert share("Beta graphs reach eighty.", (1,)) == 0
    assert citations.lexical_support(case(A, text="")) == 0


def test_a_number_must_stand_in_a_cited_abstract_or_in_what_was_asked() -> None:
    def rate(text: str) -> float | None:
        return citations.unsupported_numbers(case(A, text=text, cited=(ref("1"),)))

    assert rate("It has 12 layers and 99 heads [1].") == 0.5
    assert rate("It has layers [1].") is None


def test_sentences_are_found_in_a_text_without_a_list_of_them() -> None:
    shown = (ShownPassage(number=1, paper=ref("1"), text=""),)
    assert citations.lexical_support(case(A, text="Alpha nets have 12 layers [1]. Cats bark.", shown=shown)) == 0.5


def test_golden_values_of_net_score() -> None:
    right, wrong = case(A, text="12 layers"), case(A, text="ten")
    declined = case(A, text="no", outcome="not_in_abstracts")
    assert [abstention.net_score(c, 2) for c in (right, wrong, declined, case(D, text="He is"))] == [1, -2, 0, -2]


def test_golden_values_of_risk_and_coverage() -> None:
    confidence, correct = [0.9, 0.8, 0.7, 0.6], [True, False, True, False]
    assert abstention.risk_coverage(confidence, correct) == [(0.25, 0), (0.5, 0.5), (0.75, 1 / 3), (1, 0.5)]
    assert abstention.aurc(confidence, correct) == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)
    assert abstention.auroc(confidence, correct) == pytest.approx(3 / 4)
    assert abstention.auroc([0.5, 0.5], [True, False]) == 0.5
    assert abstention.auroc([0.5], [True]) is None
    assert abstention.aurc([], []) is abstention.ece([], []) is abstention.brier([], []) is None
    assert abstention.ece([1.0, 0.0], [True, False]) == 0
    assert abstention.ece([0.75], [False]) == 0.75
    assert abstention.brier([0.75, 1.0], [False, True]) == pytest.approx(0.75**2 / 2)


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.booleans()), min_size=1, max_size=12), st.randoms())
def test_the_order_of_ties_does_not_matter(rows: list[tuple[float, bool]], random: Any) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    for measure in (abstention.aurc, abstention.auroc):
        one = measure([c for c, _ in rows], [ok for _, ok in rows])
        other = measure([c for c, _ in shuffled], [ok for _, ok in shuffled])
        assert one == pytest.approx(other) if one is not None else other is None


def test_percentiles_are_values_that_occurred() -> None:
    assert latency.percentile([4, 1, 3, 2], 50) == 2
    assert latency.percentile([4, 1, 3, 2], 95) == 4
    assert latency.percentile([4], 0) == 4
    assert latency.percentile([], 50) is None


def test_cost_is_tokens_times_price() -> None:
    assert latency.cost(1000, 500, latency.price("2/10")) == pytest.approx(0.007)
    with pytest.raises(RequestError, match=r"as 0\.15/0\.60"):
        latency.price("cheap")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The provided abstracts do not mention the mayor.",
        "I'm sorry, but I cannot answer this from the given context.",
        "I don't have enough information to say.",
        "This is not stated in the papers.",
        "None of the papers discusses this [1].",
        "Not found.",
        "There is no information about that in the sources.",
        "Nothing in this library is about this.",
    ],
)
def test_a_refusal_in_words_is_seen(text: str) -> None:
    assert declines(text)


@pytest.mark.parametrize(
    "text",
    [
        "It has 12 layers [1].",
        "No, the model does not use graphs [2].",
        "The method cannot be parallelised, so it is slow [1].",
        "It has 12 layers. " + "It is large. " * 20 + "The paper does not mention its cost.",
    ],
)
def test_an_answer_is_not_taken_for_a_refusal(text: str) -> None:
    assert not declines(text)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_measure_is_defined_in_words(metric: Any) -> None:
    assert len(metric.definition) > 20


def test_a_question_without_gold_is_no_question_for_retrieval() -> None:
    concerned = {metric.name for metric in METRICS if metric.applies(D)}
    assert "ndcg@10" not in concerned
    assert "declined" in concerned
    no_facts = Question(id="x", question="?", type="factoid", answerable=True, gold_ids=("1",))
    assert not {"facts", "idf_f1", "yes_no"} & {metric.name for metric in METRICS if metric.applies(no_facts)}
