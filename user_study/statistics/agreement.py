"""How far raters agree: Krippendorff's alpha (nominal, ordinal, interval) and ICC(2,1), ICC(2,k) from sparse tables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from user_study.statistics.crossed import FEW_CLIPS, Answers, Array, Estimate, nothing

Level = Literal["nominal", "ordinal", "interval"]
SEED = 20240929


def krippendorff_alpha(answers: Answers, level: Level, *, resamples: int = 2000, seed: int = SEED) -> Estimate:
    """Alpha of values (N,) given by raters to clips; interval by drawing clips (Krippendorff 2019, chapter 12).

    Clips with a single answer say nothing on agreement and are left out. Without disagreement to be expected (one
    value everywhere) there is no alpha, and the note says so.
    """
    table = coincidences(answers)
    if len(table) == 0:
        return nothing("no clip has two answers", len(answers))
    distance = distances(np.unique(answers.value), table.sum(axis=(0, 1)), level)
    value = float(_alpha(table.sum(axis=0)[None], distance[None])[0])
    raters, pairable = len(np.unique(answers.rater)), len(table)
    if not math.isfinite(value):
        return nothing("all answers are the same: agreement beyond chance cannot be told", len(answers))
    if pairable < 2:
        return Estimate(
            value, math.nan, math.nan, math.nan, math.nan, len(answers), raters, pairable, "no interval: 1 clip"
        )
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(pairable, np.full(pairable, 1.0 / pairable), size=resamples).astype(np.float64)
    size = table.shape[1]
    drawn = (weights @ table.reshape(pairable, -1)).reshape(-1, size, size)
    metric = np.stack([distances(np.unique(answers.value), d.sum(axis=0), level) for d in drawn]) if (
        level == "ordinal"
    ) else np.broadcast_to(distance, drawn.shape)  # fmt: skip
    alphas = _alpha(drawn, metric)
    alphas = alphas[np.isfinite(alphas)]
    low, high = np.quantile(alphas, _widened(pairable))
    note = f"few: {pairable} clips; the interval is a rough guess" if pairable < FEW_CLIPS else ""
    return Estimate(
        value, min(float(low), value), max(float(high), value), float(alphas.std()), pairable - 1.0, len(answers),
        raters, pairable, note,
    )  # fmt: skip


def _widened(k: int) -> tuple[float, float]:
    """Levels of a 95 % percentile interval widened to Student's t with k - 1 degrees of freedom (Hesterberg 2015)."""
    from scipy.stats import norm, t

    tail = float(norm.cdf(math.sqrt(k / (k - 1)) * t.ppf(0.025, k - 1)))
    return tail, 1.0 - tail


def coincidences(answers: Answers) -> Array:
    """(U, K, K) coincidences of the K values that occur, for each of the U clips with two answers or more."""
    values, value = np.unique(answers.value, return_inverse=True)
    size = len(values)
    clips, clip = np.unique(answers.clip, return_inverse=True)
    counts = np.bincount(clip * size + value, minlength=len(clips) * size).reshape(-1, size).astype(np.float64)
    counts = counts[counts.sum(axis=1) >= 2]
    pairs = counts[:, :, None] * counts[:, None, :]
    index = np.arange(size)
    pairs[:, index, index] -= counts
    return np.asarray(pairs / (counts.sum(axis=1) - 1)[:, None, None], np.float64)


def distances(values: Array, totals: Array, level: Level) -> Array:
    """(K, K) squared differences of two values at a level of measurement; `totals` (K,) is how often each occurs."""
    if level == "nominal":
        return 1.0 - np.eye(len(values))
    if level == "interval":
        return np.asarray((values[:, None] - values[None, :]) ** 2, np.float64)
    middle = np.cumsum(totals) - totals / 2
    return np.asarray((middle[:, None] - middle[None, :]) ** 2, np.float64)


def _alpha(tables: Array, metric: Array) -> Array:
    """(B,) alphas of (B, K, K) coincidences; nan where no disagreement is to be expected."""
    totals = tables.sum(axis=1)
    n = totals.sum(axis=1)
    observed = (tables * metric).sum(axis=(1, 2))
    expected = np.einsum("bi,bj,bij->b", totals, totals, metric) - np.einsum("bi,bii->b", totals, metric)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 0, 1.0 - (n - 1) * observed / expected, np.nan)


@dataclass(frozen=True, slots=True)
class Components:
    """Variances of y_ij = mu + rater_i + clip_j + rest_ij. Estimates below zero are shown as they come."""

    mean: float
    rater: float
    clip: float
    rest: float

    @property
    def icc_single(self) -> float:
        """ICC(2,1), absolute agreement of one answer (Shrout & Fleiss 1979)."""
        total = self.rater + self.clip + self.rest
        return self.clip / total if total > 0 else math.nan

    def icc_mean(self, k: float) -> float:
        """ICC(2,k): of the mean of k raters."""
        total = self.clip + (self.rater + self.rest) / k
        return self.clip / total if total > 0 else math.nan


def components(answers: Answers) -> Components:
    """Variance components of a table with any cells missing, by U-statistics (Gao & Owen 2020, section 3).

    In a full table these are the estimates of the analysis of variance. All nan with fewer than two of either.
    """
    y, n = answers.value, len(answers)
    row = np.unique(answers.rater, return_inverse=True)[1]
    column = np.unique(answers.clip, return_inverse=True)[1]
    per_row, per_column = np.bincount(row).astype(float), np.bincount(column).astype(float)
    rows, columns = len(per_row), len(per_column)
    if rows < 2 or columns < 2 or n <= max(rows, columns):
        return Components(float(y.mean()) if n else math.nan, math.nan, math.nan, math.nan)
    within_row = float(((y - (np.bincount(row, y) / per_row)[row]) ** 2).sum())
    within_column = float(((y - (np.bincount(column, y) / per_column)[column]) ** 2).sum())
    overall = n * float(((y - y.mean()) ** 2).sum())
    # Expectations of the three sums in (rater, clip, rest).
    system = np.array(
        [
            [0.0, n - rows, n - rows],
            [n - columns, 0.0, n - columns],
            [n**2 - float((per_row**2).sum()), n**2 - float((per_column**2).sum()), n**2 - n],
        ]
    )
    rater, clip, rest = np.linalg.solve(system, np.array([within_row, within_column, overall]))
    return Components(float(y.mean()), float(rater), float(clip), float(rest))
