"""From a place in a video to square crops, as the field cuts them.

`fixed`: one upright square per clip, in which the head moves (as first-order motion models, EAMM and EAT cut theirs).
`aligned`: one similarity per clip, which puts its mean eyes and mouth on a template (as PC-AVS and EAT's sync crop do,
without their per-frame shift of the mouth): a tilted head comes out upright.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from eap.data.faces import cut_square
from eap.data.prepare.finding import EYES_AND_MOUTH, Place, eyes_and_mouth

Crop = Literal["fixed", "aligned"]
CROPS: Final[tuple[Crop, ...]] = ("fixed", "aligned")
MARGIN: Final = 0.25
"""What is cut around the square on each side, in its sides, before a clip is aligned."""

Frames = NDArray[np.uint8]
Matrix = NDArray[np.float64]


def whole_pixels(place: Place) -> tuple[int, int, int]:
    """The square in whole pixels: left, top, side."""
    return round(place.left), round(place.top), max(round(place.side), 1)


def widened(place: Place) -> Place:
    """The square with `MARGIN` on every side."""
    grown = MARGIN * place.side
    return Place(place.left - grown, place.top - grown, place.side + 2 * grown)


def cut(frame: NDArray[np.uint8], box: tuple[int, int, int], size: int) -> NDArray[np.uint8]:
    """(size, size, 3): the square of a frame, its edge pixels continued beyond the picture; unchanged where it fits."""
    import cv2

    square = cut_square(frame, box)
    if box[2] == size:
        return square
    rule = cv2.INTER_AREA if box[2] > size else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(square, (size, size), interpolation=rule), np.uint8)


def box_matrix(box: tuple[int, int, int], size: int) -> Matrix:
    """(2, 3) from source pixels to crop pixels of `cut`; pixel centres lie at whole numbers plus a half."""
    scale = size / box[2]
    return np.array([[scale, 0.0, -box[0] * scale], [0.0, scale, -box[1] * scale]])


def similarity(points: NDArray[np.floating], target: NDArray[np.floating]) -> Matrix:
    """(2, 3) rotation, scale and shift that takes points (n, 2) nearest to target (n, 2) in the least-squares sense."""
    x, y = np.asarray(points, np.float64).T
    one, zero = np.ones_like(x), np.zeros_like(x)
    rows = np.concatenate([np.stack([x, -y, one, zero], 1), np.stack([y, x, zero, one], 1)])
    wanted = np.concatenate([target[:, 0], target[:, 1]]).astype(np.float64)
    a, b, shift_x, shift_y = np.linalg.lstsq(rows, wanted, rcond=None)[0]
    return np.array([[a, -b, shift_x], [b, a, shift_y]])


def align(wide: Frames, landmarks: NDArray[np.floating], size: int) -> tuple[Frames, Matrix]:
    """Aligned crops (T, size, size, 3) of wide crops (T, W, W, 3), and the one matrix (2, 3) from wide to aligned.

    landmarks (T, 68, 2) in pixels of the wide crops, at least one row finite; their mean over time is aligned.
    """
    import cv2

    seen = landmarks[np.isfinite(landmarks).all(axis=(1, 2))]
    matrix = similarity(eyes_and_mouth(seen).mean(axis=0), EYES_AND_MOUTH * size)
    # OpenCV counts pixel centres from 0, we from a half.
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2] @ np.array([0.5, 0.5]) - 0.5
    made = [
        cv2.warpAffine(frame, shifted, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        for frame in wide
    ]
    return np.stack(made).astype(np.uint8), matrix


def joined(outer: Matrix, inner: Matrix) -> Matrix:
    """The (2, 3) matrix that applies ``inner``, then ``outer``."""
    return np.asarray(outer[:, :2] @ inner + np.concatenate([np.zeros((2, 2)), outer[:, 2:]], axis=1), np.float64)


def moved(points: NDArray[np.floating], matrix: Matrix) -> NDArray[np.float32]:
    """Points (..., 2) through a (2, 3) matrix."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float32)
