"""The threshold keeps its guarantee on questions it was not fitted on, or reports that it can't."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval import score as scoring
from eval.calibrate import calibrate, holdout, split
from eval.records import RunFiles
from eval.score import QuestionScore, Scores
from rag.errors import RequestError
from tests.support.eval_cases import evaluate


def row(id: str, confidence: float | None, answerable: bool = True, **fields: Any) -> QuestionScore:
    return QuestionScore(**{
        "id": id, "type": "factoid", "answerable": answerable, "cluster": id, "status": "ok",
        "declined": confidence is None or confidence < 0.5, "right": True, "confidence": confidence,
        "shown_gold": None, "latency_ms": 1.0, "first_token_ms": None, "prompt_tokens": 0, "completion_tokens": 0,
        "values": {}, **fields,
    })  # fmt: skip


def rows(confidences: list[float], **fields: Any) -> list[QuestionScore]:
    return [row(str(i), c, **fields) for i, c in enumerate(confidences)]


def test_golden_threshold() -> None:
    found = calibrate(rows([i / 100 for i in range(1, 100)]), 0.05)  # n = 99: the fifth lowest may be the bound
    assert found.answer_from == pytest.approx(0.05 - 0.00005)
    assert (found.count, found.declined_anyway) == (99, 0)


@pytest.mark.slow
@given(
    st.lists(st.floats(0.001, 1).map(lambda x: round(x, 4)), min_size=19, max_size=60),
    st.sampled_from([0.05, 0.1, 0.3]),
)
def test_fewer_than_guaranteed_are_declined_among_the_fitted(confidences: list[float], alpha: float) -> None:
    found = calibrate(rows(confidences), alpha)
    assert sum(c < found.answer_from for c in confidences) < alpha * (len(confidences) + 1)


def test_the_guarantee_holds_on_new_questions() -> None:
    random = np.random.default_rng(7)
    declined = []
    for _ in range(300):
        known, new = random.beta(5, 2, 59), random.beta(5, 2, 200)
        threshold = calibrate(rows([round(float(c), 4) for c in known]), 0.1).answer_from
        declined.append(float((new < threshold).mean()))
    assert np.mean(declined) == pytest.approx(0.1, abs=0.007)  # 6 of 60 may lie below, and 300 trials vary


def test_what_is_declined_whatever_the_threshold_counts_against_the_guarantee() -> None:
    usual = rows([0.6 + i / 1000 for i in range(97)])
    stubborn = [row("x", 0.9, declined=True), row("y", None, status="error")]
    found = calibrate([*usual, *stubborn], 0.05)
    assert found.declined_anyway == 2
    assert found.answer_from == pytest.approx(0.6 + 2 / 1000 - 0.00005)
    with pytest.raises(RequestError, match="2 of 99 answerable questions are declined for another reason"):
        calibrate([*usual, *stubborn], 0.02)


@pytest.mark.parametrize(
    ("given", "alpha", "message"),
    [
        (rows([0.9] * 9), 0.05, "9 answerable questions can't promise 0.05; ask more, or allow 0.100"),
        (rows([0.9] * 9), 1.5, "alpha is 1.5"),
        (rows([0.9] * 9, answerable=False), 0.1, "no answerable question has a confidence"),
        ([row("a", None)], 0.1, "no answerable question has a confidence"),
    ],
)
def test_a_guarantee_that_can_not_be_kept_is_not_given(given: list[QuestionScore], alpha: float, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        calibrate(given, alpha)


def test_the_holdout_counts_both_kinds_of_question() -> None:
    found = holdout([*rows([0.2, 0.6, 0.7, 0.9]), row("u", 0.3, False), row("v", 0.8, False)], 0.65)
    assert found.over_refusal is not None
    assert found.caught is not None
    assert (found.over_refusal.mean, found.caught.mean) == (0.5, 0.5)


def test_halves_share_no_paper_and_are_the_same_every_time() -> None:
    given = [row(str(i), 0.9, answerable=i % 3 > 0, cluster=f"c{i // 2}" if i % 3 else f"u{i}") for i in range(60)]
    one, other = split(given)
    assert len(one) + len(other) == 60
    assert not {r.cluster for r in one if r.answerable} & {r.cluster for r in other if r.answerable}
    assert abs(sum(r.answerable for r in one) - sum(r.answerable for r in other)) <= 2
    assert split(given) == (one, other)


def test_the_threshold_is_written_where_the_engine_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SCHOLIAST_HOME", str(tmp_path / "home"))
    confidences = [*rows([0.5 + i / 200 for i in range(80)]), row("u", 0.3, False), row("v", 0.8, False)]
    scores = Scores(target="t", offers=(), questions_sha256="q", corpus_sha256="", rows=tuple(confidences))
    scoring.write(RunFiles(tmp_path), scores)
    assert evaluate("calibrate", str(tmp_path), "--alpha", "0.1") == 0
    written = json.loads((tmp_path / "home" / "calibration.json").read_text())
    assert 0.5 < written["answer_from"] < 0.6
    assert "On the other questions: answerable declined" in capsys.readouterr().out
