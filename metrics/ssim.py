"""Structural similarity of paired frames: skimage's number (7x7 uniform window) per frame, mean per clip."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metrics.features.clip import Measured
from metrics.registry import MetricSpec, metric

WINDOW = 7
C1 = (0.01 * 255.0) ** 2
C2 = (0.03 * 255.0) ** 2


def _window_sums(image: NDArray[np.float32]) -> NDArray[np.float64]:
    """Sums over every whole 7x7 window: (H-6, W-6, C).

    Whole numbers whose sums stay below 2^24 in, so float32 running sums are exact.
    """
    import cv2

    sums = cv2.boxFilter(image, cv2.CV_32F, (WINDOW, WINDOW), normalize=False, borderType=cv2.BORDER_REFLECT)
    edge = WINDOW // 2
    return np.asarray(sums[edge:-edge, edge:-edge], np.float64)


def frame_ssim(reference: NDArray[np.uint8], generated: NDArray[np.uint8]) -> float:
    """SSIM of one uint8 frame (H, W, 3) against its reference, in [-1, 1].

    Equals `skimage.metrics.structural_similarity(reference, generated, channel_axis=-1)`: uniform window, sample
    covariance, borders left out, mean over channels. Raises ValueError on unequal shapes or a side under 7 pixels.
    """
    if reference.shape != generated.shape:
        raise ValueError(f"frames of shapes {reference.shape} and {generated.shape} cannot be compared")
    if min(reference.shape[:2]) < WINDOW:
        raise ValueError(f"SSIM needs frames of at least {WINDOW}x{WINDOW} pixels, got {reference.shape[:2]}")
    x, y = reference.astype(np.float32), generated.astype(np.float32)
    n = float(WINDOW * WINDOW)
    sum_x, sum_y = _window_sums(x), _window_sums(y)
    sum_xy, sum_squares = _window_sums(x * y), _window_sums(x * x + y * y)
    # SSIM = (2 mx my + C1)(2 cov + C2) / ((mx^2 + my^2 + C1)(vx + vy + C2)), in place; n * sum - sum * sum is a whole
    # number below 2^53, so nothing cancels.
    product, squares = sum_x * sum_y, sum_x * sum_x
    squares += sum_y * sum_y
    unbiased = 1.0 / (n * (n - 1.0))
    sum_xy *= n
    sum_xy -= product
    sum_xy *= 2.0 * unbiased
    sum_xy += C2
    sum_squares *= n
    sum_squares -= squares
    sum_squares *= unbiased
    sum_squares += C2
    product *= 2.0 / n**2
    product += C1
    squares *= 1.0 / n**2
    squares += C1
    product *= sum_xy
    squares *= sum_squares
    product /= squares
    return float(product.mean())


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
        group="Image",
        help="Structural similarity with the true video, frame by frame.",
        sees=("blur", "noise"),
    )
)
def ssim(measured: Measured) -> float:
    """SSIM of one clip against its reference."""
    return float(np.mean(measured.images().series("ssim")))
