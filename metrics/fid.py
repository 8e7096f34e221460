"""Frechet distance between the image features of generated and reference frames.

Exact also with fewer frames than dimensions: with A, B the centred features over sqrt(n - 1),
tr sqrt(S_A S_B) is the nuclear norm of A B^T, and a QR factor R of A stands for A. No matrix square root is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.features.clip import Array, Floats
from metrics.registry import MetricSpec, SetInputs, SetResult, set_metric

Features = NDArray[np.floating]


@dataclass(frozen=True)
class FeatureSet:
    """Features of many clips, each (T, D), with the identity it shows."""

    clips: tuple[Floats, ...]
    identities: tuple[str, ...]

    def all(self) -> Array:
        """(N, D) of all clips."""
        return stack(self.clips)


class _Moments:
    """Sums per identity, from which the moments of all others cost no second look at the frames."""

    def __init__(self, data: FeatureSet) -> None:
        # Taken from the common mean, so that subtracting sums does not cancel.
        self._origin = data.all().mean(axis=0)
        self._parts: dict[str, tuple[int, Array, Array]] = {}
        for clip, name in zip(data.clips, data.identities, strict=True):
            moved = clip.astype(np.float64) - self._origin
            part = (len(moved), moved.sum(axis=0), moved.T @ moved)
            n, total, squares = self._parts.get(name, (0, 0.0, 0.0))
            self._parts[name] = (n + part[0], total + part[1], squares + part[2])

    def without(self, identity: str) -> tuple[Array, Array]:
        """Mean (D,) and sample covariance (D, D) of all other identities."""
        kept = [part for name, part in self._parts.items() if name != identity]
        n = sum(part[0] for part in kept)
        mean = np.sum([part[1] for part in kept], axis=0) / n
        squares = np.sum([part[2] for part in kept], axis=0)
        return mean + self._origin, (squares - n * np.outer(mean, mean)) / (n - 1)


def stack(clips: Sequence[Features]) -> Array:
    """(N, D) float64 of clips (T, D)."""
    return np.concatenate([np.asarray(clip, np.float64) for clip in clips])


def _factor(features: Array, mean: Array) -> Array:
    """R with R^T R = covariance (sample) of (N, D) features; min(N, D) rows."""
    centred = (features - mean) / np.sqrt(len(features) - 1)
    return np.asarray(np.linalg.qr(centred, mode="r"), np.float64)


def _nuclear_norm(matrix: Array) -> float:
    return float(np.linalg.svd(matrix, compute_uv=False).sum())


def frechet_from_features(first: Features, second: Features) -> float:
    """Squared Frechet distance of the Gaussians fitted to (N, D) and (M, D) features, float64; never below 0.

    Equals pytorch-fid where its matrix square root converges. Raises ValueError with fewer than 2 rows.
    """
    if min(len(first), len(second)) < 2:
        raise ValueError("the Frechet distance needs at least 2 frames on each side")
    a, b = first.astype(np.float64), second.astype(np.float64)
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    root_a, root_b = _factor(a, mean_a), _factor(b, mean_b)
    gap = mean_a - mean_b
    trace = float((root_a**2).sum() + (root_b**2).sum())
    return max(float(gap @ gap) + trace - 2.0 * _nuclear_norm(root_a @ root_b.T), 0.0)


def frechet_from_moments(mean_a: Array, cov_a: Array, mean_b: Array, cov_b: Array) -> float:
    """Squared Frechet distance of two Gaussians with means (D,) and covariances (D, D), also singular ones."""

    def root(covariance: Array) -> Array:
        values, vectors = np.linalg.eigh(covariance)
        return np.asarray(np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T, np.float64)

    gap = mean_a - mean_b
    trace = float(np.trace(cov_a) + np.trace(cov_b))
    return max(float(gap @ gap) + trace - 2.0 * _nuclear_norm(root(cov_a) @ root(cov_b).T), 0.0)


def jackknife_interval(value: float, left_out: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """Interval of a statistic from its values with one cluster left out each: value -+ t * standard error.

    A bootstrap repeats clusters, which shrinks covariances and biases a Frechet distance upwards; leaving out does not.
    nan with fewer than 3 clusters; the lower end is not below 0.
    """
    k = len(left_out)
    if k < 3:
        return float("nan"), float("nan")
    from scipy.stats import t

    values = np.asarray(left_out, np.float64)
    error = float(np.sqrt((k - 1) / k * ((values - values.mean()) ** 2).sum()))
    half = float(t.ppf(0.5 + confidence / 2, k - 1)) * error
    return max(value - half, 0.0), value + half


@set_metric(
    MetricSpec(
        name="fid",
        title="FID",
        unit="",
        higher_is_better=False,
        bounds=(0.0, float("inf")),
        needs=("features",),
        source="pytorch-fid's distance (exact by nuclear norm) on the named features",
        parts=(("frames", "all"), ("pool", "frames")),
        group="Image",
        help="Distance between the distributions of generated and true frames.",
        # Not noise: features that were trained under noise, as the bundled ones were, are blind to little of it.
        sees=("blur",),
    )
)
def fid(inputs: SetInputs) -> SetResult | None:
    """FID of one method on one track against the reference clips of the suite, with a jackknife over identities."""
    n_expected = len(inputs.expected)
    if inputs.generated is None or inputs.reference is None or not inputs.generated.clips:
        return SetResult(float("nan"), n_expected=n_expected, note="no features were computed")
    generated, reference = inputs.generated, inputs.reference
    n = len(generated.clips)
    if min(len(generated.all()), len(reference.all())) < 2:
        return SetResult(float("nan"), n_expected=n_expected, note="fewer than 2 frames")
    value = frechet_from_features(generated.all(), reference.all())
    low, high = float("nan"), float("nan")
    names = sorted(set(generated.identities) & set(reference.identities))
    if len(names) >= 3:
        ours, theirs = _Moments(generated), _Moments(reference)
        parts = [frechet_from_moments(*ours.without(name), *theirs.without(name)) for name in names]
        low, high = jackknife_interval(value, parts)
    frames = sum(map(len, generated.clips))
    dims = generated.clips[0].shape[1]
    note = f"interval: jackknife over {len(names)} identities"
    if frames < dims:
        note += f"; {frames} frames for {dims} dimensions: biased upwards"
    return SetResult(value, low, high, n, n_expected, note)
