"""Uncertainty: intervals that draw identities, paired differences, Wilcoxon with Holm, tie groups. Seeded, vectorised.

Clips of one identity resemble each other, so identities, not clips, are the sample. Which interval each kind of pooled
value gets, and why, stands in `metrics.intervals`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from metrics.intervals import (
    Array,
    Clustered,
    Statistic,
    bca_levels,
    draw_weights,
    expanded_levels,
    student,
    studentized,
    wilson,
    woodruff,
)

Method = Literal["auto", "percentile", "bca", "student"]
"""`auto`: the interval of `metrics.intervals` that suits the statistic; `student`: the same, means by Student's t."""

RESAMPLES = 2000
SEED = 20240929
"""The default seed of every interval; results are a function of (values, clusters, seed)."""
FEW_IDENTITIES = 5


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its confidence interval; the interval is nan when it cannot be had, and `note` says why."""

    estimate: float
    low: float
    high: float
    n: int
    n_clusters: int
    note: str = ""


def point_estimate(values: Sequence[float] | Array, statistic: Statistic = "mean") -> float:
    """Mean (of zeros and ones: proportion) or median of finite values; nan for none."""
    array = np.sort(np.asarray(values, np.float64))  # so that the order of clips cannot change the last digit
    if len(array) == 0:
        return float("nan")
    return float(np.median(array) if statistic == "median" else np.mean(array))


def cluster_bootstrap(
    values: Sequence[float] | Array,
    clusters: Sequence[str],
    *,
    statistic: Statistic = "mean",
    method: Method = "auto",
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    expand: bool = True,
) -> Interval:
    """Interval of the mean, proportion or median of finite `values` (n,), whole clusters being the sample.

    `clusters[i]` names the cluster (identity) of value i. `method`: see `metrics.intervals`; `expand` widens the levels
    of percentile and BCa intervals for few clusters. Order of the values does not matter. No values, or a single
    cluster: nan bounds and a note. Raises ValueError for values that are not finite, or a proportion of others than 0
    and 1.
    """
    n, estimate = len(values), point_estimate(values, statistic)
    if n == 0:
        return Interval(estimate, np.nan, np.nan, 0, 0, "nothing was scored")
    data = Clustered.of(values, clusters)
    k = data.n_clusters
    if k < 2:
        return Interval(estimate, np.nan, np.nan, n, k, "no interval: one identity only")
    if method == "student" and statistic == "mean":
        low, high = student(data, confidence)
    elif method in ("percentile", "bca"):
        low, high = _resampled(data, estimate, statistic, method, confidence, resamples, seed, expand)
    elif statistic == "mean":
        low, high = studentized(data, confidence, resamples, seed)
    elif statistic == "proportion":
        low, high = wilson(data, confidence)
    else:
        low, high = woodruff(data, confidence)
    note = f"too few identities ({k}) for a trustworthy interval" if k < FEW_IDENTITIES else ""
    return Interval(estimate, low, high, n, k, note)


def _resampled(
    data: Clustered,
    estimate: float,
    statistic: Statistic,
    method: Method,
    confidence: float,
    resamples: int,
    seed: int,
    expand: bool,
) -> tuple[float, float]:
    """Percentile or BCa interval of resampled clusters."""
    k = data.n_clusters
    draws = data.statistic(draw_weights(k, resamples, seed), statistic)
    levels = expanded_levels(confidence, k, expand)
    if method == "bca":
        left_out = data.statistic(1.0 - np.eye(k), statistic)
        levels = bca_levels(draws, estimate, left_out, *levels)
    low, high = np.quantile(draws, levels)
    return float(low), float(high)


def cluster_bootstrap_of(
    statistic: Callable[[NDArray[np.int64]], float],
    clusters: Sequence[str],
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = SEED,
) -> Interval:
    """Expanded percentile interval of any statistic of clips, given by their indices (repeats allowed), by cluster.

    Resamples in which the statistic is not finite are left out; nan bounds and a note when more than a tenth are, with
    a single cluster, or when the estimate itself is not finite.
    """
    names, index = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    n, k = len(clusters), len(names)
    if n == 0:
        return Interval(np.nan, np.nan, np.nan, 0, 0, "nothing was scored")
    estimate = statistic(np.arange(n))
    if k < 2 or not np.isfinite(estimate):
        note = "no interval: one identity only" if k < 2 else "no interval: the statistic is not finite"
        return Interval(estimate, np.nan, np.nan, n, k, note)
    members = [np.flatnonzero(index == cluster) for cluster in range(k)]
    draws = np.random.default_rng(seed).integers(0, k, (resamples, k))
    found = np.array([statistic(np.concatenate([members[cluster] for cluster in drawn])) for drawn in draws])
    usable = found[np.isfinite(found)]
    if len(usable) < 0.9 * resamples:
        return Interval(estimate, np.nan, np.nan, n, k, "no interval: most resamples have no such statistic")
    low, high = np.quantile(usable, expanded_levels(confidence, k, True))
    note = f"too few identities ({k}) for a trustworthy interval" if k < FEW_IDENTITIES else ""
    return Interval(estimate, float(low), float(high), n, k, note)


def paired_difference(
    first: Mapping[str, float],
    second: Mapping[str, float],
    cluster_of: Mapping[str, str],
    *,
    statistic: Statistic = "mean",
    method: Method = "auto",
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
