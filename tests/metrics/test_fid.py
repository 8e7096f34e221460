from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from metrics.features.clip import Array, Floats
from metrics.fid import (
    FeatureSet,
    fid,
    frechet_from_features,
    frechet_from_moments,
    jackknife_interval,
)
from metrics.registry import SetInputs
from metrics.results import ClipReading


def _features(seed: int, n: int, dims: int) -> Array:
    rng = np.random.default_rng(seed)
    return np.asarray(rng.standard_normal((n, dims)) @ rng.standard_normal((dims, dims)) + seed * 0.1)


def test_by_hand() -> None:
    a, b = np.array([[0.0], [2.0]]), np.array([[3.0], [11.0]])
    # means 1 and 7, sample deviations sqrt(2) and sqrt(32): 36 + (sqrt(2) - sqrt(32))^2 = 36 + 18
    assert frechet_from_features(a, b) == pytest.approx(54.0, abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 100))
def test_equals_scipy_sqrtm(seed: int) -> None:
    a, b = _features(seed, 60, 6), _features(seed + 1, 50, 6)
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    gap = a.mean(0) - b.mean(0)
    expected = gap @ gap + np.trace(cov_a + cov_b - 2 * np.real(sqrtm(cov_a @ cov_b)))
    assert frechet_from_features(a, b) == pytest.approx(expected, rel=1e-9)
    assert frechet_from_moments(a.mean(0), cov_a, b.mean(0), cov_b) == pytest.approx(expected, rel=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 100), st.sampled_from([4, 40]))
def test_order_rotation_and_sides_change_nothing(seed: int, n: int) -> None:
    a, b = _features(seed, n, 8), _features(seed + 1, n + 3, 8)
    value = frechet_from_features(a, b)
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.standard_normal((8, 8)))[0]
    assert frechet_from_features(rng.permutation(a), b) == pytest.approx(value, rel=1e-8)
    assert frechet_from_features(a @ rotation, b @ rotation) == pytest.approx(value, rel=1e-8)
    assert frechet_from_features(b, a) == pytest.approx(value, rel=1e-8)
    assert frechet_from_features(a, a) == pytest.approx(0.0, abs=1e-8 * float((a**2).sum()))


def test_too_few_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 frames"):
        frechet_from_features(np.zeros((1, 3)), np.zeros((5, 3)))


def test_jackknife_by_hand() -> None:
    low, high = jackknife_interval(5.0, [4.0, 5.0, 6.0])
    # standard error sqrt(2/3 * 2), t with 2 degrees of freedom 4.3027
    half = 4.302652729911275 * np.sqrt(4 / 3)
    assert low == pytest.approx(max(5 - half, 0))
    assert high == pytest.approx(5 + half)
    assert np.isnan(jackknife_interval(5.0, [4.0, 6.0])).all()


def _set(seed: int, clips: int) -> FeatureSet:
    arrays: list[Floats] = [_features(seed + i, 12, 4).astype(np.float32) for i in range(clips)]
    return FeatureSet(tuple(arrays), tuple(f"id{i % 4}" for i in range(clips)))


def _without(data: FeatureSet, identity: str) -> Array:
    kept = [clip for clip, name in zip(data.clips, data.identities, strict=True) if name != identity]
    return np.concatenate(kept).astype(np.float64)


def test_metric_counts_missing_clips() -> None:
    expected = tuple(ClipReading("m", "neutral", str(i), f"id{i % 4}", "happy", 3) for i in range(10))
    found = fid(SetInputs("m", "neutral", expected, _set(3, 8), _set(5, 10), expected))
    assert found is not None
    assert found.value == pytest.approx(frechet_from_features(_set(3, 8).all(), _set(5, 10).all()))
    assert (found.n_scored, found.n_expected) == (8, 10)
    left_out = [
        frechet_from_features(_without(_set(3, 8), f"id{i}"), _without(_set(5, 10), f"id{i}")) for i in range(4)
    ]
    assert (found.ci_low, found.ci_high) == pytest.approx(jackknife_interval(found.value or 0, left_out), rel=1e-9)
    nothing = fid(SetInputs("m", "neutral", expected, None, _set(5, 10), expected))
    assert nothing is not None
    assert np.isnan(nothing.value or 0)
    assert (nothing.n_expected, nothing.note) == (10, "no features were computed")


def test_golden(shared_dir: Path) -> None:
    golden = json.loads((shared_dir / "reference/fid/golden.json").read_text())
    features = np.load(shared_dir / "reference/fid/features.npz")
    found = frechet_from_features(features["set1_64x2048"], features["set2_64x2048"])
    assert found == pytest.approx(golden["fid64"]["fid_gram_float64"], rel=1e-5)
    gaussians = np.load(shared_dir / "reference/fid/gaussians.npz")
    for name in ("d4", "d16", "d64", "sing"):
        moments = [gaussians[f"{name}_{key}"] for key in ("mu1", "s1", "mu2", "s2")]
        expected = golden["gaussian_frechet"].get(f"{name}_analytic", golden["gaussian_frechet"][name])
        assert frechet_from_moments(*moments) == pytest.approx(expected, rel=1e-8)
