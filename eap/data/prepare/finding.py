"""Where a face is in a frame: the interface of finders, and the one that needs no download."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from eap.data.faces import BOX_IN_CROP, cut_square, find_faces

EYES_AND_MOUTH: Final = np.array([[0.370, 0.428], [0.626, 0.428], [0.500, 0.741]])
"""Centres of the right eye, left eye and mouth (x, y) in a frame of side 1: medians over 36 clips of the embedded world
(suite mead), so that prepared faces are framed as the bundled networks know them."""

_PARTS: Final = (slice(36, 42), slice(42, 48), slice(48, 68))
_ROOM: Final = 0.4
"""How far beyond the last place a followed face is looked for, in sides of its square."""
_SIZES: Final = (0.75, 1.33)
"""How much a followed face may shrink or grow between two looks."""

Frame = NDArray[np.uint8]


class Place(NamedTuple):
    """The square that frames a face: left, top and side in pixels; it may reach beyond the picture."""

    left: float
    top: float
    side: float

    @property
    def face(self) -> float:
        """Side of the face itself in pixels: brows to chin, roughly."""
        return self.side * BOX_IN_CROP[2]

    def scaled(self, factor: float) -> Place:
        """The same square in a picture ``factor`` times as large."""
        return Place(self.left * factor, self.top * factor, self.side * factor)


@dataclass(frozen=True)
class Sight:
    """What one look found: the face that is followed (or the largest one), and how many there were."""

    place: Place
    faces: int


class Finder(Protocol):
    """Looks for a face in one frame (H, W, 3) uint8."""

    @property
    def name(self) -> str:
        """What stands in the record of a preparation."""
        ...

    def look(self, frame: Frame, near: Place | None) -> Sight | None:
        """The largest face; with ``near`` the face that was there a moment ago, which may be looked for there alone."""
        ...


class CascadeFinder:
    """scikit-image's LBP cascade (see `eap.data.faces`): frontal faces, no download. A known face is sought nearby."""

    name = "lbp-frontal-cascade"

    def look(self, frame: Frame, near: Place | None) -> Sight | None:
        """See `Finder.look`."""
        if near is None:
            return _largest(find_faces(frame), 0, 0)
        left, top = round(near.left - _ROOM * near.side), round(near.top - _ROOM * near.side)
        region = cut_square(frame, (left, top, max(round(near.side * (1 + 2 * _ROOM)), 32)))
        sides = (near.face * _SIZES[0], near.face * _SIZES[1])
        return _largest(find_faces(region, sides), left, top)


def _largest(boxes: list[tuple[int, int, int]], left: int, top: int) -> Sight | None:
    if not boxes:
        return None
    x, y, side = boxes[0]
    square = side / BOX_IN_CROP[2]
    return Sight(Place(left + x - BOX_IN_CROP[0] * square, top + y - BOX_IN_CROP[1] * square, square), len(boxes))


def place_of_landmarks(landmarks: NDArray[np.floating]) -> Place:
    """The square that frames the face of landmarks (68, 2) in pixels, upright: eyes and mouth as `EYES_AND_MOUTH`."""
    points = eyes_and_mouth(landmarks[None])[0]
    middle, wanted = points[:2].mean(axis=0), EYES_AND_MOUTH[:2].mean(axis=0)
    # A turned head narrows the distance of the eyes, a nodding one that to the mouth: the larger scale holds both.
    across = float(np.linalg.norm(points[1] - points[0])) / float(EYES_AND_MOUTH[1, 0] - EYES_AND_MOUTH[0, 0])
    down = float(np.linalg.norm(points[2] - middle)) / float(EYES_AND_MOUTH[2, 1] - wanted[1])
    side = max(across, down, 1.0)
    return Place(float(middle[0] - wanted[0] * side), float(middle[1] - wanted[1] * side), side)


def eyes_and_mouth(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """(T, 3, 2): centres of the right eye, left eye and mouth of landmarks (T, 68, 2)."""
    return np.stack([landmarks[:, part].astype(np.float64).mean(axis=1) for part in _PARTS], axis=1)


def overlap(first: Place, second: Place) -> float:
    """Intersection over union of two squares."""
    width = min(first.left + first.side, second.left + second.side) - max(first.left, second.left)
    height = min(first.top + first.side, second.top + second.side) - max(first.top, second.top)
    inner = max(width, 0.0) * max(height, 0.0)
    return inner / (first.side**2 + second.side**2 - inner)


@lru_cache(maxsize=1)
def cascade_finder() -> CascadeFinder:
    """The finder that needs no download."""
    return CascadeFinder()
