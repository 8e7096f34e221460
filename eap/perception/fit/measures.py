"""Held-out figures of perception networks. Plain numpy; every function can be worked by hand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from eap.constants import NEUTRAL

Array = NDArray[np.floating]


def pcc(a: Array, b: Array) -> float:
    """Pearson correlation; NaN when one side is constant."""
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / norm if norm > 0 else float("nan")


def ccc(a: Array, b: Array) -> float:
    """Lin's concordance correlation (population variances); NaN when both sides are constant and equal."""
    spread = float(a.var() + b.var() + (a.mean() - b.mean()) ** 2)
    return float(2 * ((a - a.mean()) * (b - b.mean())).mean()) / spread if spread > 0 else float("nan")


def within_clips_pcc(a: Array, b: Array, clip: NDArray[np.integer], least_std: float = 0.02) -> float:
    """Mean over clips of the correlation of `a` with truth `b`, over clips where truth moves at all."""
    found = []
    for c in np.unique(clip):
        mine = clip == c
        if b[mine].std() >= least_std:
            value = pcc(a[mine], b[mine])
            found.append(0.0 if np.isnan(value) else value)
    return float(np.mean(found)) if found else float("nan")


def brow_rise(points: Array) -> Array:
    """(N,) height of the brows above the eyes' corners, (N,68,2) in; same unit. Lids are no part of it."""
    return np.asarray(points[:, [36, 39, 42, 45], 1].mean(1) - points[:, 17:27, 1].mean(1))


def landmark_errors(
    found: Array, truth: Array, side: float, clip: NDArray[np.integer] | None = None
) -> dict[str, float]:
    """Mean distance in pixels of a frame with `side` pixels, all points and the mouth's; mouth gap correlation.

    `found`, `truth`: (N,68,2) in 0..1. With `clip` (N,), which clip each frame is of, also whether the brows are seen
    to move: the correlation of `brow_rise` within clips where it truly moves by .004 of the side or more.
    """
    distance = np.linalg.norm(found - truth, axis=-1) * side

    def gap(points: Array) -> Array:
        return np.asarray((points[:, [65, 66, 67], 1] - points[:, [63, 62, 61], 1]).mean(1))

    brows = {} if clip is None else {
        "brow_pcc_within_clip": within_clips_pcc(brow_rise(found), brow_rise(truth), clip, 0.004)
    }  # fmt: skip
    return brows | {
        "landmarks_px": float(distance.mean()),
        "landmarks_p95_px": float(np.percentile(distance.mean(1), 95)),
        "mouth_px": float(distance[:, 48:68].mean()),
        "mouth_gap_pcc": pcc(gap(found), gap(truth)),
        "mouth_gap_error_px": float(np.abs(gap(found) - gap(truth)).mean() * side),
    }


def emotion_figures(
    probabilities: Array, emotion: NDArray[np.integer], alpha: Array, clip: NDArray[np.integer]
) -> dict[str, float]:
    """Accuracy over frames, over frames where the emotion shows (alpha > .3, or neutral), and over clips (mean p)."""
    right = probabilities.argmax(1) == emotion
    shows = (alpha > 0.3) | (emotion == NEUTRAL)
    clips = np.unique(clip)
    by_clip = [probabilities[clip == c].mean(0).argmax() == emotion[clip == c][0] for c in clips]
    return {
        "emotion_accuracy": float(right.mean()),
        "emotion_accuracy_visible": float(right[shows].mean()) if shows.any() else float("nan"),
        "emotion_accuracy_clip": float(np.mean(by_clip)),
    }


def affect_figures(va: Array, truth: Array, clip: NDArray[np.integer]) -> dict[str, float]:
    """CCC of valence and arousal (N,2), and how well intensity r = sqrt(v^2+a^2) is followed."""
    r, r_true = np.hypot(va[:, 0], va[:, 1]), np.hypot(truth[:, 0], truth[:, 1])
    return {
        "valence_ccc": ccc(va[:, 0], truth[:, 0]),
        "arousal_ccc": ccc(va[:, 1], truth[:, 1]),
        "intensity_pcc": pcc(r, r_true),
        "intensity_pcc_within_clip": within_clips_pcc(r, r_true, clip),
        "intensity_rmse": float(np.sqrt(((r - r_true) ** 2).mean())),
    }


def roc_auc(same: Array, different: Array) -> float:
    """Chance that a same-person score exceeds a different-person score (ties half)."""
    ranks = rankdata(np.concatenate([same, different]))
    low = len(same) * (len(same) + 1) / 2
    return float((ranks[: len(same)].sum() - low) / (len(same) * len(different)))


def equal_error_rate(same: Array, different: Array) -> float:
    """Where false accepts equal false rejects."""
    thresholds = np.unique(np.concatenate([same, different]))
    rejects = np.searchsorted(np.sort(same), thresholds) / len(same)
    accepts = 1 - np.searchsorted(np.sort(different), thresholds) / len(different)
    i = int(np.abs(rejects - accepts).argmin())
    return float((rejects[i] + accepts[i]) / 2)
