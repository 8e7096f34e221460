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


SMALLEST_FACE = 32
"""Pixels of a face's box below which there is nothing to make a face from."""


@dataclass(frozen=True)
class FaceCrop:
    """image (S,S,3) uint8: the square ``box`` (left, top, side) of the source in pixels, and the face within it.

    The square may reach beyond the source: it is then continued by its edge pixels. ``face`` (left, top, side) is what
    the detector found; ``found`` counts the faces seen, of which number ``taken`` (from 1, the largest first) is this.
    """

    image: NDArray[np.uint8]
    box: tuple[int, int, int]
    face: tuple[int, int, int]
    found: int
    taken: int = 1


def crop_face(image: NDArray[np.uint8], name: str = "image", which: int = 1) -> FaceCrop:
    """Find a frontal face of (H,W,3) uint8 and cut it out with the framing of the embedded world.

    ``which``: 1 is the largest face. A face that fills the picture already keeps the picture's full square. Raises
    DataError naming ``name`` where there is no face, no such face, or one of fewer than 32 pixels.
    """
    boxes = find_faces(image) or find_faces(image, (1.0, float(min(image.shape[:2]))))
    if not boxes:
        raise DataError(
            f"{name}: no face found", fix="give a face seen from the front, or --no-crop to take it as it is"
        )
    if not 1 <= which <= len(boxes):
        raise DataError(f"{name}: no face number {which}, {len(boxes)} found", fix=f"choose 1 to {len(boxes)}")
    left, top, side = boxes[which - 1]
    if side < SMALLEST_FACE:
        raise DataError(f"{name}: the face is only {side} pixels wide", fix="give a larger picture of the face")
    height, width = image.shape[:2]
    crop_side = round(side / BOX_IN_CROP[2])
    box = (round(left - BOX_IN_CROP[0] * crop_side), round(top - BOX_IN_CROP[1] * crop_side), crop_side)
    if side >= FRAMED * max(height, width):
        crop_side = min(height, width)
        middle = left + side / 2, top + (0.5 - BOX_IN_CROP[1]) * side / BOX_IN_CROP[2]
        box = (
            min(max(round(middle[0] - crop_side / 2), 0), width - crop_side),
            min(max(round(middle[1] - crop_side / 2), 0), height - crop_side),
            crop_side,
        )
    return FaceCrop(cut_square(image, box), box, boxes[which - 1], len(boxes), which)


def find_faces(image: NDArray[np.uint8], sides: tuple[float, float] | None = None) -> list[tuple[int, int, int]]:
    """Boxes (left, top, side) of frontal faces in pixels of (H,W,3) uint8, largest first; empty when there is none.

    ``sides``: the smallest and largest side looked for, in pixels; the fewer sizes, the quicker.
    """
    import cv2

    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise DataError(f"image of shape {image.shape} and type {image.dtype}", fix="give (H, W, 3) uint8")
    scale = min(1.0, SEARCH_SIDE / min(image.shape[:2]))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
    largest = min(small.shape[:2])
    if largest < 32:
        return []
    low, high = (largest // 8, largest) if sides is None else (round(sides[0] * scale), round(sides[1] * scale))
    found = _cascade().detect_multi_scale(
        img=small,
        scale_factor=1.15,
        step_ratio=1,
        min_size=(max(24, low),) * 2,
        max_size=(min(high, largest),) * 2,
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
