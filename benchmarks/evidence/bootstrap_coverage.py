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
from metrics.intervals import Statistic
from metrics.statistics import Interval, cluster_bootstrap, paired_difference

CLIPS = 8
"""Clips of an identity, at most."""
Draw = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Scenario:
    """Values made of (K, 8) standard normal noise that identities share in part, and their true pooled value."""

    name: str
    statistic: Statistic
    icc: float
    make: Draw
    """(noise (K, 8), more noise of the same kind) -> values (K, 8)."""
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
        Scenario("difference of two methods", "mean", 0.4, lambda z, y: z + 0.5 * y, 0.0, paired=True),
        *(Scenario(f"proportion {p:g} (Acc_emo)", "proportion", 0.2, _share(p), p) for p in (0.125, 0.3, 0.5, 0.8)),
        Scenario("proportion 0.3, unequal numbers", "proportion", 0.2, _share(0.3), 0.3, unequal=True),
        Scenario("median of ratios (saturation)", "median", 0.4, lambda z, _: 0.8 * np.exp(0.4 * z), 0.8),
        Scenario("median, unequal numbers", "median", 0.4, lambda z, _: 0.8 * np.exp(0.4 * z), 0.8, unequal=True),
    )


def _noise(rng: np.random.Generator, k: int, icc: float) -> np.ndarray:
    shared, own = rng.standard_normal((k, 1)), rng.standard_normal((k, CLIPS))
    return np.asarray(np.sqrt(icc) * shared + np.sqrt(1 - icc) * own)


def simulate(scenario: Scenario, k: int, sets: int, seed: int = 0) -> dict[str, Any]:
    """Share of data sets whose interval holds the truth, and the mean width: ours and the naive one."""
    rng = np.random.default_rng([seed, k, *scenario.name.encode()])
    hits, widths, naive_hits = 0, 0.0, 0
    for index in range(sets):
        values = scenario.make(_noise(rng, k, scenario.icc), _noise(rng, k, scenario.icc))
        sizes = rng.integers(2, CLIPS + 1, k) if scenario.unequal else np.full(k, CLIPS)
        kept = np.arange(CLIPS)[None] < sizes[:, None]
        flat, names = values[kept], [f"id{i}" for i in np.repeat(np.arange(k), sizes)]
        ours = _ours(scenario, flat, names, rng, index)
        naive = cluster_bootstrap(
            flat, [str(i) for i in range(len(flat))], statistic=scenario.statistic, method="percentile",
            resamples=250, seed=1, expand=False,
        )  # fmt: skip
        hits += ours.low <= scenario.truth <= ours.high
        naive_hits += naive.low <= scenario.truth <= naive.high
        widths += ours.high - ours.low
    return {"coverage": hits / sets, "naive": naive_hits / sets, "mean_width": widths / sets}


def _ours(scenario: Scenario, flat: np.ndarray, names: list[str], rng: np.random.Generator, seed: int) -> Interval:
    if not scenario.paired:
        return cluster_bootstrap(flat, names, statistic=scenario.statistic, resamples=1000, seed=seed % 20)
    difficulty = 3 * rng.standard_normal(len(flat))
    clips = [f"c{i}" for i in range(len(flat))]
    first = dict(zip(clips, (float(v) for v in flat + difficulty), strict=True))
    second = dict(zip(clips, (float(v) for v in difficulty), strict=True))
    return paired_difference(first, second, dict(zip(clips, names, strict=True)), resamples=1000, seed=seed % 20)


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
