"""Reference leakage: how often the reference image's own emotion shows in the result (Problem 1, as a number).

P(judged = reference's emotion | emotional reference) - P(judged = that same emotion | neutral reference), over clips
whose driving emotion is another. 0: the result depends on the voice alone; 1: the reference's emotion always wins.
"""

from __future__ import annotations

from collections.abc import Iterable

from metrics.registry import MetricSpec, SetInputs, SetResult, set_metric
from metrics.results import NOT_APPLICABLE, ClipReading

TRACK = "emotional"
CONTROL = "neutral"


def clip_leakage(emotional: ClipReading, neutral: ClipReading | None) -> tuple[float, str]:
    """One clip's contribution, -1, 0 or 1, or nan with the reason."""
    target = emotional.reference_emotion
    if target is None:
        return float("nan"), "the reference image's emotion is not known"
    if target == emotional.emotion:
        return float("nan"), f"{NOT_APPLICABLE}: reference and voice carry the same emotion"
    if emotional.emotion is None:
        return float("nan"), "the emotion of this clip is not known"
    if emotional.judged_emotion is None:
        return float("nan"), "not judged on the emotional track"
    if neutral is None or neutral.judged_emotion is None:
        return float("nan"), "not judged on the neutral track"
    return float(emotional.judged_emotion == target) - float(neutral.judged_emotion == target), ""


def leakage_per_clip(readings: Iterable[ClipReading], method: str) -> tuple[tuple[ClipReading, float, str], ...]:
    """Every clip of the method's emotional track with its contribution and, where there is none, the reason."""
    mine = [reading for reading in readings if reading.method == method]
    control = {reading.clip_id: reading for reading in mine if reading.track == CONTROL}
    return tuple(
        (reading, *clip_leakage(reading, control.get(reading.clip_id))) for reading in mine if reading.track == TRACK
    )


@set_metric(
    MetricSpec(
        name="reference_leakage",
        title="Reference leakage",
        unit="probability",
        higher_is_better=False,
        bounds=(-1.0, 1.0),
        needs=("emotion",),
        source="definition: P(judged = reference's emotion, emotional reference) - P(the same, neutral reference)",
        parts=(("control", "neutral-track"), ("scope", "reference!=driving"), ("pool", "clips")),
        reference=False,
        group="Emotion",
        help="How much more often the reference image's emotion is seen than with a neutral reference.",
        sees=("emotion_swap",),
    )
)
def reference_leakage(inputs: SetInputs) -> SetResult | None:
    """Per-clip contributions of one method; only the emotional track has them."""
    if inputs.track != TRACK:
        return None
    return SetResult(clip_values=leakage_per_clip(inputs.readings, inputs.method))
