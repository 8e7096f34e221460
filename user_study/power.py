"""How many raters a study needs: by formula, and by simulating studies through the very interval that will be used.

The model: an answer is the method's mean + rater + clip + rater x method + clip x method + rest, all independent. Every
rater answers `trials` times, spread evenly over methods and clips, as the assignment does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from eap.errors import ConfigError, MeasureError
from user_study.statistics.agreement import components
from user_study.statistics.crossed import Answers, Array, codes, difference, mean

if TYPE_CHECKING:
    from user_study.records import Tables

Kind = Literal["acr", "emotion"]
MOST_RATERS = 2000
STUDIES = 400
_CERTAIN = 6.0


@dataclass(frozen=True)
class Spread:
    """Standard deviations of the model's parts, in points (acr) or as shares (emotion: the mean gives `rest`)."""

    rater: float
    clip: float
    rater_method: float
    clip_method: float
    rest: float


TYPICAL: dict[Kind, Spread] = {
    "acr": Spread(rater=0.45, clip=0.25, rater_method=0.2, clip_method=0.25, rest=0.75),
    "emotion": Spread(rater=0.06, clip=0.1, rater_method=0.03, clip_method=0.08, rest=0.0),
}
"""Assumptions where there is no pilot, on a scale of 1-5 (our choice: rater bias and inconsistency of the size that
P.910's rater model finds in published tests, see the documents). A pilot is better."""


@dataclass(frozen=True)
class Plan:
    """The study that is planned. `mean` is the lower of the two methods' means (of an accuracy it sets the rest)."""

    kind: Kind
    methods: int
    clips: int
    trials: int
    spread: Spread
    points: int = 5
    mean: float = 3.0

    def __post_init__(self) -> None:
        if min(self.methods, self.clips) < 2 or self.trials < self.methods:
            raise ConfigError(
                f"{self.methods} methods, {self.clips} clips, {self.trials} trials a rater",
                fix="plan two methods and clips at the least, and a trial of each method for every rater",
            )
        if self.trials > self.methods * self.clips:
            raise ConfigError(
                f"{self.trials} trials a rater, but only {self.methods * self.clips} stimuli",
                fix="plan fewer trials or more clips",
            )

    @property
    def each(self) -> float:
        """Answers of one rater to one method."""
        return self.trials / self.methods

    def rest(self, gain: float = 0.0) -> float:
        """Variance of an answer beside rater and clip, halfway between both methods."""
        if self.kind == "acr":
            return self.spread.rest**2
        p = self.mean + gain / 2
        s = self.spread
        taken = s.rater**2 + s.clip**2 + s.rater_method**2 + s.clip_method**2
        return max(p * (1 - p) - taken, 0.01)


@dataclass(frozen=True)
class Need:
    """The answer: raters whose answers are used, what they reach by formula and, if asked, by simulation."""

    raters: int
    reached: float
    """Power to tell the gain, or half the width of the interval."""
    simulated: float | None = None
    simulated_se: float | None = None
    studies: int = 0


def _spread_of(plan: Plan, raters: int, gain: float, pair: bool) -> tuple[float, float]:
    """Standard error and degrees of freedom of a difference of two methods (`pair`) or of one mean."""
    s, times = plan.spread, 2.0 if pair else 1.0
    weight = times / (raters * plan.each)
    rest = plan.rest(gain) * weight
    common_r, common_c = (0.0, 0.0) if pair else (s.rater**2 / raters, s.clip**2 / plan.clips)
    by_rater = times * s.rater_method**2 / raters + common_r
    by_clip = times * s.clip_method**2 / plan.clips + common_c
    variance = by_rater + by_clip + rest
    # In a sparse table the clips of one rater differ from another's: that is in both cluster sums, and taken off once.
    sparse = 1.0 - min(1.0, plan.each / plan.clips)
    own_r = rest + sparse * weight * (s.clip**2 + s.clip_method**2)
    own_c = rest + sparse * weight * (s.rater**2 + s.rater_method**2)
    df = variance**2 / ((by_rater + own_r) ** 2 / (raters - 1) + (by_clip + own_c) ** 2 / (plan.clips - 1))
    return math.sqrt(variance), max(df, 1.0)


def power_for_gain(plan: Plan, raters: int, gain: float) -> float:
    """Chance that the 95 % interval of a true difference `gain` leaves out 0 (noncentral t)."""
    from scipy.special import nctdtr, stdtrit

    se, df = _spread_of(plan, raters, gain, pair=True)
    edge = float(stdtrit(df, 0.975))
    if gain / se > _CERTAIN + edge:  # where the noncentral t has no number any more
        return 1.0
    return float(1.0 - nctdtr(df, gain / se, edge) + nctdtr(df, gain / se, -edge))


def half_width(plan: Plan, raters: int) -> float:
    """Expected half width of the 95 % interval of a method's mean."""
    from scipy.special import stdtrit

    se, df = _spread_of(plan, raters, 0.0, pair=False)
    return se * float(stdtrit(df, 0.975))


def raters_for_gain(plan: Plan, gain: float, power: float = 0.8, *, simulate: int = STUDIES, seed: int = 0) -> Need:
    """Fewest raters that tell a true difference of `gain` with `power`. Raises MeasureError when none do: then the
    clips, not the raters, are too few."""
    if gain <= 0 or not 0.05 < power < 1:
        raise ConfigError(f"gain {gain:g}, power {power:g}", fix="give a gain above 0 and a power between .05 and 1")
    raters = _fewest(lambda r: power_for_gain(plan, r, gain) >= power)
    if raters is None:
        best = power_for_gain(plan, MOST_RATERS, gain)
        raise MeasureError(
            f"{MOST_RATERS} raters tell a difference of {gain:g} with a power of {best:.2f} only",
            fix="take more clips: with few clips no crowd is large enough",
        )
    reached = power_for_gain(plan, raters, gain)
    if not simulate:
        return Need(raters, reached)
    hits = simulated_power(plan, raters, gain, simulate, seed)
    return Need(raters, reached, hits, math.sqrt(max(hits * (1 - hits), 1e-4) / simulate), simulate)


def raters_for_width(plan: Plan, width: float, *, simulate: int = STUDIES, seed: int = 0) -> Need:
    """Fewest raters whose interval of one mean is +- `width` or narrower. Raises MeasureError when no crowd does."""
    if width <= 0:
        raise ConfigError(f"width {width:g}", fix="give half the width of the interval, above 0")
    raters = _fewest(lambda r: half_width(plan, r) <= width)
    if raters is None:
        raise MeasureError(
            f"with {plan.clips} clips the interval stays at ±{half_width(plan, MOST_RATERS):.3g}, however many raters",
            fix="take more clips",
        )
    if not simulate:
        return Need(raters, half_width(plan, raters))
    widths = simulated_half_widths(plan, raters, simulate, seed)
    # The root mean square belongs to the mean variance; a mean of roots would lie below it.
    return Need(
        raters, half_width(plan, raters), float(widths.mean()), float(widths.std() / math.sqrt(simulate)), simulate
    )


def _fewest(enough: object) -> int | None:
    assert callable(enough)
    if not enough(MOST_RATERS):
        return None
    low, high = 1, MOST_RATERS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def draw_study(plan: Plan, raters: int, gain: float, rng: np.random.Generator) -> tuple[Answers, Answers]:
    """One study of the model: answers to the better and to the lower of two methods among `plan.methods`.

    As the assignment does: every rater has as many clips of each method, every clip as many answers.
    """
    count = round(raters * plan.each)
    rater = np.tile((np.arange(count) / plan.each).astype(np.int64), 2)
    rounds = -(-count // plan.clips)
    clip = np.concatenate(
        [np.concatenate([rng.permutation(plan.clips) for _ in range(rounds)])[:count] for _ in range(2)]
    )
    method = np.repeat(np.arange(2), count)
    s = plan.spread
    level = plan.mean + gain * (method == 0) + rng.normal(0, s.rater, raters)[rater]
    level += rng.normal(0, s.clip, plan.clips)[clip] + rng.normal(0, s.rater_method, (raters, 2))[rater, method]
    level += rng.normal(0, s.clip_method, (plan.clips, 2))[clip, method]
    if plan.kind == "acr":
        value = level + rng.normal(0, s.rest, len(level))
    else:
        value = (rng.random(len(level)) < np.clip(level, 0, 1)).astype(np.float64)
    everything = Answers(value, rater, clip)
    return everything.where(method == 0), everything.where(method == 1)


def simulated_power(plan: Plan, raters: int, gain: float, studies: int = STUDIES, seed: int = 0) -> float:
    """Share of simulated studies whose interval leaves out 0 (on the scale's continuum, not rounded to points)."""
    rng = np.random.default_rng(seed)
    return float(np.mean([difference(*draw_study(plan, raters, gain, rng)).excludes(0.0) for _ in range(studies)]))


def simulated_half_widths(plan: Plan, raters: int, studies: int = STUDIES, seed: int = 0) -> Array:
    """(S,) half widths of the interval of a mean."""
    rng = np.random.default_rng(seed)
    found = [mean(draw_study(plan, raters, 0.0, rng)[1]) for _ in range(studies)]
    return np.array([(e.high - e.low) / 2 for e in found])


def spread_of_pilot(tables: Tables, question: str) -> tuple[Kind, Spread, float]:
    """Kind, spread and mean of a question of a pilot's export. Raises MeasureError when the pilot is too small."""
    rows = tables.answers[(tables.answers["question"] == question) & (tables.answers["role"] == "trial")]
    if rows.empty or set(rows["kind"]) - {"acr", "emotion"}:
        raise MeasureError(f"the pilot has no ratings of {question!r}", fix="name a question of kind acr or emotion")
    kind: Kind = "emotion" if rows["kind"].iloc[0] == "emotion" else "acr"
    value = (rows["answer"] == rows["emotion"]).astype(float) if kind == "emotion" else rows["value"].astype(float)
    answers = Answers(np.asarray(value), codes([*rows["rater"]]), codes([*rows["clip"]]))
    method = np.asarray(rows["method"])
    parts = [components(answers.where(method == m)) for m in np.unique(method)]
    centred = answers.value - np.array([answers.value[method == m].mean() for m in method])
    common = components(Answers(centred, answers.rater, answers.clip))
    rater, clip, rest = (float(np.mean([getattr(p, n) for p in parts])) for n in ("rater", "clip", "rest"))
    if not all(math.isfinite(v) for v in (rater, clip, rest, common.rater, common.clip)):
        raise MeasureError("the pilot is too small to tell raters from clips", fix="take more raters that share clips")

    def root(variance: float) -> float:
        return math.sqrt(max(variance, 0.0))

    spread = Spread(
        root(common.rater), root(common.clip), root(rater - max(common.rater, 0.0)),
        root(clip - max(common.clip, 0.0)), root(rest) if kind == "acr" else 0.0,
    )  # fmt: skip
    return kind, spread, float(answers.value.mean())
