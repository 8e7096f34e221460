from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import pearsonr

from metrics.features.clip import ClipFeatures, Measured
from metrics.intensity import (
    ccc,
    intensity_ccc,
    intensity_pcc,
    intensity_rmse,
    intensity_sagr,
    pcc,
    rmse,
    sagr,
)
from metrics.registry import NotApplicable, Remarked, Unmeasurable

Series = NDArray[np.float64]


def _series(seed: int, n: int = 30) -> Series:
    return np.asarray(np.random.default_rng(seed).uniform(0.1, 0.9, n))


def test_by_hand() -> None:
    x, y = np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.0, 4.0])
    assert pcc(x, y) == pytest.approx(1.0)
    # covariance 2/3, variances 2/3 each, squared gap of means 1: (4/3) / (7/3)
    assert ccc(x, y) == pytest.approx(4 / 7)
    assert pcc(x, -y) == pytest.approx(-1.0)


def test_constants() -> None:
    flat = np.full(5, 0.4)
    assert np.isnan(pcc(flat, _series(1, 5)))
    assert ccc(flat, _series(1, 5)) == pytest.approx(0.0, abs=1e-15)
    assert np.isnan(ccc(flat, flat))


@given(st.integers(0, 1000), st.floats(0.1, 10), st.floats(-5, 5))
def test_independent_reference_and_invariance(seed: int, scale: float, shift: float) -> None:
    x, y = _series(seed), _series(seed + 1)
    assert pcc(x, y) == pytest.approx(float(pearsonr(x, y).statistic), abs=1e-12)
    assert pcc(x * scale + shift, y) == pytest.approx(pcc(x, y), abs=1e-9)
    assert ccc(x * scale + shift, y * scale + shift) == pytest.approx(ccc(x, y), abs=1e-9)
    assert abs(ccc(x, y)) <= abs(pcc(x, y)) + 1e-12
    assert ccc(x, y) == pytest.approx(ccc(y, x), abs=1e-15)


def _clip(intensity: Series) -> ClipFeatures:
    affect = np.stack([intensity * 0.6, intensity * -0.8], axis=1).astype(np.float32)
    return ClipFeatures("k", len(intensity), 96, 96, 25.0, True, affect=affect)


def test_against_exact_truth_and_against_pseudo_labels() -> None:
    generated, reference, truth = _series(1), _series(2), _series(3)
    exact = Measured(_clip(generated), _clip(reference), truth_intensity=truth)
    assert intensity_pcc(exact) == pytest.approx(float(np.corrcoef(generated, truth)[0, 1]), abs=1e-6)
    pseudo = Measured(_clip(generated), _clip(reference))
    assert intensity_ccc(pseudo) == pytest.approx(ccc(generated, reference), abs=1e-6)


def test_flat_truth_is_out_of_scope_and_flat_result_counts_as_zero() -> None:
    flat = np.full(30, 0.5)
    with pytest.raises(NotApplicable, match=r"hardly moves \(std 0.0000"):
        intensity_pcc(Measured(_clip(_series(1)), truth_intensity=flat))
    outcome = intensity_pcc(Measured(_clip(flat), truth_intensity=_series(1)))
    assert outcome == Remarked(0.0, "generated intensity is constant: counted as 0")
    assert intensity_ccc(Measured(_clip(flat), truth_intensity=_series(1))) == outcome
    assert intensity_rmse(Measured(_clip(flat), truth_intensity=flat)) == pytest.approx(0.0, abs=1e-7)


def test_lost_frames_are_masked_on_both_sides() -> None:
    generated, truth = _series(1), _series(2)
    generated[4] = np.nan
    keep = np.arange(30) != 4
    found = intensity_pcc(Measured(_clip(generated), truth_intensity=truth))
    assert isinstance(found, Remarked)
    assert found.value == pytest.approx(pcc(generated[keep], truth[keep]), abs=1e-6)
    assert found.remark == "face lost in 1 of 30 frames"
    generated[2:] = np.nan
    with pytest.raises(Unmeasurable, match="only 2 frames"):
        intensity_pcc(Measured(_clip(generated), truth_intensity=truth))


def test_sagr_and_rmse_by_hand() -> None:
    predicted, truth = np.array([0.2, -0.1, 0.0, 0.4]), np.array([0.1, 0.3, 0.0, 0.8])
    assert sagr(predicted, truth) == 0.75  # 0 agrees with 0 alone
    assert rmse(predicted, truth) == pytest.approx(np.sqrt((0.01 + 0.16 + 0 + 0.16) / 4))
    assert np.isnan([sagr(truth[:0], truth[:0]), rmse(truth[:0], truth[:0])]).all()
    assert intensity_sagr(Measured(_clip(_series(1)), truth_intensity=_series(2))) == 1.0


def test_truth_that_is_not_a_number_is_named() -> None:
    truth = _series(2)
    truth[3] = np.nan
    with pytest.raises(Unmeasurable, match="truth: intensity holds a number that is not finite"):
        intensity_rmse(Measured(_clip(_series(1)), truth_intensity=truth))


def test_golden(shared_dir: Path) -> None:
    golden = json.loads((shared_dir / "reference/intensity/golden.json").read_text())["series"]
    arrays = np.load(shared_dir / "reference/intensity/series.npz")
    checked = 0
    for name, quantities in golden.items():
        for quantity, expected in quantities.items():
            key = f"{name}_{quantity}"
            if f"{key}_gt" not in arrays.files:
                continue
            truth, predicted = arrays[f"{key}_gt"], arrays[f"{key}_pred"]
            for found, value in ((pcc(predicted, truth), expected["pcc_numpy"]),
                                 (ccc(predicted, truth), expected["ccc_formula_ddof0"]),
                                 (sagr(predicted, truth), expected["sagr_emonet"]),
                                 (rmse(predicted, truth), expected["rmse_emonet"])):  # fmt: skip
                if isinstance(value, float) and np.isfinite(value):
                    assert found == pytest.approx(value, abs=1e-9)
                    checked += 1
    assert checked >= 24
