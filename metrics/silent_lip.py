"""Silent-lip stability: do the lips rest while the voice is silent? After THEval's idea, own definition.

A frame is silent when the sound is 30 dB or more below the clip's loudest tenth. The first and last frame of a silence
are left out, for lips close and open before the voice does. The value is the mean absolute change of the mouth's
opening from one silent frame to the next, in inter-ocular distances: 0 is at rest. No reference is needed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metrics.features.clip import Array, Measured
from metrics.movement import mouth_opening
from metrics.registry import MetricSpec, NotApplicable, Unmeasurable, metric

BELOW_DB = 30.0
LOUD = 90.0
"""Percentile of the frames' level that counts as the clip's loudness."""
MIN_STEPS = 3
"""Pairs of silent frames that a clip must have."""


def silent_steps(loudness: NDArray[np.floating]) -> NDArray[np.bool_]:
    """(T - 1,) whether frames t and t+1 both lie inside a silence, neither at its edge, of (T,) levels in dB.

    Frames without sound (nan) are not silent: nothing is known of them. The ends of the clip are no edges.
    """
    level = loudness.astype(np.float64)
    heard = level[np.isfinite(level)]
    if len(heard) == 0:
        return np.zeros(max(len(level) - 1, 0), np.bool_)
    quiet = np.isfinite(level) & (level <= np.percentile(heard, LOUD) - BELOW_DB)
    around = np.pad(quiet, 1, mode="edge")
    inside = quiet & around[:-2] & around[2:]
    return np.asarray(inside[:-1] & inside[1:], np.bool_)


def restlessness(opening: Array, steps: NDArray[np.bool_]) -> float:
    """Mean absolute change of a (T,) opening over the chosen (T - 1,) steps; nan when none has a face."""
    change = np.abs(np.diff(opening))[steps]
    change = change[np.isfinite(change)]
    return float(change.mean()) if len(change) else float("nan")


@metric(
    MetricSpec(
        name="silent_lip",
        title="Silent-lip motion",
        unit="interocular/frame",
        higher_is_better=False,
        bounds=(0.0, float("inf")),
        needs=("landmarks", "loudness"),
        source="definition: mean |change of mouth opening| between frames inside a silence",
        parts=(("silence", f"p{LOUD:.0f}-{BELOW_DB:.0f}dB"), ("pool", "clip-mean")),
        reference=False,
        group="Naturalness",
        help="How much the lips move while the voice is silent: 0 is at rest.",
        sees=("lip_tremble",),
    )
)
def silent_lip(measured: Measured) -> float:
    """Mean change of the mouth's opening per silent frame of one clip."""
    landmarks = measured.generated.need("landmarks")
    loudness = measured.generated.need("loudness")
    steps = silent_steps(loudness)
    if steps.sum() < MIN_STEPS:
        raise NotApplicable(f"only {int(steps.sum())} steps of silence, {MIN_STEPS} are needed")
    value = restlessness(mouth_opening(landmarks), steps)
    if not np.isfinite(value):
        raise Unmeasurable("no face in the silent frames")
    return value
