"""The arithmetic of power agrees with textbooks and with simulated runs."""

import json
from pathlib import Path

import numpy as np
import pytest

from eval.power import Spread, assumed, detectable, questions_needed
from eval.statistics import clustered_error
from tests.support.eval_cases import QUESTIONS, answering, evaluate, failing, oracle, write_run


@pytest.mark.parametrize(
    ("sd", "difference", "level", "share", "needed"),
    [
        (1.0, 0.5, 0.05, 0.8, 32),  # (1.960 + 0.842)² / 0.25 = 31.4
        (1.0, 0.5, 0.05, 0.9, 43),  # (1.960 + 1.282)² / 0.25 = 42.03
        (0.4, 0.05, 0.05, 0.8, 503),  # 7.849 · 0.16 / 0.0025 = 502.3
        (0.4, 0.05, 0.0125, 0.8, 714),  # (2.498 + 0.842)² · 64 = 713.7
    ],
)
def test_the_number_of_questions_is_that_of_the_paired_normal_test(
    sd: float, difference: float, level: float, share: float, needed: int
) -> None:
    spread = Spread(sd=sd, design_effect=1.0, correlation=None)
    assert questions_needed(spread, difference, level, share) == needed
    assert detectable(spread, needed, level, share) == pytest.approx(difference, rel=0.02)


def test_assumed_spreads_follow_the_variance_of_a_difference_and_the_design_effect_of_kish() -> None:
    spread = assumed(0.5, 0.5, cluster_size=3, icc=0.2)
    assert spread.sd == pytest.approx(0.5)  # √(0.25 + 0.25 - 2 · 0.5 · 0.25)
    assert spread.design_effect == pytest.approx(1.4)


@pytest.mark.parametrize("with_effect", [True, False])
def test_simulated_runs_find_the_difference_as_often_as_was_asked_for(with_effect: bool) -> None:
    size, icc, sd, difference, repeats = 4, 0.5, 0.4, 0.1, 4_000
    spread = assumed(sd / np.sqrt(2), 0.0, size, icc if with_effect else 0.0)
    clusters = -(-questions_needed(spread, difference) // size)
    rng = np.random.default_rng(7)
    shared = rng.normal(0, sd * np.sqrt(icc), (repeats, clusters, 1))
    own = rng.normal(0, sd * np.sqrt(1 - icc), (repeats, clusters, size))
    means = (difference + shared + own).mean(axis=2)
    statistic = means.mean(axis=1) / (means.std(axis=1, ddof=1) / np.sqrt(clusters))
    found = float((np.abs(statistic) > 1.96).mean())
    assert found == pytest.approx(0.8, abs=0.03) if with_effect else found < 0.6


def test_the_clustered_error_is_the_plain_one_where_every_question_is_its_own_cluster() -> None:
    values = [0.0, 1.0, 1.0, 0.0, 1.0]
    plain = float(np.std(values, ddof=1) / np.sqrt(5))
    assert clustered_error(values, list("abcde")) == pytest.approx(plain)
    assert clustered_error(values * 2, list("abcde") * 2) == pytest.approx(plain)
    assert clustered_error(values, ["a"] * 5) is None


def test_two_runs_give_the_spread_and_the_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    write_run(a, [answering(q) for q in QUESTIONS])
    write_run(b, [*map(oracle, QUESTIONS[:4]), failing(QUESTIONS[4])])
    for run in (a, b):
        assert evaluate("score", str(run), "--json") == 0
    capsys.readouterr()
    assert evaluate("power", str(a), str(b), "--measures", "net@1", "--difference", "0.5", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["spread"]["sd"] == pytest.approx(np.std([2, 2, 2, 1, 0], ddof=1))
    assert row["spread"]["design_effect"] > 1  # three of the questions share papers
    assert row["count"] == 5 and row["needed"] > 10
    assert evaluate("power", str(a), str(b)) == 0
    assert "questions for 0.05" in capsys.readouterr().out


def test_an_assumed_spread_needs_no_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("power", "--sd", "0.4", "--correlation", "0.5", "--questions", "154", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["needed"], row["count"]) == (503, 154)
    assert row["detectable"] == pytest.approx(0.0903, abs=1e-4)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "give two earlier runs of the same questions, not 0, or --sd"),
        (["--sd", "-1"], "the standard deviation is -1"),
        (["--sd", "0.4", "--correlation", "1"], "the correlation is 1"),
        (["--sd", "0.4", "--icc", "2"], "can't be; give a size from 1"),
        (["--sd", "0.4", "--difference", "0"], "the difference is 0"),
        (["--sd", "0.4", "--questions", "1"], "1 questions show no difference"),
        (["--sd", "0.4", "--level", "2"], "level 2 and power 0.8 can't be"),
        (["x", "--sd", "0.4"], "give two runs or --sd, not both"),
    ],
)
def test_what_can_not_be_planned_says_why(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("power", *words) == 2
    assert says in capsys.readouterr().err


def test_runs_that_do_not_differ_tell_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "a", [oracle(q) for q in QUESTIONS])
    assert evaluate("score", str(tmp_path / "a"), "--json") == 0
    assert evaluate("power", str(tmp_path / "a"), str(tmp_path / "a"), "--measures", "facts") == 2
    assert "differ in none of facts" in capsys.readouterr().err


def test_a_handful_of_questions_is_never_called_enough() -> None:
    assert questions_needed(Spread(sd=0.01, design_effect=1.0, correlation=None), 0.5) == 10
