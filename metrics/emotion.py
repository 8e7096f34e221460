"""Emotion accuracy: does the evaluator see in the face the emotion that the voice carries?

A clip is judged once, by the mean over frames of log-probabilities: frames are read as repeated looks at one emotion.
Probabilities are floored first, so that no single over-confident frame decides a clip.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from eap.constants import EMOTIONS
from metrics.features.clip import Measured
from metrics.registry import MetricSpec, NotApplicable, Remarked, Unmeasurable, metric
from metrics.results import ClipReading, ConfusionCell

FLOOR = 1e-3


SEVEN: tuple[str, ...] = tuple(name for name in EMOTIONS if name != "contempt")
"""The classes of the 7-class form: RAVDESS, the 7-class HSEmotion and most papers have no contempt."""


def judge_clip(probabilities: NDArray[np.floating], classes: Sequence[str] = EMOTIONS) -> str:
    """The emotion of a clip among `classes` from (T, 8) frame probabilities; frames that are not finite are left out.

    Raises Unmeasurable when no frame is left.
    """
    seen = probabilities[np.isfinite(probabilities).all(axis=1)].astype(np.float64)
    if len(seen) == 0:
        raise Unmeasurable("no frame has a face")
    # Leaving classes out and renormalising changes every frame by a factor of its own, which no argmax sees.
    kept = [EMOTIONS.index(name) for name in classes]
    return classes[int(np.log(np.maximum(seen, FLOOR)).mean(axis=0)[kept].argmax())]


def confusion(readings: tuple[ClipReading, ...]) -> tuple[ConfusionCell, ...]:
    """Counts of true against judged emotion, per method and track; clips without either are left out."""
    counts: dict[tuple[str, str, str, str], int] = {}
    for reading in readings:
        if reading.emotion is not None and reading.judged_emotion is not None:
            key = (reading.method, reading.track, reading.emotion, reading.judged_emotion)
            counts[key] = counts.get(key, 0) + 1
    return tuple(ConfusionCell(*key, count) for key, count in sorted(counts.items()))


def _accuracy(measured: Measured, classes: Sequence[str]) -> float | Remarked:
    probabilities = measured.generated.need("emotion")
    if measured.emotion is None:
        raise Unmeasurable("the emotion of this clip is not known")
    if measured.emotion not in classes:
        raise NotApplicable(f"{measured.emotion} is none of the {len(classes)} classes")
    value = float(judge_clip(probabilities, classes) == measured.emotion)
    lost = int((~np.isfinite(probabilities).all(axis=1)).sum())
    return Remarked(value, f"face lost in {lost} of {len(probabilities)} frames") if lost else value


def _spec(name: str, title: str, count: int, scope: str, words: str) -> MetricSpec:
    return MetricSpec(
        name=name,
        title=title,
        unit="fraction",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        needs=("emotion",),
        source=f"definition: share of clips judged as their driving emotion, {count} classes ({scope})",
        parts=(("classes", str(count)), ("judge", "mean-log-prob"), ("pool", "clips")),
        reference=False,
        pooling="proportion",
        group="Emotion",
        help=words,
        default=count == len(EMOTIONS),
        sees=("emotion_swap",),
    )


@metric(
    _spec(
        "emotion_accuracy",
        "Acc_emo",
        8,
        "chance .125 when balanced",
        "Share of clips judged to show the emotion of the voice.",
    )
)
def emotion_accuracy(measured: Measured) -> float | Remarked:
    """1 when the clip is judged as the emotion of its voice, else 0."""
    return _accuracy(measured, EMOTIONS)


@metric(
    _spec(
        "emotion_accuracy_7",
        "Acc_emo (7)",
        7,
        "chance .143; clips of contempt are left out, and contempt is never judged",
        "Share of clips judged to show the emotion of the voice, without contempt.",
    )
)
def emotion_accuracy_7(measured: Measured) -> float | Remarked:
    """1 when the clip is judged as the emotion of its voice among seven, else 0."""
    return _accuracy(measured, SEVEN)
