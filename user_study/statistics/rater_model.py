"""The rater model of ITU-T P.910 Annex E: every rater has a bias and an inconsistency, every clip a quality.

    u_ij = psi_j + delta_i + v_i * x,   x ~ N(0, 1)

psi_j quality of clip j, delta_i bias of rater i, v_i inconsistency; maximum likelihood by alternating projection, the
biases of the raters summing to zero. A careless rater is not thrown out but weighs 1 / v_i^2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from user_study.statistics.crossed import Answers, Array, Codes, Estimate, interval, joined, nothing

SHRINK = 8.0
"""Our choice: a rater's variance is drawn towards all raters' as if by so many answers more. Without it the likelihood
has no maximum: it grows without bound where the qualities follow one rater exactly."""
LEAST_INCONSISTENCY = 0.01
"""In points of the scale; reached only without shrinking."""
STEPS = 1000
TOLERANCE = 1e-8


@dataclass(frozen=True)
class RaterModel:
    """What was found. Entries of clips without an answer and of raters without one are nan."""

    quality: Array
    """(J,) psi, in points of the scale."""
    quality_se: Array
    """(J,) standard error of psi given the raters: (sum of 1 / v_i^2)^-1/2."""
    bias: Array
    """(I,) delta."""
    inconsistency: Array
    """(I,) v."""
    steps: int
    converged: bool
    note: str = ""

    def weights(self, answers: Answers) -> Array:
        """(N,) 1 / v_i^2 of each answer, scaled to mean 1."""
        weight = 1.0 / self.inconsistency[answers.rater] ** 2
        return np.asarray(weight / weight.mean(), np.float64)


def fit(answers: Answers, stimulus: Codes | None = None, *, shrink: float = SHRINK) -> RaterModel:
    """Fit the model. `stimulus` (N,) numbers what was rated when that is more than the source clip (method x clip).

    A rater may have any subset of the stimuli. `shrink=0` is the recommendation to the letter; where the likelihood
    then has no maximum, `note` names how many raters hang at the least inconsistency.
    """
    what = answers.clip if stimulus is None else np.asarray(stimulus, np.int64)
    rater, u = answers.rater, answers.value
    if len(u) == 0:
        empty = np.zeros(0)
        return RaterModel(empty, empty, empty, empty, 0, False, "nobody answered")
    raters, clips = int(rater.max()) + 1, int(what.max()) + 1
    per_rater = _counts(rater, raters)
    quality = np.bincount(what, u, clips) / _counts(what, clips)
    bias = np.bincount(rater, u - quality[what], raters) / per_rater
    spread = np.ones(raters)
    step, moved = 0, math.inf
    while moved > TOLERANCE and step < STEPS:
        step += 1
        rest = u - quality[what] - bias[rater]
        centre = np.bincount(rater, rest, raters) / per_rater
        squares = np.bincount(rater, (rest - centre[rater]) ** 2, raters)
        pooled = float(squares.sum()) / len(u)
        spread = np.sqrt((squares + shrink * pooled) / (per_rater + shrink))
        spread = np.where(np.isnan(spread), np.nan, np.maximum(spread, LEAST_INCONSISTENCY))
        weight = 1.0 / spread[rater] ** 2
        new = np.bincount(what, weight * (u - bias[rater]), clips) / _positive(np.bincount(what, weight, clips))
        bias = np.bincount(rater, u - new[what], raters) / per_rater
        moved = float(np.nanmax(np.abs(new - quality)))
        quality = new
    # Only differences are told: the mean over raters is put at no bias.
    shift = float(np.nanmean(bias))
    quality, bias = quality + shift, bias - shift
    se = 1.0 / np.sqrt(_positive(np.bincount(what, 1.0 / spread[rater] ** 2, clips)))
    stuck = int((spread <= LEAST_INCONSISTENCY).sum())
    notes = [f"{stuck} raters fit exactly: held at inconsistency {LEAST_INCONSISTENCY:g}"] if stuck else []
    notes += [] if moved <= TOLERANCE else [f"not converged after {STEPS} steps (last change {moved:.2g})"]
    return RaterModel(quality, se, bias, spread, step, moved <= TOLERANCE, "; ".join(notes))


def _counts(code: np.ndarray, size: int) -> Array:
    return _positive(np.bincount(code, minlength=size).astype(np.float64))


def _positive(values: NDArray[Any]) -> Array:
    return np.asarray(np.where(values > 0, values, np.nan), np.float64)


def adjusted_mean(answers: Answers, weights: Array, stimulus: Codes, limits: tuple[float, float]) -> Estimate:
    """Mean quality of a method's stimuli, each rated with the raters' weights: Annex E's MOS over raters and clips.

    The bias of the panel is part of the uncertainty, so plain answers go into the interval; every stimulus counts once.
    """
    if len(answers) == 0:
        return nothing("nobody answered")
    share = stimulus_shares(weights, stimulus)
    value = float(share @ answers.value)
    return interval(value, share * (answers.value - value), answers, limits=limits)


def adjusted_contrast(first: tuple[Answers, Array], second: tuple[Answers, Array], model: RaterModel) -> Estimate:
    """Difference of two methods' qualities; each is (answers, shares). The raters' biases are taken off first."""
    value, parts = 0.0, []
    for sign, (answers, share) in ((1.0, first), (-1.0, second)):
        if len(answers) == 0:
            return nothing("nobody answered for one of the methods")
        freed = answers.value - model.bias[answers.rater]
        centre = float(share @ freed)
        value += sign * centre
        parts.append(sign * share * (freed - centre))
    return interval(value, np.concatenate(parts), joined((first[0], second[0])))


def stimulus_shares(weights: Array, stimulus: Codes) -> Array:
    """(N,) shares that sum to 1: every stimulus the same, within it by the raters' weights."""
    index = np.unique(stimulus, return_inverse=True)[1]
    total = np.bincount(index, weights)
    return np.asarray(weights / total[index] / len(total), np.float64)
