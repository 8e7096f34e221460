from __future__ import annotations

import numpy as np
import pytest

from tests.user_study.statistics.golden import GOLDEN, ratings
from user_study.statistics.crossed import Answers
from user_study.statistics.rater_model import fit, stimulus_shares


@pytest.mark.parametrize(("name", "gaps"), [("annex_e", False), ("annex_e_missing", True)])
def test_equals_sureal(name: str, gaps: bool) -> None:
    """sureal 0.9.0, SubjectMLEModelProjectionSolver; see make_golden.py."""
    found, golden = fit(ratings(gaps), shrink=0.0), GOLDEN[name]
    assert found.converged
    shift = np.mean(golden["bias"])  # with gaps sureal leaves the free constant where it happens to end
    np.testing.assert_allclose(found.quality, golden["quality"] + shift, atol=1e-6)
    np.testing.assert_allclose(found.bias, golden["bias"] - shift, atol=1e-6)
    np.testing.assert_allclose(found.inconsistency, golden["inconsistency"], atol=1e-6)


def test_by_hand_a_rater_a_point_higher() -> None:
    """Two raters who agree but for one point: biases +-1/2, qualities the means, both as consistent."""
    found = fit(Answers.of([1, 2, 4, 2, 3, 5], ["a"] * 3 + ["b"] * 3, ["x", "y", "z"] * 2))
    np.testing.assert_allclose(found.bias, [-0.5, 0.5])
    np.testing.assert_allclose(found.quality, [1.5, 2.5, 4.5])


def test_shifting_a_rater_shifts_the_bias_alone() -> None:
    a = ratings(gaps=False)
    moved = Answers(a.value + 0.7 * (a.rater == 3), a.rater, a.clip)
    before, after = fit(a), fit(moved)
    np.testing.assert_allclose(after.inconsistency, before.inconsistency, atol=1e-7)
    np.testing.assert_allclose(after.bias - before.bias, 0.7 * (np.arange(12) == 3) - 0.7 / 12, atol=1e-6)


def test_the_clicker_is_the_least_consistent() -> None:
    assert fit(ratings(gaps=True)).inconsistency.argmax() == 4


def crowd(seed: int, raters: int, clips: int, each: int) -> tuple[Answers, np.ndarray]:
    rng = np.random.default_rng(seed)
    quality, bias = rng.uniform(1.5, 4.5, clips), rng.normal(0, 0.4, raters)
    own = rng.uniform(0.4, 0.9, raters)
    order = np.concatenate([rng.permutation(clips) for _ in range(-(-raters * each // clips))])[: raters * each]
    rater = np.repeat(np.arange(raters), each)
    seen = np.clip(np.round(quality[order] + bias[rater] + own[rater] * rng.normal(size=len(rater))), 1, 5)
    clicker = rater < round(0.1 * raters)
    return Answers(np.where(clicker, rng.integers(1, 6, len(rater)), seen).astype(float), rater, order), quality


@pytest.mark.parametrize(("raters", "clips", "each"), [(30, 60, 40), (30, 256, 40)])
def test_error_is_15_percent_below_plain_mos_with_10_percent_clickers(raters: int, clips: int, each: int) -> None:
    plain, model = [], []
    for seed in range(12):
        a, quality = crowd(seed, raters, clips, each)
        mos = np.bincount(a.clip, a.value, clips) / np.bincount(a.clip, minlength=clips)
        plain.append(np.sqrt(np.mean((mos - quality) ** 2)))
        model.append(np.sqrt(np.mean((fit(a).quality - quality) ** 2)))
    assert np.mean(model) <= 0.85 * np.mean(plain)


def test_without_shrinking_a_sparse_study_hangs_and_says_so() -> None:
    a, _ = crowd(0, 30, 256, 40)
    assert "fit exactly" in fit(a, shrink=0.0).note
    assert fit(a).note == ""
    assert fit(a).converged


def test_shares_give_every_stimulus_the_same_weight() -> None:
    share = stimulus_shares(np.array([1.0, 3.0, 5.0]), np.array([0, 0, 1]))
    np.testing.assert_allclose(share, [0.125, 0.375, 0.5])


def test_nobody_answered() -> None:
    assert fit(Answers.of([], [], [])).note == "nobody answered"
