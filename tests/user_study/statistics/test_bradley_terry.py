from __future__ import annotations

import math

import numpy as np
import pytest

from tests.user_study.statistics.golden import GOLDEN
from user_study.statistics.bradley_terry import bradley_terry
from user_study.statistics.crossed import Answers, Codes


def answers(value: list[float] | np.ndarray, raters: int = 10, clips: int = 12) -> Answers:
    n = len(value)
    return Answers(np.asarray(value, float), np.arange(n) % raters, np.arange(n) // raters % clips)


def test_equals_choix_without_ties() -> None:
    """choix 0.4.1, opt_pairwise; see make_golden.py."""
    duels = np.array(GOLDEN["duels"])
    found = bradley_terry(duels[:, 0], duels[:, 1], answers(np.ones(len(duels))), 4)
    np.testing.assert_allclose([s.value for s in found.strength], GOLDEN["strengths"], atol=1e-6)


def test_by_hand_two_methods() -> None:
    """30 won, 10 lost: log(3), halved by centring; with 20 ties Davidson's nu is 20 / sqrt(30 * 10)."""
    first, second = np.zeros(60, int), np.ones(60, int)
    plain = bradley_terry(first[:40], second[:40], answers([1.0] * 30 + [0.0] * 10), 2)
    assert plain.strength[0].value == pytest.approx(math.log(3) / 2)
    assert plain.win_rate[0] == pytest.approx(0.75)
    tied = bradley_terry(first, second, answers([1.0] * 30 + [0.0] * 10 + [0.5] * 20), 2)
    assert tied.strength[0].value == pytest.approx(math.log(3) / 2)
    assert tied.nu == pytest.approx(20 / math.sqrt(300))
    assert tied.win_rate[0] == pytest.approx(40 / 60)


def duels(seed: int) -> tuple[Codes, Codes, np.ndarray]:
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 4, 400)
    second = (first + rng.integers(1, 4, 400)) % 4
    gap = np.array([0.6, 0.2, -0.2, -0.6])[first] - np.array([0.6, 0.2, -0.2, -0.6])[second]
    p = np.stack([np.exp(gap / 2), np.full(400, 0.5), np.exp(-gap / 2)])
    u = rng.random(400) * p.sum(axis=0)
    return first, second, np.where(u < p[0], 1.0, np.where(u < p[0] + p[1], 0.5, 0.0))


def test_left_and_right_and_names_do_not_matter() -> None:
    first, second, y = duels(0)
    one = bradley_terry(first, second, answers(y), 4)
    other = bradley_terry(3 - second, 3 - first, answers(1 - y), 4)
    for a, b in zip(one.strength, reversed(other.strength), strict=True):
        assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high), abs=1e-7)
    assert sum(s.value for s in one.strength) == pytest.approx(0.0, abs=1e-9)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Quick version of `benchmarks.evidence.study_recovery`; without any effect of raters they are a little wide."""
    hits = []
    for seed in range(80):
        first, second, y = duels(seed)
        found = bradley_terry(first, second, answers(y, raters=40, clips=40), 4).strength[0]
        hits.append(found.low <= 0.6 <= found.high)
    assert np.mean(hits) >= 0.89


def test_a_method_that_never_loses_has_no_strength_and_the_note_says_so() -> None:
    found = bradley_terry(np.array([0, 0, 1, 2]), np.array([1, 2, 2, 1]), answers([1.0, 1.0, 1.0, 1.0]), 3)
    assert not found.strength[0].known
    assert "1 won all" in found.note
    apart = bradley_terry(np.array([0, 1, 2, 3]), np.array([1, 0, 3, 2]), answers([1.0] * 4), 4)
    assert "do not connect" in apart.note
    assert "nobody answered" in bradley_terry(np.array([], int), np.array([], int), answers([]), 2).note
