"""Systems whose scores are known in advance: one that is always right, never answers, always answers, or fails."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval import score as scoring
from eval.metrics import METRICS
from eval.metrics.latency import Price
from eval.questions import Question
from eval.records import Response, RunFiles
from eval.score import Scores, offered
from eval.summary import Summary
from rag.errors import RequestError
from tests.support.eval_cases import (
    EVERYTHING,
    PAPERS,
    QUESTIONS,
    answer,
    answering,
    declining,
    failing,
    oracle,
    response,
)

System = Callable[[Question], Response | None]


def scores_of(system: System, questions: tuple[Question, ...] = QUESTIONS) -> Scores:
    responses = {q.id: r for q in questions if (r := system(q)) is not None}
    rows = scoring.score(questions, responses, PAPERS, EVERYTHING, 60.0)
    return Scores(target="t", offers=tuple(EVERYTHING), questions_sha256="x", corpus_sha256="", rows=rows)


def seen(ids: list[str]) -> tuple[dict[str, str], ...]:
    return tuple({"id": id, "title": f"Paper {id}"} for id in ids)


def means(scores: Scores) -> dict[str, float]:
    return {line.metric.name: line.estimate.mean for line in Summary(scores).lines if line.estimate}


SHARES = [metric for metric in METRICS if metric.worst is not None]
"""All measures but the number of words, of which none is the worst."""
NET_OF_THE_ORACLE = 3 / 5  # it declines two of five questions, which counts as 0


def test_the_oracle_scores_1_in_everything() -> None:
    expected = {m.name: 1.0 if m.higher_is_better else 0.0 for m in SHARES}
    found = means(scores_of(oracle))
    for metric in SHARES:
        value = NET_OF_THE_ORACLE if metric.name.startswith("net@") else expected[metric.name]
        assert found[metric.name] == pytest.approx(value), metric.name


@pytest.mark.parametrize("system", [lambda q: None, failing], ids=["silent", "failing"])
def test_an_empty_system_gets_the_worst_of_everything(system: System) -> None:
    found = scores_of(system)
    assert found.failed == len(QUESTIONS)
    assert means(found) == {metric.name: metric.worst for metric in SHARES}
    for line in Summary(found).headline:
        assert line.estimate is None or line.failed == line.estimate.count


def test_always_declining_is_never_wrong_and_never_right() -> None:
    found = means(scores_of(declining))
    assert (found["answered"], found["declined"]) == (0, 1)
    assert all(found[f"net@{cost}"] == 0 for cost in ("0.5", "1", "2", "4"))
    assert found["facts"] == found["idf_f1"] == found["cites_gold"] == found["gold_precision"] == 0
    assert "unsupported_numbers" not in found  # there is no number to measure


def test_always_answering_wrongly_pays_the_cost_each_time() -> None:
    found = means(scores_of(answering))
    assert (found["answered"], found["declined"]) == (1, 0)
    assert found["net@0.5"] == -0.5
    assert found["net@4"] == -4
    assert found["cites_gold"] == found["ndcg@10"] == 0
    assert found["valid_marks"] == found["verbatim_quotes"] == 1  # real quotes, of the wrong paper


@pytest.mark.slow
@settings(deadline=None)
@given(st.sets(st.sampled_from("abcde")))
def test_dropping_an_answer_never_raises_a_mean(dropped: set[str]) -> None:
    whole, part = means(scores_of(oracle)), means(scores_of(lambda q: None if q.id in dropped else oracle(q)))
    for metric in SHARES:
        if metric.name in part:
            change = part[metric.name] - whole[metric.name]
            assert change <= 1e-9 if metric.higher_is_better else change >= -1e-9, metric.name


def test_a_failed_answer_counts_in_every_mean_that_it_concerns() -> None:
    lines = {x.metric.name: x for x in Summary(scores_of(lambda q: failing(q) if q.id == "a" else oracle(q))).lines}
    facts = lines["facts"]
    assert facts.estimate is not None
    assert facts.estimate.mean == pytest.approx(2 / 3)
    assert (facts.estimate.count, facts.failed) == (3, 1)


def test_a_failed_answer_counts_as_the_deadline() -> None:
    assert Summary(scores_of(lambda q: failing(q) if q.id == "a" else oracle(q))).latency(100) == 60_000


def test_where_answers_are_lost_is_counted() -> None:
    summary = Summary(scores_of(lambda q: {"a": oracle, "b": answering, "c": declining}.get(q.id, declining)(q)))
    assert summary.attribution == {(True, True): 1, (True, False): 0, (False, True): 0, (False, False): 2}
    assert summary.outcomes == {
        "answered, right": 1, "answered, wrong": 1, "declined, though answerable": 1,
        "answered, though unanswerable": 0, "declined, rightly": 2, "failed": 0,
    }  # fmt: skip


def test_the_cost_of_a_run_is_that_of_its_tokens() -> None:
    summary = Summary(scores_of(oracle))
    assert summary.tokens == (10, 15)
    dollars, each = summary.cost(Price(prompt=1e6, completion=2e6))
    assert dollars == pytest.approx(40)
    assert each == pytest.approx(40 / 3)
    assert Summary(scores_of(failing)).cost(Price(1, 1)) == (0, None)


def test_the_confidence_of_the_oracle_separates() -> None:
    given, complete, all_questions = Summary(scores_of(oracle)).confidence_quality
    assert given.auroc is None  # nothing that was answered is wrong
    assert complete.interval is None
    assert all_questions.auroc == 1


def test_the_confidence_is_held_against_answers_with_every_fact_and_a_gold_paper() -> None:
    half = response(QUESTIONS[1], answer("Yes [1].", ["2"], confidence=0.5), ["2"])
    uncited = response(QUESTIONS[0], answer("They have 12 layers [1].", ["3"], confidence=0.4), ["3"])
    given = {"a": uncited, "b": half, "c": oracle(QUESTIONS[2])}
    right, complete, _ = Summary(scores_of(lambda q: given.get(q.id, declining(q)))).confidence_quality
    assert (right.count, right.auroc) == (3, None)
    assert (complete.count, complete.auroc) == (3, 1)
    assert complete.ece == pytest.approx((0.4 + 0.5 + 0.1) / 3)


def test_answers_are_compared_with_stretches_of_the_first_abstract() -> None:
    found = {line.label[:5]: line for line in Summary(scores_of(declining)).baselines}
    assert found == {}  # nothing was found, so there is no first abstract
    ranked = {"a": ["1"], "b": ["2"], "c": ["1"]}
    declines = Summary(scores_of(lambda q: replace(declining(q), ranked=seen(ranked.get(q.id, [])))))
    first = declines.baselines[0]
    assert first.estimate.mean == -first.difference.mean == pytest.approx(2.5 / 3)
    assert first.answered is None
    answers = Summary(scores_of(oracle)).baselines[0]
    assert answers.answered is not None and answers.answered.mean == answers.difference.mean == pytest.approx(0.5 / 3)


def test_the_shape_is_told_by_type() -> None:
    rows = {row.type: row for row in Summary(scores_of(lambda q: declining(q) if q.id == "b" else oracle(q))).shape}
    assert list(rows) == ["all", "numeric", "comparison", "yes_no"]
    assert rows["yes_no"].words is None and rows["yes_no"].answered == 0
    assert rows["numeric"].words is not None and rows["numeric"].words.mean == 4
    assert {line.metric.name: line.estimate.mean for line in rows["all"].cells if line.estimate}[
        "facts@20"
    ] == pytest.approx(2 / 3)


def test_what_a_system_does_not_offer_is_not_0_but_absent() -> None:
    rows = scoring.score(QUESTIONS, {q.id: oracle(q) for q in QUESTIONS}, PAPERS, {"ranking"}, 60.0)
    assert {name for row in rows for name in row.values} == {
        "gold_first", "hit@5", "recall@5", "recall@10", "mrr@10", "ndcg@10"
    }  # fmt: skip
    uncited = Response(question_id="a", status="ok", latency_ms=1, answer={"text": "Twelve."})
    assert offered({"answers", "maybe citations"}, [uncited]) == {"answers"}
    assert offered({"answers", "maybe citations"}, [uncited, oracle(QUESTIONS[0])]) == {"answers", "citations"}


def test_scores_survive_their_file(tmp_path: Path) -> None:
    scores = scores_of(oracle)
    scoring.write(RunFiles(tmp_path), scores)
    read = scoring.read(tmp_path)
    assert scoring.dumps(read) == scoring.dumps(scores) == (tmp_path / "scores.json").read_text()
    assert read == replace(scores, rows=read.rows)


@pytest.mark.parametrize(("content", "message"), [("{", "not JSON"), ("{}", "not a file of scores")])
def test_a_file_that_holds_no_scores_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "scores.json").write_text(content)
    with pytest.raises(RequestError, match=message):
        scoring.read(tmp_path)
    with pytest.raises(RequestError, match="does not exist"):
        scoring.read(tmp_path / "other.json")
