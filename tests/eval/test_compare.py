"""A claim is made when there is a difference, and only then; the gate's exit code says the same to CI."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from eval import score as scoring
from eval.compare import DECLARED, EXIT_CODES, compare, gate
from eval.questions import Question
from eval.records import Response
from eval.score import Scores
from rag.errors import RequestError
from tests.support.eval_cases import EVERYTHING, PAPERS, QUESTIONS, answering, declining, failing, oracle

System = Callable[[Question], Response]
MANY = tuple(replace(q, id=f"{q.id}{n}", gold_ids=q.gold_ids) for n in range(12) for q in QUESTIONS)


def scores_of(system: System, target: str = "t") -> Scores:
    rows = scoring.score(MANY, {q.id: system(q) for q in MANY}, PAPERS, EVERYTHING, 60.0)
    # Each question on its own: here questions share papers only because there are three papers.
    rows = tuple(replace(row, cluster=row.id) for row in rows)
    return Scores(target=target, offers=(), questions_sha256="q", corpus_sha256="c", rows=rows)


def mixed(wrong: float, seed: int) -> System:
    random = np.random.default_rng(seed)
    chosen = {q.id for q in MANY if random.random() < wrong}
    return lambda q: (answering if q.id in chosen else oracle)(q)


def test_a_clear_difference_is_claimed_in_words() -> None:
    found = compare(scores_of(answering, "old"), scores_of(oracle, "new"))
    assert found.in_words.startswith("B (new) is better than A (old) in nDCG@10 (0.000 to 1.000, +1.000")
    assert all(m.verdict == "B is better" for m in found.measures if m.declared)
    back = compare(scores_of(oracle, "new"), scores_of(answering, "old"))
    assert back.in_words.startswith("B (old) is worse than A (new)")


def test_no_difference_is_no_claim() -> None:
    found = compare(scores_of(oracle, "one"), scores_of(oracle, "other"))
    assert found.in_words == "No difference between A (one) and B (other) can be claimed (36 questions)."
    noise = compare(scores_of(mixed(0.3, 1)), scores_of(mixed(0.3, 2)))
    assert "can be claimed" in noise.in_words
    assert all("no difference can be claimed" in m.verdict for m in noise.measures if m.declared)


def test_a_lower_rate_of_unsupported_numbers_is_better() -> None:
    measure = next(
        m
        for m in compare(scores_of(failing), scores_of(oracle), ["unsupported_numbers"]).measures
        if m.metric.name == "unsupported_numbers"
    )
    assert measure.difference.mean < 0 < measure.gain
    assert measure.verdict == "B is better"


def test_only_declared_measures_are_claimed_and_share_their_level() -> None:
    found = compare(scores_of(mixed(0.4, 1)), scores_of(oracle))
    assert [m.metric.name for m in found.measures if m.declared] == list(DECLARED)
    assert all(m.p >= m.difference.p for m in found.measures if m.declared)
    other = next(m for m in found.measures if m.metric.name == "declined")
    assert "exploratory" in other.verdict or "no difference" in other.verdict


def test_a_failed_answer_counts_against_its_system() -> None:
    found = compare(scores_of(oracle), scores_of(lambda q: failing(q) if q.id < "c" else oracle(q)))
    assert next(m for m in found.measures if m.metric.name == "facts").difference.losses == 24


def test_runs_of_different_questions_are_not_compared() -> None:
    with pytest.raises(RequestError, match="were asked different questions"):
        compare(scores_of(oracle), replace(scores_of(oracle), questions_sha256="other"))
    with pytest.raises(RequestError, match="there is no measure 'cleverness'"):
        compare(scores_of(oracle), scores_of(oracle), ["cleverness"])


@pytest.mark.parametrize(
    ("baseline", "now", "code", "message"),
    [
        (oracle, oracle, 0, "No difference"),
        (answering, oracle, 0, "B (t) is better"),
        (mixed(0.3, 1), mixed(0.3, 2), 0, "can be claimed"),
        (oracle, answering, 1, "B (t) is worse"),
        (oracle, declining, 1, "B (t) is worse"),
        (oracle, lambda q: failing(q) if q.id == "a1" else oracle(q), 2, "1 of 60 questions have no answer"),
    ],
    ids=["same", "better", "noise", "wrong", "silent", "failing"],
)
def test_the_gate_passes_fails_or_calls_the_run_invalid(baseline: System, now: System, code: int, message: str) -> None:
    found = gate(scores_of(baseline), scores_of(now))
    assert (EXIT_CODES[found.verdict], message in found.reason) == (code, True), found.reason


def test_the_gate_refuses_to_compare_what_is_not_comparable() -> None:
    good = scores_of(oracle)
    assert gate(good, replace(good, corpus_sha256="other")).verdict == "invalid"
    assert gate(good, replace(good, questions_sha256="other")).verdict == "invalid"
    unranked = tuple(replace(r, values={k: v for k, v in r.values.items() if k != "ndcg@10"}) for r in good.rows)
    assert "does not measure ndcg@10" in gate(good, replace(good, rows=unranked)).reason
