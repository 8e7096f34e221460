"""Uncertainty: cluster bootstrap by identity, paired differences, Wilcoxon with Holm, tie groups. Seeded, vectorised.

Clips of one identity resemble each other, so identities, not clips, are drawn. With few identities (8 is usual) the
percentile interval is too narrow; its levels are widened to those of Student's t with k-1 degrees of freedom
(Hesterberg 2015, "expanded percentile"), which is the default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Statistic = Literal["mean", "median"]
Method = Literal["percentile", "bca"]

RESAMPLES = 2000
SEED = 20240929
"""The default seed of every interval; results are a function of (values, clusters, seed)."""
_BLOCK = 256


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its confidence interval; the interval is nan when it cannot be had, and `note` says why."""

    estimate: float
    low: float
    high: float
    n: int
    n_clusters: int
    note: str = ""


@dataclass(frozen=True)
class _Clustered:
    """Values sorted for fast re-weighting: `cluster[i]` is the index of the cluster of `values[i]`."""

    values: Array
    cluster: NDArray[np.int64]
    n_clusters: int

    @classmethod
    def of(cls, values: Sequence[float] | Array, clusters: Sequence[str]) -> _Clustered:
        array = np.asarray(values, np.float64)
        if array.ndim != 1 or len(array) != len(clusters):
            raise ValueError(f"{array.shape} values do not go with {len(clusters)} clusters")
        if not np.isfinite(array).all():
            raise ValueError("values must be finite; leave out and count what was not scored")
        names, index = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
        order = np.lexsort((index, array))
        return cls(array[order], index[order].astype(np.int64), len(names))

    def statistic(self, weights: Array, statistic: Statistic) -> Array:
        """(B,) weighted statistics for (B, K) whole-number cluster weights."""
        return self._means(weights) if statistic == "mean" else self._medians(weights)

    def _means(self, weights: Array) -> Array:
        sums = np.bincount(self.cluster, self.values, self.n_clusters)
        counts = np.bincount(self.cluster, minlength=self.n_clusters)
        return np.asarray((weights @ sums) / (weights @ counts), np.float64)

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


def point_estimate(values: Sequence[float] | Array, statistic: Statistic = "mean") -> float:
    """Mean or median of finite values; nan for none."""
    array = np.sort(np.asarray(values, np.float64))  # so that the order of clips cannot change the last digit
    if len(array) == 0:
        return float("nan")
    return float(np.mean(array) if statistic == "mean" else np.median(array))


def cluster_bootstrap(
    values: Sequence[float] | Array,
    clusters: Sequence[str],
    *,
    statistic: Statistic = "mean",
    method: Method = "percentile",
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    expand: bool = True,
) -> Interval:
    """Interval of the mean or median of finite `values` (n,), drawing whole clusters with replacement.

    `clusters[i]` names the cluster (identity) of value i. `expand` widens the percentile levels for few clusters.
    Order of the values does not matter. No values, or a single cluster: nan bounds and a note.
    """
    n, estimate = len(values), point_estimate(values, statistic)
    if n == 0:
        return Interval(estimate, np.nan, np.nan, 0, 0, "nothing was scored")
    data = _Clustered.of(values, clusters)
    k = data.n_clusters
    if k < 2:
        return Interval(estimate, np.nan, np.nan, n, k, "no interval: one identity only")
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(k, np.full(k, 1.0 / k), size=resamples).astype(np.float64)
    draws = data.statistic(weights, statistic)
    low_level, high_level = _levels(confidence, k, expand)
    if method == "bca":
        low_level, high_level = _bca_levels(draws, estimate, _jackknife(data, statistic), low_level, high_level)
    low, high = np.quantile(draws, [low_level, high_level])
    note = f"too few identities ({k}) for a trustworthy interval" if k < 5 else ""
    return Interval(estimate, float(low), float(high), n, k, note)


def _levels(confidence: float, k: int, expand: bool) -> tuple[float, float]:
    from scipy.stats import norm, t

    tail = (1.0 - confidence) / 2
    if expand:
        tail = float(norm.cdf(np.sqrt(k / (k - 1)) * t.ppf(tail, k - 1)))
    return tail, 1.0 - tail


def _jackknife(data: _Clustered, statistic: Statistic) -> Array:
    """(K,) the statistic with each cluster left out."""
    return data.statistic(1.0 - np.eye(data.n_clusters), statistic)


def _bca_levels(draws: Array, estimate: float, left_out: Array, low: float, high: float) -> tuple[float, float]:
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


def paired_difference(
    first: Mapping[str, float],
    second: Mapping[str, float],
    cluster_of: Mapping[str, str],
    *,
    statistic: Statistic = "mean",
    method: Method = "percentile",
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Interval:
    """Interval of the mean (or median) of first - second over clips that both have as finite values, by identity."""
    shared = sorted(
        clip for clip in first.keys() & second.keys() if np.isfinite(first[clip]) and np.isfinite(second[clip])
    )
    differences = [first[clip] - second[clip] for clip in shared]
    names = [cluster_of[clip] for clip in shared]
    return cluster_bootstrap(
        differences, names, statistic=statistic, method=method, confidence=confidence, resamples=resamples, seed=seed
    )


def wilcoxon(first: Sequence[float] | Array, second: Sequence[float] | Array) -> float:
    """Two-sided p of the Wilcoxon signed-rank test of paired values; 1 when all pairs are equal, nan for none.

    scipy's `wilcoxon` with zero differences left out (`zero_method="wilcox"`, `method="auto"`).
    """
    from scipy import stats

    difference = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    if len(difference) == 0:
        return float("nan")
    if not difference.any():
        return 1.0
    return float(stats.wilcoxon(difference, zero_method="wilcox").pvalue)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm's step-down adjusted p values, in the order given. Raises ValueError for values outside [0, 1]."""
    p = np.asarray(p_values, np.float64)
    if len(p) == 0:
        return ()
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("p values must lie in [0, 1]")
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1.0)
    return tuple(float(value) for value in adjusted)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two methods on the clips both have: difference first - second, its interval, and p before and after Holm."""

    first: str
    second: str
    difference: Interval
    p: float
    p_holm: float

    @property
    def differ(self) -> bool:
        """Whether they can be told apart: the interval excludes 0 and the adjusted p is below .05."""
        return not (self.difference.low <= 0.0 <= self.difference.high) and self.p_holm < 0.05


def compare_methods(
    values: Mapping[str, Mapping[str, float]], cluster_of: Mapping[str, str], *, seed: int = SEED
) -> tuple[Comparison, ...]:
    """All pairs of methods; `values[method][clip]` are finite or nan. p values are adjusted over all pairs.

    The test is Wilcoxon's on the means per identity, since clips of an identity are not independent.
    """
    names = list(values)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    intervals = [paired_difference(values[a], values[b], cluster_of, seed=seed) for a, b in pairs]
    p_values = [_identity_p(values[a], values[b], cluster_of) for a, b in pairs]
    adjusted = holm([1.0 if np.isnan(p) else p for p in p_values])
    return tuple(
        Comparison(a, b, interval, p, q)
        for (a, b), interval, p, q in zip(pairs, intervals, p_values, adjusted, strict=True)
    )


def _identity_p(first: Mapping[str, float], second: Mapping[str, float], cluster_of: Mapping[str, str]) -> float:
    per_identity: dict[str, list[float]] = {}
    for clip in sorted(first.keys() & second.keys()):
        difference = first[clip] - second[clip]
        if np.isfinite(difference):
            per_identity.setdefault(cluster_of[clip], []).append(difference)
    means = np.array([np.mean(group) for group in per_identity.values()])
    return wilcoxon(means, np.zeros(len(means)))


def tie_groups(
    values: Mapping[str, Mapping[str, float]],
    cluster_of: Mapping[str, str],
    *,
    higher_is_better: bool | None,
    target: float | None = None,
    seed: int = SEED,
) -> tuple[tuple[str, ...], ...]:
    """Methods in groups, best first: a group is all that its best member cannot be told apart from.

    Told apart = the paired interval of the difference by identity excludes 0. With a `target` the distance to it is
    what is compared, less being better. Methods without any value come last, in a group of their own.
    """
    if higher_is_better is None and target is None:
        raise ValueError("a ranking needs a direction or a target")
    costs = {
        name: {
            clip: abs(value - target) if target is not None and higher_is_better is None else
            (-value if higher_is_better else value)
            for clip, value in clips.items() if np.isfinite(value)
        }
        for name, clips in values.items()
    }  # fmt: skip
    unscored = tuple(name for name, clips in costs.items() if not clips)
    rest = sorted((n for n in costs if costs[n]), key=lambda n: (np.mean(list(costs[n].values())), n))
    groups: list[tuple[str, ...]] = []
    while rest:
        best = rest[0]
        group = [best]
        for other in rest[1:]:
            interval = paired_difference(costs[other], costs[best], cluster_of, seed=seed)
            if not interval.low > 0.0:
                group.append(other)
        groups.append(tuple(group))
        rest = [name for name in rest if name not in group]
    return tuple([*groups, unscored] if unscored else groups)
