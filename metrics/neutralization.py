"""How neutral is a face that ought to be neutral: P(neutral), residual intensity, distance to the true neutral twin.

For results that should show no emotion whatever the voice or the reference image carries (ANT's, or a neutralized
picture): a method that is to be emotional has no such row.
"""

from __future__ import annotations

import numpy as np

from eap.constants import NEUTRAL
from metrics.features.clip import Measured
from metrics.lmd import FACE, landmark_distance
from metrics.registry import MetricSpec, Remarked, Unmeasurable, metric


def _remarked(value: float, valid: int, n: int) -> float | Remarked:
    if valid == 0:
        raise Unmeasurable("no frame has a face")
    return value if valid == n else Remarked(value, f"face lost in {n - valid} of {n} frames")


@metric(
    MetricSpec(
        name="neutral_probability",
        title="P(neutral)",
        unit="probability",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        needs=("emotion",),
        source="definition: mean over frames of the evaluator's probability of neutral (8 classes)",
        parts=(("classes", "8"), ("pool", "clip-mean")),
        reference=False,
        group="Neutralization",
        help="How probable the judge finds it that a face meant to be neutral is neutral.",
        neutral_only=True,
        sees=("emotion_residue",),
    )
)
def neutral_probability(measured: Measured) -> float | Remarked:
    """Mean probability of neutral over the frames of one clip."""
    seen = measured.generated.need("emotion")[:, NEUTRAL].astype(np.float64)
    valid = np.isfinite(seen)
    return _remarked(float(seen[valid].mean()) if valid.any() else float("nan"), int(valid.sum()), len(seen))


@metric(
    MetricSpec(
        name="neutral_residual",
        title="Residual intensity",
        unit="",
        higher_is_better=False,
        bounds=(0.0, float("inf")),
        needs=("affect",),
        source="definition: mean over frames of r = sqrt(v^2 + a^2)",
        parts=(("series", "r"), ("pool", "clip-mean")),
        reference=False,
        group="Neutralization",
        help="Emotional intensity that is left in a face meant to be neutral.",
        neutral_only=True,
        sees=("emotion_residue",),
    )
)
def neutral_residual(measured: Measured) -> float | Remarked:
    """Mean intensity over the frames of one clip."""
    seen = measured.generated.intensity()
    valid = np.isfinite(seen)
    return _remarked(float(seen[valid].mean()) if valid.any() else float("nan"), int(valid.sum()), len(seen))


@metric(
    MetricSpec(
        name="twin_distance",
        title="Distance to the neutral twin",
        unit="interocular",
        higher_is_better=False,
        bounds=(0.0, float("inf")),
        needs=("landmarks", "twin"),
        source="definition: F-LMD (inter-ocular) to the true neutral twin, which shares all but the emotion",
        parts=(("points", "face68"), ("norm", "interocular"), ("centre", "own-mean"), ("pool", "clip-mean")),
        reference=False,
        group="Neutralization",
        help="Mean distance of face landmarks to the same take without emotion.",
        default=False,
        neutral_only=True,
        sees=("emotion_residue",),
    )
)
def twin_distance(measured: Measured) -> float | Remarked:
    """Face landmark distance of one clip to its neutral twin, in inter-ocular distances."""
    if measured.twin is None:
        raise Unmeasurable(measured.twin_reason or "the clip has no neutral twin")
    twin, generated = measured.twin.need("landmarks", "twin"), measured.generated.need("landmarks")
    n = measured.paired_length(len(twin), "twin")
    value, valid = landmark_distance(generated[:n], twin[:n], FACE)
    return _remarked(value, valid, n)
