"""Saturation index: how much of the truth's movement in intensity is left (Problem 2 of the paper, as a number).

1 means that the intensity moves as much as in the truth; 0 that it is saturated at one value. Both sides are read by
the same evaluator (generated clip and reference clip), so that the evaluator's own damping cancels and the re-encoded
truth reads 1. Which clips count is decided by the exact truth where it is known (an evaluator's noise makes a neutral
clip seem to move), else by the evaluator's reading of the reference.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from metrics.features.clip import Array, Measured
from metrics.intensity import MIN_TRUTH_STD, moving_pair, require_movement
from metrics.registry import MetricSpec, metric


def spread_ratio(generated: Array, truth: Array) -> float:
    """std(generated) / std(truth) of two (T,) series. Raises ZeroDivisionError when the truth is constant."""
    return float(generated.std()) / float(truth.std())


def range_ratio(generated: Array, truth: Array) -> float:
    """(max - min) of generated / (max - min) of truth. Raises ZeroDivisionError when the truth is constant."""
    return float(generated.max() - generated.min()) / float(truth.max() - truth.min())


def _pair(measured: Measured) -> tuple[Array, Array]:
    """Generated and reference r of a clip whose truth moves."""
    if measured.truth_intensity is not None:
        require_movement(np.asarray(measured.truth_intensity, np.float64))
    truth = measured.reference_features().intensity("reference")
    generated = measured.generated.intensity()
    n = measured.paired_length(len(truth))
    return moving_pair(generated[:n], truth[:n])


def _spec(name: str, title: str, ratio: Literal["std", "range"], words: str) -> MetricSpec:
    return MetricSpec(
        name=name,
        title=title,
        unit="ratio",
        higher_is_better=None,
        bounds=(0.0, float("inf")),
        needs=("affect",),
        source=f"definition: median over clips with std(r_gt) >= {MIN_TRUTH_STD} of {ratio}(r_gen) / {ratio}(r_gt)",
        parts=(("ratio", ratio), ("gt", "same-evaluator"), ("scope", f"std>={MIN_TRUTH_STD}"), ("pool", "clip-median")),
        truth=True,
        pooling="median",
        target=1.0,
        group="Intensity",
        help=words,
        sees=("intensity_flatten",),
    )


@metric(
    _spec(
        "saturation_index",
        "Saturation index",
        "std",
        "Movement of intensity over time as a share of the true movement: 1 is right, near 0 is a frozen expression.",
    )
)
def saturation_index(measured: Measured) -> float:
    """Ratio of standard deviations of r over one clip."""
    return spread_ratio(*_pair(measured))


@metric(
    _spec(
        "intensity_range",
        "Intensity range ratio",
        "range",
        "Range of intensity over time as a share of the true range: 1 is right.",
    )
)
def intensity_range(measured: Measured) -> float:
    """Ratio of ranges of r over one clip."""
    return range_ratio(*_pair(measured))
