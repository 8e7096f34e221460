from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from user_study.statistics.crossed import (
    Answers,
    difference,
    mean,
    nothing,
    proportion,
    relative_gain,
    two_way_variance,
)

FULL = Answers.of([1, 2, 3, 2, 4, 6], ["a"] * 3 + ["b"] * 3, ["x", "y", "z"] * 2)


def study(seed: int, raters: int = 20, clips: int = 24, each: int = 12, sd: float = 0.5) -> Answers:
    rng = np.random.default_rng(seed)
    order = np.concatenate([rng.permutation(clips) for _ in range(-(-raters * each // clips))])[: raters * each]
    rater = np.repeat(np.arange(raters), each)
    value = 3 + rng.normal(0, sd, raters)[rater] + rng.normal(0, 0.4, clips)[order] + rng.normal(0, 0.7, len(rater))
    return Answers(value, rater, order)


def test_by_hand_a_full_table_gives_the_analysis_of_variances_standard_error() -> None:
    """Raters' means 2 and 4 (grand mean 3), clips' 1.5, 3, 4.5; rests +-.5, 0, -+.5.

    V = MS_rater / 6 + MS_clip / 6 - MS_rest / 6 with MS_rater = 6, MS_clip = 4.5, MS_rest = 1 / 2.
    """
    found = mean(FULL)
    assert found.value == 3.0
    assert found.se == pytest.approx(math.sqrt((6.0 + 4.5 - 0.5) / 6))
    assert (found.raters, found.clips, found.n) == (2, 3, 6)


def test_raters_on_the_same_clips_reference_of_cameron_gelbach_miller() -> None:
    """Sparse tables: V = sum of squares by rater + by clip - by answer, each of the first two times k / (k - 1)."""
    a = study(0, raters=10, clips=100, each=10)
    influence = (a.value - a.value.mean()) / len(a)
    by = [sum(influence[code == k].sum() ** 2 for k in np.unique(code)) for code in (a.rater, a.clip)]
    k, j = len(np.unique(a.rater)), len(np.unique(a.clip))
    expected = by[0] * k / (k - 1) + by[1] * j / (j - 1) - (influence**2).sum()
    assert two_way_variance(influence, a.rater, a.clip).variance == pytest.approx(expected)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.1, 10), st.floats(-5, 5))
def test_interval_moves_with_the_scale_and_not_with_the_order(seed: int, scale: float, shift: float) -> None:
    a = study(seed)
    base, moved = mean(a), mean(Answers(a.value * scale + shift, a.rater, a.clip))
    assert moved.low == pytest.approx(base.low * scale + shift)
    assert moved.high == pytest.approx(base.high * scale + shift)
    order = np.random.default_rng(seed).permutation(len(a))
    mixed = mean(Answers(a.value[order], a.rater[order], a.clip[order]))
    assert (mixed.low, mixed.high) == pytest.approx((base.low, base.high))


def test_doubling_every_answer_is_no_new_information() -> None:
    a = study(1)
    twice = Answers(np.tile(a.value, 2), np.tile(a.rater, 2), np.tile(a.clip, 2))
    assert mean(twice).se == pytest.approx(mean(a).se, rel=1e-9)


def test_pairs_cancel_what_raters_and_clips_share() -> None:
    a = study(2, each=24, sd=2.0)
    better = Answers(a.value + 0.5 + np.random.default_rng(0).normal(0, 0.05, len(a)), a.rater, a.clip)
    found = difference(better, a)
    assert found.value == pytest.approx(0.5, abs=0.02)
    assert found.se < 0.02 < mean(a).se


@pytest.mark.parametrize(("raters", "clips", "each"), [(16, 24, 12), (20, 16, 16)])
def test_intervals_cover_as_often_as_they_say(raters: int, clips: int, each: int) -> None:
    """The quick version of `benchmarks.evidence.study_recovery`: 300 studies, three binomial standard errors."""
    hits = [(e := mean(study(s, raters, clips, each))).low <= 3.0 <= e.high for s in range(300)]
    assert abs(np.mean(hits) - 0.95) <= 3 * math.sqrt(0.95 * 0.05 / 300)


def test_the_naive_interval_of_other_kits_would_not_cover() -> None:
    hits = []
    for s in range(200):
        a = study(s)
        half = 1.96 * a.value.std(ddof=1) / math.sqrt(len(a))
        hits.append(abs(a.value.mean() - 3.0) <= half)
    assert np.mean(hits) < 0.75


def test_proportion_stays_within_0_and_1_and_says_when_all_agree() -> None:
    a = study(3)
    rare = Answers((a.value > 4.6).astype(float), a.rater, a.clip)
    found = proportion(rare)
    assert 0 < found.low < found.value < found.high < 1
    none = proportion(Answers(np.zeros(len(a)), a.rater, a.clip))
    assert (none.value, none.low) == (0.0, 0.0)
    assert none.high == pytest.approx(1 - 0.025 ** (1 / 20))
    assert "20 independent answers" in none.note


def test_too_little_says_so_and_is_never_a_silent_nan() -> None:
    one = mean(Answers.of([3, 4], ["a", "a"], ["x", "y"]))
    assert one.value == 3.5
    assert not one.bounded
    assert "1 rater" in one.note
    assert "1 clip;" in mean(Answers.of([3, 4], ["a", "b"], ["x", "x"])).note
    assert "few: 2 raters and 3 clips" in mean(FULL).note
    assert "no width" in mean(Answers.of([3, 3, 3, 3], ["a", "a", "b", "b"], ["x", "y"] * 2)).note
    assert mean(Answers.of([], [], [])).note == "nobody answered"
    assert not nothing("why").known


def test_relative_gain_is_the_ratio_less_one() -> None:
    a = study(4)
    found = relative_gain(Answers(a.value * 1.5, a.rater, a.clip), a)
    assert found.value == pytest.approx(0.5)
    assert found.se == pytest.approx(0.0, abs=1e-9)
    assert "ratio" in relative_gain(a, Answers(np.zeros(len(a)), a.rater, a.clip)).note


def test_values_must_be_finite() -> None:
    with pytest.raises(ValueError, match="finite"):
        Answers.of([1.0, math.nan], ["a", "b"], ["x", "y"])
