"""Intervals when raters AND clips are drawn from populations: two-way clustered variance of linear estimates.

Ratings of one rater resemble each other, and so do ratings of one clip; an interval of 1.96 sd/sqrt(n) ignores both
and covers far too seldom. Every estimate here is (to first order) a sum of influence values, one per answer; its
variance is V_rater + V_clip - V_answer (Cameron, Gelbach & Miller 2011), with Student's t quantile at Satterthwaite's
degrees of freedom. That is unbiased under crossed random effects for any pattern of missing cells, and the same engine
serves means, accuracies, differences of methods, ratios and Bradley-Terry strengths.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

FEW_RATERS = 8
FEW_CLIPS = 8
SPARSE = 0.2
"""A table of raters x clips with fewer of its cells filled counts as sparse."""
_SWEEPS = 4


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % interval and what it stands on. Without an interval `low` and `high` are nan and
    `note` says why; without a number `value` is nan too."""

    value: float
    low: float
    high: float
    se: float
    df: float
    n: int
    raters: int
    clips: int
    note: str = ""

    @property
    def known(self) -> bool:
        """Whether there is a number."""
        return math.isfinite(self.value)

    @property
    def bounded(self) -> bool:
        """Whether there is an interval."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def excludes(self, value: float) -> bool:
        """Whether the interval exists and leaves `value` out."""
        return self.bounded and not self.low <= value <= self.high


def nothing(why: str, n: int = 0) -> Estimate:
    """No number, and the reason."""
    nan = float("nan")
    return Estimate(nan, nan, nan, nan, nan, n, 0, 0, why)


@dataclass(frozen=True)
class Answers:
    """Answers in long form: (N,) values with the codes of who gave them and to which clip.

    `clip` numbers the *source* clip (what all methods were driven by), so that methods are paired through it.
    """

    value: Array
    rater: Codes
    clip: Codes

    def __post_init__(self) -> None:
        if not len(self.value) == len(self.rater) == len(self.clip):
            raise ValueError("values, raters and clips must be equally long")
        if not np.isfinite(self.value).all():
            raise ValueError("values must be finite; leave out and count what was not answered")

    def __len__(self) -> int:
        return len(self.value)

    @classmethod
    def of(cls, value: Sequence[float] | Array, rater: Sequence[str], clip: Sequence[str]) -> Answers:
        """From names."""
        return cls(np.asarray(value, np.float64), codes(rater), codes(clip))

    def where(self, keep: NDArray[np.bool_]) -> Answers:
        """The answers that `keep` (N,) marks, with the same codes."""
        return Answers(self.value[keep], self.rater[keep], self.clip[keep])


def codes(names: Iterable[object]) -> Codes:
    """(N,) whole numbers 0..k-1 in the order of the sorted names (a list or a column)."""
    return np.unique(np.asarray(list(names), dtype=str), return_inverse=True)[1].astype(np.int64)


@dataclass(frozen=True, slots=True)
class Variance:
    """Variance of an estimate, Satterthwaite's degrees of freedom, and how many raters and clips it saw."""

    variance: float
    df: float
    raters: int
    clips: int


def two_way_variance(influence: Array, rater: Codes, clip: Codes, least: float | None = None) -> Variance:
    """Variance of an estimate whose first-order error is the sum of `influence` (N,) over independent raters and clips.

    Each of the two cluster sums is multiplied by k / (k - 1) (k clusters). What the
    answers add of themselves is in both sums and is taken off once. The rest is noise and may come out too small: it is
    not taken below `least`, the variance there would be without any effect of raters or clips (default: the answers').
    """
    if len(influence) == 0:
        return Variance(0.0, float("nan"), 0, 0)
    rater, clip = _dense(rater), _dense(clip)
    rows, columns = int(rater.max()) + 1, int(clip.max()) + 1
    if rows < 2 or columns < 2:
        return Variance(float("nan"), float("nan"), rows, columns)
    cell, where = np.unique(rater * columns + clip, return_inverse=True)
    sums = _totals(where, influence)
    v_rater = float((np.bincount(rater, influence) ** 2).sum()) * rows / (rows - 1)
    v_clip = float((np.bincount(clip, influence) ** 2).sum()) * columns / (columns - 1)
    own = _own_share(sums, cell // columns, cell % columns, rows, columns)
    variance = max(v_rater + v_clip - own, own if least is None else min(own, least))
    size = np.abs(influence)
    k_rater, k_clip = _effective(_totals(rater, size)), _effective(_totals(clip, size))
    spread = v_rater**2 / max(k_rater - 1.0, 0.5) + v_clip**2 / max(k_clip - 1.0, 0.5)
    return Variance(variance, max(variance**2 / spread, 1.0) if spread > 0 else float("inf"), rows, columns)


def _own_share(sums: Array, rater: Codes, clip: Codes, rows: int, columns: int) -> float:
    """What single answers (cells) add to both the raters' and the clips' sums.

    In a sparse table that is the sum of squares of the cells; in a full one the effects of rater and clip are centred
    away within the sums, and only the squares of what is left beside them count. Between the two: by how full it is.
    """
    plain = float((sums**2).sum())
    full = len(sums) / (rows * columns)
    free = len(sums) - rows - columns + 1
    if full < SPARSE or free < 1:
        return plain
    left = sums
    for _ in range(_SWEEPS):
        left = left - (np.bincount(rater, left, rows) / np.bincount(rater, minlength=rows))[rater]
        left = left - (np.bincount(clip, left, columns) / np.bincount(clip, minlength=columns))[clip]
    return (1.0 - full) * plain + full * float((left**2).sum()) * len(sums) / free


def _totals(code: Codes, values: Array) -> Array:
    """(K,) sum of the values of each group."""
    return np.asarray(np.bincount(code, values), np.float64)


def _dense(code: Codes) -> Codes:
    """The same groups numbered 0..k-1 without gaps."""
    there = np.bincount(code) > 0
    return code if there.all() else (np.cumsum(there) - 1)[code]


def _effective(weight: Array) -> float:
    """Kish's effective number of clusters: k when all weigh the same, less when a few carry the estimate."""
    squares = float((weight**2).sum())
    return float(weight.sum()) ** 2 / squares if squares > 0 else float(len(weight))


def interval(
    value: float,
    influence: Array,
    answers: Answers,
    *,
    confidence: float = 0.95,
    limits: tuple[float, float] | None = None,
    least: float | None = None,
) -> Estimate:
    """`value` with the interval that `influence` (N,), one entry per answer, gives it; cut to the scale's `limits`."""
    from scipy.special import stdtrit

    n = len(answers)
    raters, clips = (int(np.count_nonzero(np.bincount(c))) for c in (answers.rater, answers.clip))
    missing = too_few(raters, clips)
    if missing:
        return Estimate(value, math.nan, math.nan, math.nan, math.nan, n, raters, clips, missing)
    found = two_way_variance(influence, answers.rater, answers.clip, least)
    if not math.isfinite(found.variance):
        why = "no interval: all that could vary comes from one rater or one clip"
        return Estimate(value, math.nan, math.nan, math.nan, math.nan, n, raters, clips, why)
    se = math.sqrt(found.variance)
    half = se * float(stdtrit(found.df, (1 + confidence) / 2)) if se > 0 else 0.0
    low, high = value - half, value + half
    if limits is not None:
        low, high = max(low, limits[0]), min(high, limits[1])
    return Estimate(value, low, high, se, found.df, n, raters, clips, caution(raters, clips, se))


def too_few(raters: int, clips: int) -> str:
    """Why there can be no interval, or nothing."""
    if raters < 2:
        return f"no interval: {raters} rater{'' if raters == 1 else 's'}; two at the least, {FEW_RATERS} to be trusted"
    if clips < 2:
        return f"no interval: {clips} clip{'' if clips == 1 else 's'}; two at the least, {FEW_CLIPS} to be trusted"
    return ""


def caution(raters: int, clips: int, se: float) -> str:
    """What a reader of the interval must know."""
    if se == 0:
        return "every answer is the same: the interval has no width, which is no proof of certainty"
    few = []
    if raters < FEW_RATERS:
        few.append(f"{raters} raters")
    if clips < FEW_CLIPS:
        few.append(f"{clips} clips")
    return f"few: {' and '.join(few)}; the interval is a rough guess" if few else ""


def mean(answers: Answers, *, weights: Array | None = None, limits: tuple[float, float] | None = None) -> Estimate:
    """(Weighted) mean of the answers over both populations."""
    if len(answers) == 0:
        return nothing("nobody answered")
    share = np.full(len(answers), 1.0 / len(answers)) if weights is None else weights / weights.sum()
    value = float(share @ answers.value)
    centred = answers.value - value
    least = _least(centred, share, answers.rater, answers.clip)
    return interval(value, share * centred, answers, limits=limits, least=least)


def _least(centred: Array, share: Array, rater: Codes, clip: Codes) -> float | None:
    """Variance of a weighted sum of answers if only what is left beside the raters' and the clips' means varied.

    `centred` (N,) answers less their method's mean. None where too little is left to tell.
    """
    rater, clip = _dense(rater), _dense(clip)
    per_rater, per_clip = np.bincount(rater), np.bincount(clip)
    free = len(centred) - len(per_rater) - len(per_clip) + 1
    if free < len(centred) / 4:
        return None
    left = centred
    for _ in range(_SWEEPS):
        left = left - (np.bincount(rater, left) / per_rater)[rater]
        left = left - (np.bincount(clip, left) / per_clip)[clip]
    return float((left**2).sum()) / free * float((share**2).sum())


def proportion(answers: Answers, *, weights: Array | None = None) -> Estimate:
    """Share of answers that are 1 (values 0 or 1), with an interval on the logit scale, so that it stays within 0..1.

    When all answers agree, the interval is Clopper-Pearson's as if every rater (or clip, if fewer) had answered once.
    """
    plain = mean(answers, weights=weights)
    p = plain.value
    if not plain.bounded:
        return plain
    if p <= 0.0 or p >= 1.0:
        return _one_sided(plain)
    from scipy.special import stdtrit

    half = float(stdtrit(plain.df, 0.975)) * plain.se / (p * (1 - p))
    centre = math.log(p / (1 - p))
    return replace(plain, low=_logistic(centre - half), high=_logistic(centre + half))


def _logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0 else math.exp(x) / (1.0 + math.exp(x))


def _one_sided(plain: Estimate) -> Estimate:
    k = min(plain.raters, plain.clips)
    edge = 0.025 ** (1.0 / k)
    note = f"all answers agree: the interval is that of {k} independent answers"
    low, high = (0.0, 1.0 - edge) if plain.value <= 0.0 else (edge, 1.0)
    return replace(plain, low=low, high=high, note=note)


def difference(first: Answers, second: Answers) -> Estimate:
    """Mean of `first` less mean of `second`; both must share their codes, for raters and clips in both pair them."""
    return contrast((first, second), (1.0, -1.0))


def contrast(groups: Sequence[Answers], coefficients: Sequence[float]) -> Estimate:
    """Sum of coefficient times mean over groups of answers that share their codes."""
    if any(len(group) == 0 for group in groups):
        return nothing("nobody answered for one of the methods")
    means = [float(group.value.mean()) for group in groups]
    value = sum(c * m for c, m in zip(coefficients, means, strict=True))
    share = np.concatenate([np.full(len(g), c / len(g)) for g, c in zip(groups, coefficients, strict=True)])
    centred = np.concatenate([g.value - m for g, m in zip(groups, means, strict=True)])
    every = joined(groups)
    return interval(value, share * centred, every, least=_least(centred, share, every.rater, every.clip))


def joined(groups: Sequence[Answers]) -> Answers:
    """All answers of groups that share their codes."""
    return Answers(
        np.concatenate([g.value for g in groups]),
        np.concatenate([g.rater for g in groups]),
        np.concatenate([g.clip for g in groups]),
    )


def relative_gain(first: Answers, lowest: Answers) -> Estimate:
    """(mean of `first` - mean of `lowest`) / mean of `lowest`: interval on the log of the ratio (delta method)."""
    if len(first) == 0 or len(lowest) == 0:
        return nothing("nobody answered for one of the methods")
    a, b = float(first.value.mean()), float(lowest.value.mean())
    if b <= 0 or a <= 0:
        return nothing("no relative gain: a mean of 0 has no ratio", len(first) + len(lowest))
    share = np.concatenate([np.full(len(first), 1 / (len(first) * a)), np.full(len(lowest), -1 / (len(lowest) * b))])
    centred, every = np.concatenate([first.value - a, lowest.value - b]), joined((first, lowest))
    least = _least(centred, share, every.rater, every.clip)
    log = interval(math.log(a / b), share * centred, every, least=least)
    return replace(
        log, value=a / b - 1, low=math.exp(log.low) - 1, high=math.exp(log.high) - 1, se=log.se * a / b
    )  # fmt: skip
