"""Emotion accuracy: does the evaluator see in the face the emotion that the voice carries?

A clip is judged once, by the mean over frames of log-probabilities: frames are read as repeated looks at one emotion.
Probabilities are floored first, so that no single over-confident frame decides a clip.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eap.constants import EMOTIONS
from metrics.features.clip import Measured
from metrics.registry import MetricSpec, Unmeasurable, metric
from metrics.results import ClipReading, ConfusionCell

FLOOR = 1e-3


def judge_clip(probabilities: NDArray[np.floating]) -> str:
    """The emotion of a clip from (T, 8) frame probabilities; frames that are not finite are left out.

    Raises Unmeasurable when no frame is left.
    """
    seen = probabilities[np.isfinite(probabilities).all(axis=1)].astype(np.float64)
    if len(seen) == 0:
        raise Unmeasurable("no frame has a face")
    return EMOTIONS[int(np.log(np.maximum(seen, FLOOR)).mean(axis=0).argmax())]


def confusion(readings: tuple[ClipReading, ...]) -> tuple[ConfusionCell, ...]:
    """Counts of true against judged emotion, per method and track; clips without either are left out."""
    counts: dict[tuple[str, str, str, str], int] = {}
    for reading in readings:
        if reading.emotion is not None and reading.judged_emotion is not None:
            key = (reading.method, reading.track, reading.emotion, reading.judged_emotion)
            counts[key] = counts.get(key, 0) + 1
    return tuple(ConfusionCell(*key, count) for key, count in sorted(counts.items()))


@metric(
    MetricSpec(
        name="emotion_accuracy",
        title="Acc_emo",
        unit="fraction",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        needs=("emotion",),
        source="definition: share of clips judged as their driving emotion, 8 classes (chance .125 when balanced)",
        parts=(("classes", "8"), ("judge", "mean-log-prob"), ("pool", "clips")),
        reference=False,
    )
)
def emotion_accuracy(measured: Measured) -> float:
    """1 when the clip is judged as the emotion of its voice, else 0."""
    probabilities = measured.generated.need("emotion")
    if measured.emotion is None:
        raise Unmeasurable("the emotion of this clip is not known")
    return float(judge_clip(probabilities) == measured.emotion)
