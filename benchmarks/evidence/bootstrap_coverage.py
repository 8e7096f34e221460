"""How often the intervals of our tables hold the truth: simulated clips of 8, 12 and 24 identities, 95 % nominal.

    python -m benchmarks.evidence.bootstrap_coverage      minutes on one core -> docs/evidence/bootstrap_coverage.json

Every scenario is a kind of number that a metric makes: correlations near 1, shares of clips judged right, leakage of
-1, 0 and 1, ratios pooled by their median, identities with unequal numbers of clips (a pooled ratio), differences of
two methods on the same clips. Clips of one identity resemble each other (intraclass correlation .2 to .4). Beside ours
stands the naive interval, which draws clips as if each were its own identity.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from benchmarks.evidence.common import Figures, main
from eap.errors import MeasureError
from metrics.intervals import Statistic, draw_weights
from metrics.statistics import RESAMPLES, SEED, cluster_bootstrap, paired_difference

CLIPS = 8
"""Clips of an identity, at most."""
Draw = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Scenario:
    """Values made of standard normal noise that identities share in part, and their true pooled value."""

    name: str
    statistic: Statistic
    icc: float
    make: Draw
    """(noise (sets, K, 8), more noise of the same kind) -> values (sets, K, 8)."""
    truth: float
    unequal: bool = False
    paired: bool = False


def _tanh_mean() -> float:
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    return float((weights * np.tanh(1.2 + 0.8 * nodes)).sum() / weights.sum())


def _share(p: float) -> Draw:
    return lambda z, _: (z < norm.ppf(p)).astype(np.float64)


def scenarios() -> tuple[Scenario, ...]:
    """Every kind of pooled value in our tables."""
    leak = float(norm.sf(0.3) - norm.cdf(-1.5))
    return (
        Scenario("mean, normal (PSNR, LSE)", "mean", 0.4, lambda z, _: z, 0.0),
        Scenario("mean, bounded and skewed (PCC, CCC)", "mean", 0.4, lambda z, _: np.tanh(1.2 + 0.8 * z), _tanh_mean()),
        Scenario("mean, skewed (LMD, RMSE)", "mean", 0.4, lambda z, _: np.exp(0.5 * z), float(np.exp(0.125))),
        Scenario("mean, unequal numbers of clips", "mean", 0.4, lambda z, _: z, 0.0, unequal=True),
        Scenario("mean of -1, 0, 1 (leakage)", "mean", 0.2, lambda z, _: (z > 0.3) * 1.0 - (z < -1.5), leak),
        Scenario("difference of two methods", "mean", 0.4, lambda z, y: z - y, 0.0, paired=True),
        *(Scenario(f"proportion {p:g} (Acc_emo)", "proportion", 0.2, _share(p), p) for p in (0.125, 0.3, 0.5, 0.8)),
        Scenario("proportion 0.3, unequal numbers", "proportion", 0.2, _share(0.3), 0.3, unequal=True),
        Scenario("median of ratios (saturation)", "median", 0.4, lambda z, _: 0.8 * np.exp(0.4 * z), 0.8),
        Scenario("median, unequal numbers", "median", 0.4, lambda z, _: 0.8 * np.exp(0.4 * z), 0.8, unequal=True),
    )


def _noise(rng: np.random.Generator, shape: tuple[int, int, int], icc: float) -> np.ndarray:
    shared, own = rng.standard_normal((*shape[:2], 1)), rng.standard_normal(shape)
    return np.asarray(np.sqrt(icc) * shared + np.sqrt(1 - icc) * own)


def simulate(scenario: Scenario, k: int, sets: int, seed: int = 0) -> dict[str, Any]:
    """Share of data sets whose interval holds the truth, and the mean width: ours and the naive one."""
    rng = np.random.default_rng([seed, k, *scenario.name.encode()])
    shape = (sets, k, CLIPS)
    values = scenario.make(_noise(rng, shape, scenario.icc), _noise(rng, shape, scenario.icc))
    sizes = rng.integers(2, CLIPS + 1, (sets, k)) if scenario.unequal else np.full((sets, k), CLIPS)
    kept = np.arange(CLIPS) < sizes[..., None]
    if scenario.statistic == "mean":
        low, high = _means((values * kept).sum(axis=2), sizes.astype(np.float64))
        _check(values, kept, scenario, low, high)
    else:
        low, high = np.array([_one(values[i], kept[i], scenario) for i in range(sets)]).T
    naive_low, naive_high = _naive(values.reshape(sets, -1), kept.reshape(sets, -1), scenario.statistic)
    return {
        "coverage": float(((low <= scenario.truth) & (scenario.truth <= high)).mean()),
        "naive": float(((naive_low <= scenario.truth) & (scenario.truth <= naive_high)).mean()),
        "mean_width": float((high - low).mean()),
    }


def _means(sums: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric bootstrap-t of (sets, K) cluster sums and counts: `metrics.intervals.studentized`, all sets at once."""
    k = sums.shape[1]
    weights = draw_weights(k, RESAMPLES, SEED)
    mean = sums.sum(axis=1) / counts.sum(axis=1)
    error = np.sqrt(k / (k - 1) * ((sums - mean[:, None] * counts) ** 2).sum(axis=1)) / counts.sum(axis=1)
    size = weights @ counts.T
    means = (weights @ sums.T) / size
    squares = weights @ (sums**2).T - 2 * means * (weights @ (sums * counts).T) + means**2 * (weights @ (counts**2).T)
    errors = np.sqrt(k / (k - 1) * np.maximum(squares, 0)) / size
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = np.where(errors > 1e-6 * error, np.abs(means - mean) / errors, np.nan)
    half = np.nanquantile(scores, 0.95, axis=0) * error
    return mean - half, mean + half


def _check(values: np.ndarray, kept: np.ndarray, scenario: Scenario, low: np.ndarray, high: np.ndarray) -> None:
    """The shortcut above must be the function that makes our tables: both on the first sets."""
    for i in range(min(5, len(values))):
        found = _one(values[i], kept[i], scenario)
        if not np.allclose(found, (low[i], high[i]), rtol=1e-4, atol=1e-6):
            raise MeasureError(f"{scenario.name}: {found} by metrics.statistics, {(low[i], high[i])} here")


def _one(values: np.ndarray, kept: np.ndarray, scenario: Scenario) -> tuple[float, float]:
    """One set's interval as a table has it."""
    flat, names = values[kept], [f"id{i:02d}" for i in np.nonzero(kept)[0]]
    if scenario.paired:
        clips = [f"c{i:03d}" for i in range(len(flat))]
        first, zero = dict(zip(clips, flat.tolist(), strict=True)), dict.fromkeys(clips, 0.0)
        found = paired_difference(first, zero, dict(zip(clips, names, strict=True)))
    else:
        found = cluster_bootstrap(flat, names, statistic=scenario.statistic)
    return found.low, found.high


def _naive(values: np.ndarray, kept: np.ndarray, statistic: Statistic) -> tuple[np.ndarray, np.ndarray]:
    """Percentile bootstrap of clips as if they were independent, (sets, clips), all sets with the same draws."""
    n = values.shape[1]
    rng = np.random.default_rng(1)
    if statistic != "median":
        weights = rng.multinomial(n, np.full(n, 1 / n), size=400).astype(np.float64)
        draws = (weights @ (values * kept).T) / np.maximum(weights @ kept.T, 1)
    else:
        columns = rng.integers(0, n, (200, n))
        masked = np.where(kept, values, np.nan)
        draws = np.stack([np.nanmedian(masked[:, drawn], axis=1) for drawn in columns])
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    return np.asarray(low), np.asarray(high)


def measure(args: argparse.Namespace) -> Figures:
    """Coverage of every scenario with every number of identities."""
    rows = [
        {"scenario": scenario.name, "pooling": scenario.statistic, "identities": k, **simulate(scenario, k, args.sets)}
        for scenario in scenarios()
        for k in (8, 12, 24)
    ]
    found = [row["coverage"] for row in rows]
    naive = [row["naive"] for row in rows]
    return {
        "nominal": 0.95,
        "sets": args.sets,
        "clips_per_identity": CLIPS,
        "rows": rows,
        "least_coverage": min(found),
        "largest_coverage": max(found),
        "rows_within_93_to_97": sum(0.93 <= value <= 0.97 for value in found),
        "rows_where_naive_is_below_85": sum(value < 0.85 for value in naive),
        "rows_in_all": len(rows),
    }


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sets", type=int, default=2000, help="simulated data sets of each row")


if __name__ == "__main__":
    main("bootstrap_coverage", __doc__, measure, _options)
