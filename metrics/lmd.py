"""Landmark distances of the mouth (M-LMD) and the whole face (F-LMD), and of their velocities (LVD).

EAT's form: each set of points is centred on its own mean, the distance is in pixels (of the protocol's crop, which is
128 x 128 in EAT's own). Ours, the default: the same, divided by the reference's inter-ocular distance (outer eye
corners, mean over the clip), so that the size of the face in the picture does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from metrics.features.clip import Floats, Measured
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


@dataclass(frozen=True, slots=True)
class Velocities:
    """EAT's landmark velocity distances of one clip, in pixels per frame."""

    mouth: float
    face: float
    """Over all 68 points: what the paper names."""
    face_as_eat: float
    """What test_lmd.py prints for it: the mouth's sum over 68 points."""


def velocity_distance(generated: Points, reference: Points) -> Velocities:
    """LVD of equally long (T, 68, 2) landmarks, as EAT's test_lmd.py.

    Velocities are differences of consecutive valid frames (not centred), summed over the frames and divided by the
    number of valid frames, which is one more than there are differences. Raises Unmeasurable without a valid frame.
    """
    valid = valid_frames(generated, reference)
    count = int(valid.sum())
    if count == 0:
        raise Unmeasurable("no frame has a face on both sides")
    a, b = generated[valid].astype(np.float64), reference[valid].astype(np.float64)
    gaps = np.linalg.norm(np.diff(a, axis=0) - np.diff(b, axis=0), axis=-1)
    mouth, face = float(gaps[:, MOUTH].sum()), float(gaps.sum())
    return Velocities(mouth / (count * 20), face / (count * 68), mouth / (count * 68))


def _landmarks(measured: Measured) -> tuple[Floats, Floats]:
    reference = measured.reference_features().need("landmarks", "reference")
    generated = measured.generated.need("landmarks")
    n = measured.paired_length(len(reference))
    return generated[:n], reference[:n]


def _lost(value: float, valid: int, n: int) -> float | Remarked:
    return value if valid == n else Remarked(value, f"face lost in {n - valid} of {n} frames")


def _measure(measured: Measured, points: slice, unit: Unit = "interocular") -> float | Remarked:
    generated, reference = _landmarks(measured)
    value, valid = landmark_distance(generated, reference, points, unit)
    return _lost(value, valid, len(reference))


def _velocity(measured: Measured, part: Literal["mouth", "face"]) -> float | Remarked:
    generated, reference = _landmarks(measured)
    found = velocity_distance(generated, reference)
    valid = int(valid_frames(generated, reference).sum())
    return _lost(found.mouth if part == "mouth" else found.face, valid, len(reference))


_UNIT = (("norm", "interocular"), ("centre", "own-mean"), ("pool", "clip-mean"))
_PIXELS = (("norm", "none"), ("centre", "own-mean"), ("pool", "clip-mean"))
_VELOCITY = (("norm", "none"), ("centre", "none"), ("pool", "clip-mean"))
_SOURCE = "evaluation_eat test_lmd.py, divided by the reference's inter-ocular distance"
_EAT = "evaluation_eat test_lmd.py, in pixels as it is"


def _spec(
    name: str, title: str, points: str, words: str, *, unit: Literal["interocular", "px", "px/frame"]
) -> MetricSpec:
    how = {"interocular": _UNIT, "px": _PIXELS, "px/frame": _VELOCITY}[unit]
    return MetricSpec(
        name=name,
        title=title,
        unit=unit,
        higher_is_better=False,
        bounds=(0.0, float("inf")),
        needs=("landmarks",),
        source=_SOURCE if unit == "interocular" else _EAT,
        parts=(("points", points), *how),
        group="Lips and face",
        help=words,
        default=unit == "interocular",
        sees=("lip_flatten",) if points == "mouth20" else ("emotion_swap",),
    )


@metric(_spec("m_lmd", "M-LMD", "mouth20", "Mean distance of mouth landmarks to the true video.", unit="interocular"))
def m_lmd(measured: Measured) -> float | Remarked:
    """Mouth landmark distance of one clip, in inter-ocular distances."""
    return _measure(measured, MOUTH)


@metric(_spec("f_lmd", "F-LMD", "face68", "Mean distance of face landmarks to the true video.", unit="interocular"))
def f_lmd(measured: Measured) -> float | Remarked:
    """Face landmark distance of one clip, in inter-ocular distances."""
    return _measure(measured, FACE)


@metric(_spec("m_lmd_px", "M-LMD (EAT)", "mouth20", "Mean distance of mouth landmarks in pixels, as EAT.", unit="px"))
def m_lmd_px(measured: Measured) -> float | Remarked:
    """Mouth landmark distance of one clip, in pixels."""
    return _measure(measured, MOUTH, "pixels")


@metric(_spec("f_lmd_px", "F-LMD (EAT)", "face68", "Mean distance of face landmarks in pixels, as EAT.", unit="px"))
def f_lmd_px(measured: Measured) -> float | Remarked:
    """Face landmark distance of one clip, in pixels."""
    return _measure(measured, FACE, "pixels")


@metric(
    _spec("m_lvd", "M-LVD (EAT)", "mouth20", "Difference of the mouth's velocities in pixels, as EAT.", unit="px/frame")
)
def m_lvd(measured: Measured) -> float | Remarked:
    """Mouth landmark velocity distance of one clip, in pixels per frame."""
    return _velocity(measured, "mouth")


@metric(
    _spec("f_lvd", "F-LVD (EAT)", "face68", "Difference of the face's velocities in pixels, as EAT.", unit="px/frame")
)
def f_lvd(measured: Measured) -> float | Remarked:
    """Face landmark velocity distance of one clip, in pixels per frame (68 points: EAT's own figure sums 20)."""
    return _velocity(measured, "face")
