"""P(emotion): how probable does the evaluator find the emotion that the voice carries? Acc_emo's continuous companion.

Accuracy asks only which emotion comes first: on a few dozen clips it moves in steps of whole clips, and a face that
grows less plain moves it not at all. This is a mean over frames, as P(neutral) is for faces meant to be neutral.
"""

from __future__ import annotations

import numpy as np

from eap.constants import EMOTIONS
from metrics.features.clip import Measured
from metrics.registry import MetricSpec, Remarked, Unmeasurable, metric


@metric(
    MetricSpec(
        name="emotion_probability",
        title="P(emotion)",
        unit="probability",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        needs=("emotion",),
        source="definition: mean over frames of the evaluator's probability of the driving emotion (8 classes)",
        parts=(("classes", "8"), ("of", "driving-emotion"), ("pool", "clip-mean")),
        reference=False,
        group="Emotion",
        help="How probable the judge finds it that the face shows the emotion of the voice.",
        sees=("emotion_swap",),
    )
)
def emotion_probability(measured: Measured) -> float | Remarked:
    """Mean probability of the clip's own emotion over the frames of one clip that have a face."""
    frames = measured.generated.need("emotion")
    if measured.emotion is None:
        raise Unmeasurable("the emotion of this clip is not known")
    seen = frames[:, EMOTIONS.index(measured.emotion)].astype(np.float64)
    valid = np.isfinite(seen)
    if not valid.any():
        raise Unmeasurable("no frame has a face")
    value, lost = float(seen[valid].mean()), int((~valid).sum())
    return Remarked(value, f"face lost in {lost} of {len(seen)} frames") if lost else value
