"""How lively a face moves, as a share of the true video's: lips, brows, head. After THEval's idea, own definitions.

Everything is read from 68 landmarks in units of the clip's mean inter-ocular distance. Lips and brows are measured in
the face's own axes (line through the eyes' corners and its normal), so that a moving or rolling head does not move
them, nor does a blink: lids are no part of anything here. The amount of movement is a standard deviation over the clip:
jitter of a landmark detector, which adds to every velocity, hardly moves it. 1: as lively as the truth; 0: frozen;
above 1: livelier (or shaky). Version 1 measured from the middle of all eye points, lids included, so that half of what
it called a brow's movement was blinking.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from metrics.features.clip import Array, Measured
from metrics.lmd import interocular
from metrics.registry import MetricSpec, NotApplicable, Remarked, Unmeasurable, metric

Points = NDArray[np.floating]
MIN_FRAMES = 5
STILL = 0.002
"""Inter-ocular distances: a truth that moves less has no liveliness to keep."""
INNER_LIPS = ((61, 67), (62, 66), (63, 65))
BROWS = slice(17, 27)
LEFT_CORNERS, RIGHT_CORNERS = [36, 39], [42, 45]
RIGID = [*range(27, 36), 36, 39, 42, 45]
"""Nose and eye corners: points that speech and expression hardly move."""


def face_axes(landmarks: Points) -> tuple[Array, Array, Array]:
    """(T, 2) middle of the eyes' corners, unit vectors along the eye line and down the face, of (T, 68, 2)."""
    points = landmarks.astype(np.float64)
    left, right = points[:, LEFT_CORNERS].mean(axis=1), points[:, RIGHT_CORNERS].mean(axis=1)
    along = right - left
    along = along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    return (left + right) / 2, along, np.stack([-along[:, 1], along[:, 0]], axis=1)


def mouth_opening(landmarks: Points) -> Array:
    """(T,) mean gap between the inner lips along the face, in inter-ocular distances; nan without a face."""
    points = landmarks.astype(np.float64)
    _, _, down = face_axes(landmarks)
    gaps = [((points[:, low] - points[:, high]) * down).sum(axis=1) for high, low in INNER_LIPS]
    return np.asarray(np.mean(gaps, axis=0) / interocular(landmarks), np.float64)


def brow_height(landmarks: Points) -> Array:
    """(T,) mean height of the brows above the eyes' corners, in inter-ocular distances; nan without a face."""
    points = landmarks.astype(np.float64)
    middle, _, down = face_axes(landmarks)
    raised = middle - points[:, BROWS].mean(axis=1)
    return np.asarray((raised * down).sum(axis=1) / interocular(landmarks), np.float64)


def head_pose(landmarks: Points) -> Array:
    """(T, 5) place of the head (x, y), roll (radians) and where the nose's tip points (along, down).

    All but the roll are in inter-ocular distances; nan without a face.
    """
    points = landmarks.astype(np.float64)
    scale = interocular(landmarks)
    middle, along, down = face_axes(landmarks)
    place = points[:, RIGID].mean(axis=1) / scale
    tip = (points[:, 30] - middle) / scale
    roll = np.arctan2(along[:, 1], along[:, 0])
    return np.stack([place[:, 0], place[:, 1], roll, (tip * along).sum(axis=1), (tip * down).sum(axis=1)], axis=1)


def amount(series: Array) -> float:
    """Standard deviation over the finite frames of (T,) or (T, D), D parts as one: root of the summed variances.

    Raises Unmeasurable with fewer than 5 frames that have a face.
    """
    columns = series[:, None] if series.ndim == 1 else series
    seen = columns[np.isfinite(columns).all(axis=1)]
    if len(seen) < MIN_FRAMES:
        raise Unmeasurable(f"only {len(seen)} frames have a face; movement needs {MIN_FRAMES}")
    return float(np.sqrt(seen.var(axis=0).sum()))


def liveliness(generated: Points, reference: Points, read: Callable[[Points], Array]) -> float:
    """Movement of generated (T, 68, 2) landmarks as a share of the reference's, as `read` sees it.

    Raises NotApplicable when the reference is still, Unmeasurable without enough faces.
    """
    true = amount(read(reference))
    if true < STILL:
        raise NotApplicable(f"the reference hardly moves there ({true:.4f} < {STILL} inter-ocular distances)")
    return amount(read(generated)) / true


def _measure(measured: Measured, read: Callable[[Points], Array]) -> float | Remarked:
    reference = measured.reference_features().need("landmarks", "reference")
    generated = measured.generated.need("landmarks")
    n = measured.paired_length(len(reference))
    value = liveliness(generated[:n], reference[:n], read)
    lost = int((~np.isfinite(generated[:n]).all(axis=(1, 2))).sum())
    return Remarked(value, f"face lost in {lost} of {n} frames") if lost else value


def _spec(name: str, title: str, what: str, words: str, sees: tuple[str, ...]) -> MetricSpec:
    return MetricSpec(
        name=name,
        title=title,
        unit="ratio",
        higher_is_better=None,
        bounds=(0.0, float("inf")),
        needs=("landmarks",),
        source=f"definition: median over clips of std({what}) generated / reference",
        parts=(
            ("series", what.replace(" ", "-")),
            ("ratio", "std"),
            ("scope", f"std>={STILL}"),
            ("pool", "clip-median"),
        ),
        pooling="median",
        target=1.0,
        version="v2",
        group="Naturalness",
        help=words,
        sees=sees,
    )


@metric(
    _spec(
        "lip_dynamics",
        "Lip dynamics",
        "mouth opening",
        "Movement of the mouth's opening as a share of the true video's: 1 is right.",
        ("lip_flatten",),
    )
)
def lip_dynamics(measured: Measured) -> float | Remarked:
    """How much the mouth opens and closes, as a share of the reference."""
    return _measure(measured, mouth_opening)


@metric(
    _spec(
        "brow_dynamics",
        "Brow dynamics",
        "brow height",
        "Movement of the brows as a share of the true video's: 1 is right.",
        ("brow_flatten",),
    )
)
def brow_dynamics(measured: Measured) -> float | Remarked:
    """How much the brows rise and fall, as a share of the reference."""
    return _measure(measured, brow_height)


@metric(
    _spec(
        "head_dynamics",
        "Head dynamics",
        "head pose",
        "Movement of the head as a share of the true video's: 1 is right.",
        ("head_flatten",),
    )
)
def head_dynamics(measured: Measured) -> float | Remarked:
    """How much the head moves and turns, as a share of the reference."""
    return _measure(measured, head_pose)
