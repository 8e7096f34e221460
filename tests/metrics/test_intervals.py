from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, t, ttest_1samp

from metrics.intervals import Clustered, robust_error, student, studentized, wilson, woodruff


def _data(seed: int, k: int = 8, per: int = 5, *, binary: bool = False) -> Clustered:
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, (k, 1)) + rng.normal(0, 1, (k, per))
    if binary:
        values = (values > 0.3).astype(np.float64)
    return Clustered.of([float(v) for v in values.ravel()], [f"id{i}" for i in range(k) for _ in range(per)])


def test_error_of_a_mean_by_hand() -> None:
    # Clusters (0, 2) and (4): mean 2, residuals 2 - 4 = -2 and 4 - 2 = 2, root of 2/1 * 8 over 3 values.
    mean, error = robust_error(np.array([2.0, 4.0]), np.array([2.0, 1.0]))
    assert mean == 2.0
    assert error == pytest.approx(4 / 3)


def test_few_clusters_get_students_t() -> None:
    data = _data(1, k=4, per=1)
    low, high = studentized(data, 0.95, 500, 0)
    mean, error = data.values.mean(), data.values.std(ddof=1) / 2
    assert (low, high) == pytest.approx((mean - t.ppf(0.975, 3) * error, mean + t.ppf(0.975, 3) * error))


def test_students_t_by_hand_and_by_scipy() -> None:
    # Means 1, 2, 6 of three identities with two clips each: mean 3, error root(7 / 3), t of 2 degrees 4.303.
    data = Clustered.of([0.0, 2.0, 2.0, 2.0, 5.0, 7.0], ["a", "a", "b", "b", "c", "c"])
    assert student(data, 0.95) == pytest.approx((3 - 4.3027 * 1.5275, 3 + 4.3027 * 1.5275), abs=1e-3)
    alone = _data(3, k=9, per=1)
    found = ttest_1samp(alone.values, 0.0).confidence_interval(0.9)
    assert student(alone, 0.9) == pytest.approx((found.low, found.high))
    assert student(Clustered.of([2.0, 2.0], ["a", "b"]), 0.95) == (2.0, 2.0)


@given(st.integers(0, 300), st.integers(6, 12))
def test_students_t_stays_bounded_where_one_clip_alone_differs(seed: int, k: int) -> None:
    """The interval's worst case for values up to 1 is one cluster's mean of 1: (1 + t) / k."""
    values = 1e-6 * np.random.default_rng(seed).normal(size=4 * k)
    values[0] = 1.0
    data = Clustered.of([float(v) for v in values], [f"id{i // 4}" for i in range(4 * k)])
    low, high = student(data, 0.95)
    assert max(-low, high) < (1 + t.ppf(0.975, k - 1)) / (4 * k) + 1e-4
    low, high = studentized(data, 0.95, 500, 0)
    assert high - low > 1.0  # which is why the gate does not use it


def test_bootstrap_t_by_a_loop() -> None:
    data = _data(2, k=8)
    low, high = studentized(data, 0.9, 300, 7)
    groups = [data.values[data.cluster == k] for k in range(8)]
    weights = np.random.default_rng(7).multinomial(8, np.full(8, 1 / 8), size=300)
    scores = []
    for row in weights:
        drawn = [group for count, group in zip(row, groups, strict=True) for group in [group] * int(count)]
        mean, error = robust_error(np.array([g.sum() for g in drawn]), np.array([float(len(g)) for g in drawn]))
        scores.append(abs(mean - data.values.mean()) / error)
    error = robust_error(data.sums, data.counts)[1]
    assert high - low == pytest.approx(2 * float(np.quantile(scores, 0.9)) * error)
    assert (high + low) / 2 == pytest.approx(data.values.mean())


def test_equal_values_have_no_width() -> None:
    data = Clustered.of([2.0] * 16, [str(i // 2) for i in range(16)])
    assert studentized(data, 0.95, 100, 0) == (2.0, 2.0)
    assert woodruff(data, 0.95) == (2.0, 2.0)


def test_wilson_of_independent_clips_is_wilsons() -> None:
    # 2000 clusters of one clip: design effect 1 and t as good as normal, so the textbook formula must come out.
    values = [1.0] * 600 + [0.0] * 1400
    low, high = wilson(Clustered.of(values, [str(i) for i in range(2000)]), 0.95)
    z, n, p = float(norm.ppf(0.975)), 2000, 0.3
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert (low, high) == pytest.approx((middle - half, middle + half), rel=2e-3)


def test_a_proportion_of_none_or_all_still_has_an_interval() -> None:
    names = [str(i // 8) for i in range(64)]
    low, high = wilson(Clustered.of([0.0] * 64, names), 0.95)
    assert low == 0.0
    assert 0.05 < high < 0.15
    mirrored = wilson(Clustered.of([1.0] * 64, names), 0.95)
    assert mirrored == pytest.approx((1 - high, 1.0))
    with pytest.raises(ValueError, match="zeros and ones"):
        wilson(Clustered.of([0.5, 1.0], ["a", "b"]), 0.95)


def test_woodruff_of_independent_clips_is_the_order_statistic() -> None:
    values = [float(v) for v in range(1001)]
    low, high = woodruff(Clustered.of(values, [str(i) for i in range(1001)]), 0.95)
    half = 1.96 * np.sqrt(0.25 / 1001)  # of the share below
    assert (low, high) == pytest.approx((1000 * (0.5 - half), 1000 * (0.5 + half)), abs=1.0)


@given(st.integers(0, 500))
def test_swapping_zeros_and_ones_mirrors_wilson(seed: int) -> None:
    data = _data(seed, binary=True)
    low, high = wilson(data, 0.95)
    assert 0 <= low <= data.values.mean() <= high <= 1
    other = Clustered(1.0 - data.values, data.cluster, data.n_clusters)
    assert wilson(other, 0.95) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@given(st.integers(0, 500), st.floats(0.1, 10), st.floats(-5, 5))
def test_affine_maps_carry_over(seed: int, scale: float, shift: float) -> None:
    data = _data(seed)
    moved = Clustered(scale * data.values + shift, data.cluster, data.n_clusters)
    for first, second in ((studentized(data, 0.95, 200, 3), studentized(moved, 0.95, 200, 3)),
                          (woodruff(data, 0.95), woodruff(moved, 0.95))):  # fmt: skip
        assert second == pytest.approx((scale * first[0] + shift, scale * first[1] + shift), rel=1e-7, abs=1e-7)
