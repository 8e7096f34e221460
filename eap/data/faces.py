"""Finding and cropping a face in a still image, as the bundled model wants it.

The detector is scikit-image's cascade with the LBP frontal face model that ships inside that package (OpenCV's
training, BSD): no download, about 40 ms an image. It finds frontal faces; a profile is reported as "no face".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eap.errors import DataError

BOX_IN_CROP = (0.161, 0.154, 0.693)
"""Where the detector's box lies in a frame of the embedded world: left, top and side, in units of the frame's side.

Measured as medians over 80 in-the-wild frames; a crop is cut so that the found box lies the same way.
"""
SEARCH_SIDE = 320
FRAMED = 0.55
"""A face whose box is at least this part of the picture's longer side is framed already."""


@dataclass(frozen=True)
class FaceCrop:
    """image (S,S,3) uint8: the square about the face, or the whole picture where the face fills it already; box (left,
    top, side) of the crop in the source, in pixels.

    The square may reach beyond the source: it is then continued by its edge pixels. ``found`` counts the faces seen;
    the largest is taken.
    """

    image: NDArray[np.uint8]
    box: tuple[int, int, int]
    found: int


def crop_face(image: NDArray[np.uint8], name: str = "image") -> FaceCrop:
    """Find the largest frontal face of (H,W,3) uint8 and cut it out with the framing of the embedded world.

    Raises DataError naming ``name`` where there is no face, or one of fewer than 32 pixels.
    """
    boxes = find_faces(image)
    if not boxes:
        raise DataError(
            f"{name}: no face found", fix="give a face seen from the front, or --no-crop to take it as it is"
        )
    left, top, side = boxes[0]
    if side >= FRAMED * max(image.shape[:2]):
        return FaceCrop(image, (0, 0, min(image.shape[:2])), len(boxes))
    if side < 32:
        raise DataError(f"{name}: the face is only {side} pixels wide", fix="give a larger picture of the face")
    crop_side = round(side / BOX_IN_CROP[2])
    box = (round(left - BOX_IN_CROP[0] * crop_side), round(top - BOX_IN_CROP[1] * crop_side), crop_side)
    return FaceCrop(cut_square(image, box), box, len(boxes))


def find_faces(image: NDArray[np.uint8]) -> list[tuple[int, int, int]]:
    """Boxes (left, top, side) of frontal faces in pixels of (H,W,3) uint8, largest first; empty when there is none."""
    import cv2

    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise DataError(f"image of shape {image.shape} and type {image.dtype}", fix="give (H, W, 3) uint8")
    scale = min(1.0, SEARCH_SIDE / min(image.shape[:2]))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
    largest = min(small.shape[:2])
    if largest < 32:
        return []
    found = _cascade().detect_multi_scale(
        img=small,
        scale_factor=1.15,
        step_ratio=1,
        min_size=(max(24, largest // 8),) * 2,
        max_size=(largest, largest),
    )
    boxes = [(round(f["c"] / scale), round(f["r"] / scale), round(f["width"] / scale)) for f in found]
    return _one_box_per_face(boxes)


def _one_box_per_face(boxes: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Keep the larger of two boxes when the smaller one's centre lies inside it."""
    kept: list[tuple[int, int, int]] = []
    for left, top, side in sorted(boxes, key=lambda box: -box[2]):
        x, y = left + side / 2, top + side / 2
        if not any(a <= x <= a + s and b <= y <= b + s for a, b, s in kept):
            kept.append((left, top, side))
    return kept


def cut_square(image: NDArray[np.uint8], box: tuple[int, int, int]) -> NDArray[np.uint8]:
    """The square ``box`` (left, top, side) of an image, edge pixels repeated where it reaches beyond."""
    left, top, side = box
    rows = np.clip(np.arange(top, top + side), 0, image.shape[0] - 1)
    columns = np.clip(np.arange(left, left + side), 0, image.shape[1] - 1)
    return np.ascontiguousarray(image[rows][:, columns])


@lru_cache(maxsize=1)
def _cascade() -> Any:
    from skimage.data import lbp_frontal_face_cascade_filename
    from skimage.feature import Cascade

    return Cascade(lbp_frontal_face_cascade_filename())  # type: ignore[no-untyped-call]
