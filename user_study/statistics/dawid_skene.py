"""Dawid & Skene (1979): what a clip shows, and how each rater confuses it, from answers alone, by EM.

Each rater's row of confusions is drawn towards all raters' by `shrink` answers (our choice; 0 is the model of the
paper): with a few dozen answers a rater, eight times nine free shares each cannot be told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from user_study.statistics.crossed import Array, Codes

STEPS = 500
TOLERANCE = 1e-6
SHRINK = 8.0
_TINY = 1e-10


@dataclass(frozen=True)
class Consensus:
    """`belief` (J, K) per clip; `confusion` (I, K, L): rater i answers l to a clip of class k; `prior` (K,)."""

    belief: Array
    confusion: Array
    prior: Array
    steps: int
    converged: bool

    @property
    def label(self) -> Codes:
        """(J,) the likeliest class of each clip."""
        return np.asarray(self.belief.argmax(axis=1), np.int64)

    @property
    def skill(self) -> Array:
        """(I,) probability that a rater answers a random clip with its class."""
        classes = len(self.prior)
        right = self.confusion[:, np.arange(classes), np.arange(classes)]
        return np.asarray(right @ self.prior, np.float64)


def dawid_skene(
    rater: Codes, clip: Codes, answer: Codes, classes: int, answers: int | None = None, *, shrink: float = SHRINK
) -> Consensus:
    """EM from the majority's shares. `answer` (N,) in 0..answers-1, of which the first `classes` are the classes.

    `answers` may be more than `classes`: the rest ("unsure") tells nothing by itself but something of the rater.
    Raises ValueError for no answers or codes outside.
    """
    kinds = classes if answers is None else answers
    if len(answer) == 0:
        raise ValueError("nobody answered")
    if answer.min() < 0 or answer.max() >= kinds:
        raise ValueError(f"answers must be 0..{kinds - 1}")
    raters, clips = int(rater.max()) + 1, int(clip.max()) + 1
    belief = majority_shares(clip, answer, classes, clips)
    # One-hot table of answers: belief of clips meets them by two matrix products per rater-answer pair.
    slot = rater * kinds + answer
    step, moved = 0, np.inf
    while moved > TOLERANCE and step < STEPS:
        step += 1
        counts = np.zeros((raters * kinds, classes))
        np.add.at(counts, slot, belief[clip])
        confusion = _confusion(counts.reshape(raters, kinds, classes).transpose(0, 2, 1), shrink)
        seen = np.bincount(clip, minlength=clips) > 0
        prior = belief[seen].mean(axis=0)
        log = np.log(prior + _TINY) + np.zeros((clips, classes))
        np.add.at(log, clip, np.log(confusion[rater, :, answer] + _TINY))
        log -= log.max(axis=1, keepdims=True)
        new = np.exp(log)
        new /= new.sum(axis=1, keepdims=True)
        moved, belief = float(np.abs(new - belief).max()), new
    return Consensus(belief, confusion, prior, step, moved <= TOLERANCE)


def _confusion(counts: NDArray[np.float64], shrink: float) -> Array:
    """(I, K, L) shares of each row, drawn to the pooled row (itself with half an answer spread evenly)."""
    pooled = counts.sum(axis=0) + (0.5 / counts.shape[2] if shrink else 0.0)
    pooled = pooled / np.maximum(pooled.sum(axis=1, keepdims=True), _TINY)
    drawn = counts + shrink * pooled
    return np.asarray(drawn / np.maximum(drawn.sum(axis=2, keepdims=True), _TINY), np.float64)


def majority_shares(clip: Codes, answer: Codes, classes: int, clips: int | None = None) -> Array:
    """(J, K) share of each class among a clip's answers ("unsure" left out; a clip without any: even)."""
    count = int(clip.max()) + 1 if clips is None else clips
    told = answer < classes
    table = np.bincount(clip[told] * classes + answer[told], minlength=count * classes).reshape(count, classes)
    total = table.sum(axis=1, keepdims=True)
    return np.asarray(np.where(total > 0, table / np.maximum(total, 1), 1.0 / classes), np.float64)


def majority_credit(shares: Array, truth: Codes) -> Array:
    """(J,) 1 where the majority names the truth; a tie of t classes that holds it gives 1 / t."""
    top = np.isclose(shares, shares.max(axis=1, keepdims=True))
    right = top[np.arange(len(truth)), truth]
    return np.where(right, 1.0 / top.sum(axis=1), 0.0)
