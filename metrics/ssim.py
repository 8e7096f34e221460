"""Structural similarity of paired frames: skimage's number (7x7 uniform window) per frame, mean per clip."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metrics.features.clip import Measured
from metrics.registry import MetricSpec, metric

WINDOW = 7
C1 = (0.01 * 255.0) ** 2
C2 = (0.03 * 255.0) ** 2


def _window_sums(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over every whole 7x7 window: (H-6, W-6, C). Integers in, so the running sums are exact."""
    import cv2

    sums = cv2.boxFilter(image, cv2.CV_64F, (WINDOW, WINDOW), normalize=False, borderType=cv2.BORDER_REFLECT)
    edge = WINDOW // 2
    return np.asarray(sums, np.float64)[edge:-edge, edge:-edge]


def frame_ssim(reference: NDArray[np.uint8], generated: NDArray[np.uint8]) -> float:
    """SSIM of one uint8 frame (H, W, 3) against its reference, in [-1, 1].

    Equals `skimage.metrics.structural_similarity(reference, generated, channel_axis=-1)`: uniform window, sample
    covariance, borders left out, mean over channels. Raises ValueError on unequal shapes or a side under 7 pixels.
    """
    if reference.shape != generated.shape:
        raise ValueError(f"frames of shapes {reference.shape} and {generated.shape} cannot be compared")
    if min(reference.shape[:2]) < WINDOW:
        raise ValueError(f"SSIM needs frames of at least {WINDOW}x{WINDOW} pixels, got {reference.shape[:2]}")
    x, y = reference.astype(np.float64), generated.astype(np.float64)
    n = float(WINDOW * WINDOW)
    sum_x, sum_y = _window_sums(x), _window_sums(y)
    unbiased = 1.0 / (n * (n - 1.0))
    # Numerators n*sum(x*x) - sum(x)^2 are integers below 2^53: no cancellation error.
    var_x = (n * _window_sums(x * x) - sum_x * sum_x) * unbiased
    var_y = (n * _window_sums(y * y) - sum_y * sum_y) * unbiased
    cov = (n * _window_sums(x * y) - sum_x * sum_y) * unbiased
    mean_x, mean_y = sum_x / n, sum_y / n
    score = (2.0 * mean_x * mean_y + C1) * (2.0 * cov + C2)
    score /= (mean_x**2 + mean_y**2 + C1) * (var_x + var_y + C2)
    return float(score.mean())


@metric(
    MetricSpec(
        name="ssim",
        title="SSIM",
        unit="",
        higher_is_better=True,
        bounds=(-1.0, 1.0),
        needs=("pixels",),
        source="skimage.metrics.structural_similarity, uint8 RGB, channel_axis=-1, defaults",
        parts=(("window", "uniform7"), ("pool", "clip-mean")),
    )
)
def ssim(measured: Measured) -> float:
    """SSIM of one clip against its reference."""
    return float(np.mean(measured.images().series("ssim")))
