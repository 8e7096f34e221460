"""Which frame of the chosen clip becomes the reference image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.suites import Track
from eap.data.clip import Clip
from eap.data.truth import Truth, load_truth

Floats = npt.NDArray[np.float64]


def reference_frame(clip: Clip, track: Track, n_frames: int) -> int:
    """Index of the reference frame.

    With truth: on the emotional track the apex (largest alpha) among frames with open eyes; on the neutral track the
    frame with the most closed mouth among those with open eyes. Without truth: the middle frame, or the first.
    """
    if clip.truth is None:
        return n_frames // 2 if track == "emotional" else 0
    truth = load_truth(Path(clip.truth))
    count = min(n_frames, len(truth.alpha))
    eyes = _eye_opening(truth)[:count]
    awake = eyes >= 0.8 * float(np.median(eyes))
    score = np.asarray(truth.alpha, np.float64)[:count] if track == "emotional" else -_mouth_opening(truth)[:count]
    return int(np.argmax(np.where(awake, score, -np.inf)))


def _eye_opening(truth: Truth) -> Floats:
    """Mean lid distance over mean eye width, per frame (T,)."""
    points = np.asarray(truth.landmarks, np.float64)
    lids = [(37, 41), (38, 40), (43, 47), (44, 46)]
    gap = np.mean([np.linalg.norm(points[:, a] - points[:, b], axis=1) for a, b in lids], axis=0)
    width = np.mean([np.linalg.norm(points[:, a] - points[:, b], axis=1) for a, b in [(36, 39), (42, 45)]], axis=0)
    opening: Floats = gap / np.maximum(width, 1e-6)
    return opening


def _mouth_opening(truth: Truth) -> Floats:
    """Inner lip distance over inner mouth width, per frame (T,)."""
    points = np.asarray(truth.landmarks, np.float64)
    gap = np.linalg.norm(points[:, 62] - points[:, 66], axis=1)
    opening: Floats = gap / np.maximum(np.linalg.norm(points[:, 60] - points[:, 64], axis=1), 1e-6)
    return opening
