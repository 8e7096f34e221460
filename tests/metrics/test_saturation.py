from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.features.clip import Array, ClipFeatures, Measured
from metrics.registry import NotApplicable, get_metric
from metrics.saturation import intensity_range, range_ratio, saturation_index, spread_ratio


def test_by_hand() -> None:
    truth = np.array([0.2, 0.4, 0.6])
    assert spread_ratio(np.array([0.5, 0.55, 0.6]), truth) == pytest.approx(0.25)
    assert range_ratio(np.array([0.5, 0.5, 0.6]), truth) == pytest.approx(0.25)


@given(st.integers(0, 500), st.floats(0, 3), st.floats(-0.5, 0.5))
def test_measures_gain_and_not_level(seed: int, gain: float, level: float) -> None:
    truth = np.random.default_rng(seed).uniform(0, 1, 20)
    for ratio in (spread_ratio, range_ratio):
        assert ratio(truth * gain + level, truth) == pytest.approx(gain, abs=1e-9)


def _clip(intensity: Array) -> ClipFeatures:
    affect = np.stack([intensity, np.zeros_like(intensity)], axis=1).astype(np.float32)
    return ClipFeatures("k", len(intensity), 96, 96, 25.0, True, affect=affect)


def test_reads_both_sides_by_the_evaluator_and_leaves_flat_truth_out() -> None:
    truth = np.linspace(0.1, 0.7, 25)
    exact = np.linspace(0, 1, 25)  # not what the ratio is taken against
    measured = Measured(_clip(truth * 0.5 + 0.3), _clip(truth), truth_intensity=exact)
    assert saturation_index(measured) == pytest.approx(0.5, abs=1e-5)
    assert intensity_range(measured) == pytest.approx(0.5, abs=1e-5)
    flat = np.full(25, 0.4)
    with pytest.raises(NotApplicable):
        saturation_index(Measured(_clip(truth), _clip(flat)))
    # The evaluator sees movement in the reference where the truth has none: out of scope.
    with pytest.raises(NotApplicable, match=r"std 0\.0000"):
        saturation_index(Measured(_clip(truth), _clip(truth), truth_intensity=flat))


def test_is_a_median_with_a_target() -> None:
    spec = get_metric("saturation_index").spec
    assert (spec.pooling, spec.target, spec.higher_is_better) == ("median", 1.0, None)
