"""Confidence intervals for few clusters: symmetric bootstrap-t, Wilson with a design effect, Woodruff; and percentiles.

With 8 to 24 identities the plain percentile bootstrap covers too seldom (about 90 % at nominal 95 % with 8), and an
i.i.d. one far too seldom. Each kind of pooled value therefore has an interval whose coverage was simulated
(`python -m benchmarks.evidence.bootstrap_coverage`):

mean        symmetric bootstrap-t (Hall 1988; Cameron, Gelbach & Miller 2008): the distribution of |mean* - mean| / se*
            over resamples of whole clusters scales the cluster-robust standard error of a ratio (sum / count)
proportion  Wilson's score interval on the effective number of clips n / deff, as in surveys (Korn & Graubard 1998;
            Dean & Pagano 2015), with Student's t for the estimated design effect
median      Woodruff (1952): an interval of the share of values below, read off the sorted values

Differences of two runs of the same thing have an interval of their own (`student`). Often only one clip of many
differs: then most resamples have hardly any standard error, and a bootstrap-t interval grows beyond all bounds about a
difference of nearly nothing. How often Student's t holds the truth there stands in `docs/evidence/gate.json`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Statistic = Literal["mean", "median", "proportion"]

FEW = 6
"""Below this many clusters resampled standard errors are erratic: Student's t with k - 1 degrees takes their place."""
LEAST_DEFF = 0.5
"""Smallest design effect believed: with few clusters a smaller one is luck."""
_BLOCK = 256


@dataclass(frozen=True)
class Clustered:
    """Values sorted for fast re-weighting: `cluster[i]` is the index of the cluster of `values[i]`."""

    values: Array
    cluster: NDArray[np.int64]
    n_clusters: int

    @classmethod
    def of(cls, values: Sequence[float] | Array, clusters: Sequence[str]) -> Clustered:
        """Raises ValueError unless there are as many finite values as names of clusters."""
        array = np.asarray(values, np.float64)
        if array.ndim != 1 or len(array) != len(clusters):
            raise ValueError(f"{array.shape} values do not go with {len(clusters)} clusters")
        if not np.isfinite(array).all():
            raise ValueError("values must be finite; leave out and count what was not scored")
        names, index = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
        order = np.lexsort((index, array))
        return cls(array[order], index[order].astype(np.int64), len(names))

    @property
    def sums(self) -> Array:
        """(K,) sum of each cluster's values."""
        return np.asarray(np.bincount(self.cluster, self.values, self.n_clusters), np.float64)

    @property
    def counts(self) -> Array:
        """(K,) how many values each cluster has."""
        return np.bincount(self.cluster, minlength=self.n_clusters).astype(np.float64)

    def statistic(self, weights: Array, statistic: Statistic) -> Array:
        """(B,) weighted statistics for (B, K) whole-number cluster weights."""
        return self._medians(weights) if statistic == "median" else self._means(weights)

    def _means(self, weights: Array) -> Array:
        return np.asarray((weights @ self.sums) / (weights @ self.counts), np.float64)

    def _medians(self, weights: Array) -> Array:
        out = np.empty(len(weights))
        for start in range(0, len(weights), _BLOCK):
            # How often each sorted value occurs in the resample; the median is read off the running count.
            running = np.cumsum(weights[start : start + _BLOCK][:, self.cluster], axis=1)
            total = running[:, -1:]
            lower = (running >= np.floor((total + 1) / 2)).argmax(axis=1)
            upper = (running >= np.floor((total + 2) / 2)).argmax(axis=1)
            out[start : start + _BLOCK] = (self.values[lower] + self.values[upper]) / 2
        return out


@cache
def draw_weights(k: int, resamples: int, seed: int) -> Array:
    """(B, K) how often each of k clusters is drawn in each resample. Kept, because every cell of a table asks alike."""
    drawn = np.random.default_rng(seed).multinomial(k, np.full(k, 1.0 / k), size=resamples).astype(np.float64)
    drawn.setflags(write=False)
    return drawn


def robust_error(sums: Array, counts: Array) -> tuple[float, float]:
    """Mean of all values and its cluster-robust standard error, from (K,) sums and counts per cluster."""
    k, total = len(sums), float(counts.sum())
    mean = float(sums.sum()) / total
    residuals = sums - mean * counts
    return mean, float(np.sqrt(k / (k - 1) * (residuals @ residuals))) / total


def student(data: Clustered, confidence: float) -> tuple[float, float]:
    """Student's t interval of the mean with its cluster-robust standard error, k - 1 degrees for k clusters."""
    from scipy.stats import t

    mean, error = robust_error(data.sums, data.counts)
    # Rounding of equal values is no spread.
    if error <= 1e-12 * max(1.0, abs(mean)):
        return mean, mean
    half = float(t.ppf(0.5 + confidence / 2, data.n_clusters - 1)) * error
    return mean - half, mean + half


def studentized(data: Clustered, confidence: float, resamples: int, seed: int) -> tuple[float, float]:
    """Symmetric bootstrap-t interval of the mean; Student's t with fewer than 6 clusters."""
    sums, counts, k = data.sums, data.counts, data.n_clusters
    mean, error = robust_error(sums, counts)
    low, high = student(data, confidence)
    if low < high and k >= FEW:
        weights = draw_weights(k, resamples, seed)
        size = weights @ counts
        means = (weights @ sums) / size
        residuals = sums[None, :] - means[:, None] * counts[None, :]
        errors = np.sqrt(k / (k - 1) * (weights * residuals**2).sum(axis=1)) / size
        usable = errors > 1e-9 * error
        if usable.mean() > 0.9:
            half = float(np.quantile(np.abs(means - mean)[usable] / errors[usable], confidence)) * error
            return mean - half, mean + half
    return low, high


def wilson(data: Clustered, confidence: float) -> tuple[float, float]:
    """Wilson interval of the mean of zeros and ones on the effective number of clips. Raises ValueError for others."""
    from scipy.stats import norm, t

    if not np.isin(data.values, (0.0, 1.0)).all():
        raise ValueError("a proportion is of zeros and ones")
    share, error = robust_error(data.sums, data.counts)
    n, z = float(data.counts.sum()), float(norm.ppf(0.5 + confidence / 2))
    simple = share * (1.0 - share) / n
    deff = max(error**2 / simple, LEAST_DEFF) if simple > 0 else 1.0
    n /= deff * (float(t.ppf(0.5 + confidence / 2, data.n_clusters - 1)) / z) ** 2
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def woodruff(data: Clustered, confidence: float) -> tuple[float, float]:
    """Interval of the median: the values at the ends of the interval of the share that lies below the median."""
    from scipy.stats import t

    k, counts = data.n_clusters, data.counts
    middle = float(np.median(data.values))
    below = (data.values < middle) + 0.5 * (data.values == middle)
    _, error = robust_error(np.asarray(np.bincount(data.cluster, below, k), np.float64), counts)
    half = float(t.ppf(0.5 + confidence / 2, k - 1)) * error
    low, high = np.quantile(data.values, [max(0.5 - half, 0.0), min(0.5 + half, 1.0)])
    return float(low), float(high)


def expanded_levels(confidence: float, k: int, expand: bool) -> tuple[float, float]:
    """Levels of a percentile interval, widened to those of Student's t with k - 1 degrees (Hesterberg 2015)."""
    from scipy.stats import norm, t

    tail = (1.0 - confidence) / 2
    if expand:
        tail = float(norm.cdf(np.sqrt(k / (k - 1)) * t.ppf(tail, k - 1)))
    return tail, 1.0 - tail


def bca_levels(draws: Array, estimate: float, left_out: Array, low: float, high: float) -> tuple[float, float]:
    """Efron's bias-corrected and accelerated levels in place of `low` and `high`."""
    from scipy.stats import norm

    below = float(np.mean(draws < estimate) + np.mean(draws == estimate) / 2)
    if not 0.0 < below < 1.0:
        return low, high
    bias = float(norm.ppf(below))
    gap = left_out.mean() - left_out
    spread = float((gap**2).sum()) ** 1.5
    acceleration = float((gap**3).sum()) / (6.0 * spread) if spread > 0 else 0.0

    def adjusted(level: float) -> float:
        z = bias + float(norm.ppf(level))
        return float(norm.cdf(bias + z / (1.0 - acceleration * z)))

    return adjusted(low), adjusted(high)
