"""Tests between methods: Friedman's over raters, Wilcoxon's for every pair with Holm's adjustment, paired intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from metrics.statistics import holm, wilcoxon
from user_study.statistics.crossed import Answers, Array, Estimate, difference

LEAST_BLOCKS = 6
"""With fewer raters Wilcoxon's smallest two-sided p is above .05, whatever they say."""


@dataclass(frozen=True, slots=True)
class Friedman:
    """Friedman's test over raters who rated all methods; `w` is Kendall's concordance in [0, 1]."""

    statistic: float
    p: float
    w: float
    raters: int
    left_out: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two methods: difference of means with its crossed interval, Wilcoxon's p over raters, p after Holm."""

    first: str
    second: str
    difference: Estimate
    p: float
    p_holm: float
    raters: int
    note: str = ""

    @property
    def differ(self) -> bool:
        """Told apart: the interval leaves out 0 and the adjusted p is below .05."""
        return self.difference.excludes(0.0) and self.p_holm < 0.05


def rater_means(answers: Answers, raters: int) -> Array:
    """(R,) mean answer of each rater; nan for none."""
    count = np.bincount(answers.rater, minlength=raters).astype(np.float64)
    return np.asarray(np.bincount(answers.rater, answers.value, raters) / np.where(count > 0, count, np.nan))


def friedman(groups: Mapping[str, Answers]) -> Friedman:
    """Friedman's chi-squared (scipy, corrected for ties) of the raters' mean answers to each method."""
    from scipy.stats import friedmanchisquare

    if len(groups) < 3:
        return Friedman(math.nan, math.nan, math.nan, 0, 0, "three methods at the least")
    raters = 1 + max((int(g.rater.max()) for g in groups.values() if len(g)), default=-1)
    table = np.stack([rater_means(g, raters) for g in groups.values()], axis=1)
    seen = ~np.isnan(table).all(axis=1)
    whole = ~np.isnan(table).any(axis=1)
    blocks, left_out = table[whole], int((seen & ~whole).sum())
    if len(blocks) < 3:
        why = f"{len(blocks)} raters saw every method; three at the least"
        return Friedman(math.nan, math.nan, math.nan, len(blocks), left_out, why)
    if (blocks == blocks[:, :1]).all():
        return Friedman(0.0, 1.0, 0.0, len(blocks), left_out, "no rater sees a difference")
    found = friedmanchisquare(*blocks.T)
    w = float(found.statistic) / (len(blocks) * (len(groups) - 1))
    return Friedman(float(found.statistic), float(found.pvalue), w, len(blocks), left_out)


def pairs(groups: Mapping[str, Answers]) -> tuple[Pair, ...]:
    """All pairs of methods, p adjusted over all of them. The groups share their codes of raters and clips."""
    names = list(groups)
    raters = 1 + max((int(g.rater.max()) for g in groups.values() if len(g)), default=-1)
    means = {name: rater_means(group, raters) for name, group in groups.items()}
    order = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    raw, counts = [], []
    for a, b in order:
        both = np.isfinite(means[a]) & np.isfinite(means[b])
        counts.append(int(both.sum()))
        raw.append(wilcoxon(means[a][both], means[b][both]))
    # A pair that no rater saw both of was not tested; it must not make the others' adjustment harsher.
    tested = [p for p in raw if math.isfinite(p)]
    adjusted = iter(holm(tested))
    result = []
    for (a, b), p, n in zip(order, raw, counts, strict=True):
        note = "" if n >= LEAST_BLOCKS else f"{n} raters saw both; {LEAST_BLOCKS} at the least for p < .05"
        p_holm = next(adjusted) if math.isfinite(p) else math.nan
        result.append(Pair(a, b, difference(groups[a], groups[b]), p, p_holm, n, note))
    return tuple(result)


def tie_groups(order: list[str], found: tuple[Pair, ...]) -> tuple[tuple[str, ...], ...]:
    """Methods in groups, best first (`order`): a group is all that its best member cannot be told apart from."""
    apart = {frozenset((p.first, p.second)): p.difference.excludes(0.0) for p in found}
    rest, groups = list(order), []
    while rest:
        best = rest[0]
        group = [best, *(m for m in rest[1:] if not apart.get(frozenset((best, m)), False))]
        groups.append(tuple(group))
        rest = [m for m in rest if m not in group]
    return tuple(groups)
