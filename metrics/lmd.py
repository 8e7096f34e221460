"""Landmark distances of the mouth (M-LMD) and the whole face (F-LMD).

EAT's form: each set of points is centred on its own mean, the distance is in pixels. Ours, the default: the same,
divided by the reference's inter-ocular distance (outer eye corners, mean over the clip), so that the size of the face
in the picture does not matter.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from metrics.features.clip import Measured
from metrics.registry import MetricSpec, Remarked, Unmeasurable, metric

MOUTH = slice(48, 68)
FACE = slice(0, 68)
OUTER_EYE_CORNERS = (36, 45)
Unit = Literal["pixels", "interocular"]
Points = NDArray[np.floating]


def interocular(landmarks: Points) -> float:
    """Mean distance of the outer eye corners over the frames of (T, 68, 2) that have a face, in pixels."""
    left, right = (landmarks[:, index].astype(np.float64) for index in OUTER_EYE_CORNERS)
    distances = np.linalg.norm(left - right, axis=-1)
    distances = distances[np.isfinite(distances)]
    return float(distances.mean()) if len(distances) else float("nan")


def valid_frames(generated: Points, reference: Points) -> NDArray[np.bool_]:
    """(T,) whether both sides have a face."""
    both = np.isfinite(generated).all(axis=(1, 2)) & np.isfinite(reference).all(axis=(1, 2))
    return np.asarray(both, np.bool_)


def frame_distances(generated: Points, reference: Points, points: slice) -> NDArray[np.float64]:
    """(T,) mean distance in pixels over the points of (T, 68, 2), both sides centred; nan without a face."""
    a, b = generated[:, points].astype(np.float64), reference[:, points].astype(np.float64)
    a = a - a.mean(axis=1, keepdims=True)
    b = b - b.mean(axis=1, keepdims=True)
    return np.asarray(np.linalg.norm(a - b, axis=-1).mean(axis=1), np.float64)


def landmark_distance(
    generated: Points, reference: Points, points: slice, unit: Unit = "interocular"
) -> tuple[float, int]:
    """Mean over valid frames of equally long (T, 68, 2) landmarks, and how many frames were valid.

    `unit="pixels"` equals EAT's test_lmd.py; `"interocular"` divides by the reference's inter-ocular distance.
    Raises Unmeasurable when no frame has a face on both sides; ValueError on unequal shapes.
    """
    if generated.shape != reference.shape:
        raise ValueError(f"landmarks of shapes {generated.shape} and {reference.shape} cannot be compared")
    valid = valid_frames(generated, reference)
    count = int(valid.sum())
    if count == 0:
        raise Unmeasurable("no frame has a face on both sides")
    value = float(frame_distances(generated, reference, points)[valid].mean())
    if unit == "pixels":
        return value, count
    scale = interocular(reference[valid])
    if not scale > 0:
        raise Unmeasurable("reference: the eye corners coincide")
    return value / scale, count


def pair_by_linspace(generated: Points, reference: Points) -> tuple[Points, Points]:
    """EAT's pairing of unequal lengths: min(n1, n2) frames of each, evenly spread by `np.linspace`."""
    n = min(len(generated), len(reference))
    first, second = (np.linspace(0, len(side), n, endpoint=False).astype(int) for side in (generated, reference))
    return generated[first], reference[second]


def _measure(measured: Measured, points: slice) -> float | Remarked:
    reference = measured.reference_features().need("landmarks", "reference")
    generated = measured.generated.need("landmarks")
    n = measured.paired_length(len(reference))
    value, valid = landmark_distance(generated[:n], reference[:n], points)
    return value if valid == n else Remarked(value, f"face lost in {n - valid} of {n} frames")


_PARTS = (("norm", "interocular"), ("centre", "own-mean"), ("pool", "clip-mean"))
_SOURCE = "evaluation_eat test_lmd.py, divided by the reference's inter-ocular distance"


@metric(
    MetricSpec(
        name="m_lmd",
        title="M-LMD",
        unit="interocular",
        higher_is_better=False,
        bounds=(0.0, float("inf")),
        needs=("landmarks",),
        source=_SOURCE,
        parts=(("points", "mouth20"), *_PARTS),
    )
)
def m_lmd(measured: Measured) -> float | Remarked:
    """Mouth landmark distance of one clip, in inter-ocular distances."""
    return _measure(measured, MOUTH)


@metric(
    MetricSpec(
        name="f_lmd",
        title="F-LMD",
        unit="interocular",
        higher_is_better=False,
        bounds=(0.0, float("inf")),
        needs=("landmarks",),
        source=_SOURCE,
        parts=(("points", "face68"), *_PARTS),
    )
)
def f_lmd(measured: Measured) -> float | Remarked:
    """Face landmark distance of one clip, in inter-ocular distances."""
    return _measure(measured, FACE)
