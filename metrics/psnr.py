"""Peak signal-to-noise ratio of paired frames: skimage's number per frame, mean per clip."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metrics.features.clip import Measured
from metrics.registry import MetricSpec, metric

IDENTICAL_DB = 100.0


def frame_psnr(reference: NDArray[np.uint8], generated: NDArray[np.uint8]) -> float:
    """Decibel of one uint8 frame (H, W, 3) against its reference; inf when they are identical.

    Equals `skimage.metrics.peak_signal_noise_ratio(reference, generated)`. Raises ValueError on unequal shapes.
    """
    if reference.shape != generated.shape:
        raise ValueError(f"frames of shapes {reference.shape} and {generated.shape} cannot be compared")
    difference = reference.astype(np.int32) - generated
    # Squares of 8-bit differences summed as integers: exact, so the order of summation cannot matter.
    total = int(np.sum(difference * difference, dtype=np.int64))
    if total == 0:
        return float("inf")
    return float(10.0 * np.log10(255.0**2 * difference.size / total))


def clip_psnr(frames: NDArray[np.float64]) -> float:
    """Mean over frames (T,), each counted as at most 100 dB: one identical frame must not make the mean infinite."""
    return float(np.mean(np.minimum(frames, IDENTICAL_DB)))


@metric(
    MetricSpec(
        name="psnr",
        title="PSNR",
        unit="dB",
        higher_is_better=True,
        bounds=(0.0, IDENTICAL_DB),
        needs=("pixels",),
        source="skimage.metrics.peak_signal_noise_ratio, uint8 RGB",
        parts=(("cap", "100dB"), ("pool", "clip-mean")),
        group="Image",
        help="Peak signal-to-noise ratio against the true video, frame by frame.",
        sees=("noise", "blur"),
    )
)
def psnr(measured: Measured) -> float:
    """PSNR of one clip against its reference, in decibel."""
    return clip_psnr(measured.images().series("psnr"))
