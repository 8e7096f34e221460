"""Finding the face in a picture that somebody gives, and framing it as the models were trained to see it.

Uses scikit-image's LBP cascade, which sees faces from the front, on photographs and in the embedded world alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

_WORKING = 320
"""Longer side, in pixels, at which a picture is searched."""
_SMALLEST = 1 / 8
"""Smallest face that is looked for, as a part of the picture's shorter side."""

# Where the cascade's box lies in a frame of the embedded world (median of 50 frames), as parts of the frame's side.
_BOX_SIDE = 0.71
_BOX_CENTRE = (0.495, 0.49)
_FRAMED = 0.55
"""A face whose box is at least this part of a square picture is framed already."""


@dataclass(frozen=True)
class Box:
    """A square around a face, in pixels."""

    left: float
    top: float
    side: float


def find_faces(image: Image) -> list[Box]:
    """Faces in an RGB picture (H, W, 3), the largest first. ModuleNotFoundError without scikit-image."""
    import cv2

    scale = _WORKING / max(image.shape[:2])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=how))
    shorter = min(small.shape[:2])
    least = max(24, int(shorter * _SMALLEST))
    if shorter < least:
        return []
    found = _cascade().detect_multi_scale(
        img=small, scale_factor=1.15, step_ratio=1.2, min_size=(least, least), max_size=(shorter, shorter)
    )
    boxes = [Box(item["c"] / scale, item["r"] / scale, item["width"] / scale) for item in found]
    return sorted(boxes, key=lambda box: -box.side)


def frame_face(image: Image, box: Box) -> Image:
    """The square of the picture that shows the face as the embedded world does; edges are continued where needed."""
    height, width = image.shape[:2]
    if box.side >= _FRAMED * max(height, width):
        return image
    side = round(box.side / _BOX_SIDE)
    left = round(box.left + box.side / 2 - _BOX_CENTRE[0] * side)
    top = round(box.top + box.side / 2 - _BOX_CENTRE[1] * side)
    pad = max(0, -left, -top, left + side - width, top + side - height)
    wide = np.pad(image, ((pad, pad), (pad, pad), (0, 0)), mode="edge")
    return np.ascontiguousarray(wide[top + pad : top + pad + side, left + pad : left + pad + side])


@cache
def _cascade() -> Any:
    from skimage import data, feature

    return feature.Cascade(data.lbp_frontal_face_cascade_filename())  # type: ignore[no-untyped-call]
