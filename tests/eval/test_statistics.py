"""Intervals cover the truth, tests keep their level, and every run gives the same figures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from eval import statistics

SHARES = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=30)


def alone(values: list[float]) -> list[str]:
    return [str(i) for i in range(len(values))]


@pytest.mark.slow
@given(SHARES)
def test_the_mean_lies_in_its_interval(values: list[float]) -> None:
    e = statistics.estimate(values, alone(values))
    assert 0 <= e.low <= e.mean + 1e-12
    assert e.mean - 1e-12 <= e.high <= 1
    assert e.mean == pytest.approx(sum(values) / len(values))


def test_an_estimate_is_the_same_every_time() -> None:
    values = [0.1, 0.9, 0.4, 0.7]
    assert statistics.estimate(values, alone(values)) == statistics.estimate(values, alone(values))


def test_golden_interval() -> None:
    values = [float(i % 4 == 0) for i in range(100)]
    e = statistics.estimate(values, alone(values))
    assert (e.mean, e.count, e.clusters) == (0.25, 100, 100)
    assert e.low == pytest.approx(0.17, abs=0.015)  # normal theory: .25 ± .085
    assert e.high == pytest.approx(0.335, abs=0.015)


def test_questions_that_share_a_paper_widen_the_interval() -> None:
    values = [1.0] * 20 + [0.0] * 20
    independent = statistics.estimate(values, alone(values))
    grouped = statistics.estimate(values, [str(i // 10) for i in range(40)])
    assert grouped.clusters == 4
    assert grouped.high - grouped.low > 1.5 * (independent.high - independent.low)


def test_unanimous_answers_still_have_an_interval() -> None:
    e = statistics.estimate([1.0] * 10, alone([1.0] * 10))
    low = stats.binomtest(10, 10).proportion_ci(method="wilson").low
    assert e.low == pytest.approx(low)
    assert e.high == 1


@pytest.mark.slow
def test_an_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(5)
    covered = 0
    for _ in range(200):
        values = [float(v) for v in random.random(60) < 0.7]
        e = statistics.estimate(values, alone(values))
        covered += e.low <= 0.7 <= e.high
    assert 0.89 <= covered / 200 <= 0.99


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_is_the_exact_binomial_test(wins: int, losses: int) -> None:
    expected = stats.binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    assert statistics.mcnemar(wins, losses) == pytest.approx(expected)


def test_the_sign_flip_test_agrees_with_scipy() -> None:
    deltas = np.random.default_rng(3).normal(0.2, 0.5, 40)
    expected = stats.permutation_test(
        (deltas,), lambda x: x.sum(), permutation_type="samples", n_resamples=20_000, rng=np.random.default_rng(1)
    ).pvalue
    assert statistics.sign_flip(deltas) == pytest.approx(expected, abs=0.01)


def test_a_p_value_is_never_zero() -> None:
    assert statistics.sign_flip(np.ones(100)) == pytest.approx(1 / 10_001)
    assert statistics.sign_flip(np.zeros(5)) == 1


@pytest.mark.slow
def test_chance_alone_is_rarely_called_a_difference() -> None:
    random = np.random.default_rng(11)
    found = 0
    for _ in range(200):
        a, b = random.random(40), random.random(40)
        found += statistics.difference(list(a), list(b), alone(list(a))).p < 0.05
    assert found / 200 <= 0.1


def test_golden_holm() -> None:
    assert statistics.holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})
    assert statistics.holm({"a": 0.9, "b": 0.8}) == {"b": 1.0, "a": 1.0}


@given(st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 1), min_size=1))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p: dict[str, float]) -> None:
    adjusted = statistics.holm(p)
    assert all(adjusted[name] >= p[name] for name in p)
    assert all(adjusted[a] <= adjusted[b] for a in p for b in p if p[a] < p[b])


def test_golden_difference() -> None:
    d = statistics.difference([0.0, 0.0, 1.0, 0.5], [1.0, 1.0, 1.0, 0.25], ["1", "2", "3", "4"])
    assert d.mean == pytest.approx(0.4375)
    assert (d.wins, d.ties, d.losses, d.test) == (2, 1, 1, "sign-flip")
    binary = statistics.difference([0.0] * 6, [1.0] * 6, alone([0.0] * 6))
    assert binary.test == "McNemar"
    assert binary.p == pytest.approx(2 / 64)


def test_swapping_the_runs_swaps_the_sign() -> None:
    a, b = [0.0, 0.2, 0.9, 0.4], [0.5, 0.1, 1.0, 0.9]
    one, other = statistics.difference(a, b, alone(a)), statistics.difference(b, a, alone(a))
    assert one.mean == pytest.approx(-other.mean)
    assert (one.p, one.wins) == (other.p, other.losses)


def test_the_detectable_difference_is_2_8_standard_errors() -> None:
    a = [0.0] * 50
    b = [float(x) for x in np.random.default_rng(2).normal(0, 0.4, 50)]
    d = statistics.difference(a, b, alone(a))
    assert d.detectable == pytest.approx(2.80 * np.std(b, ddof=1) / 50**0.5)
    assert statistics.difference([0.0], [1.0], ["1"]).detectable is None
