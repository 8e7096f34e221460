"""Who finds faces in a frame: the interface, and what all finders share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]
Frame = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class FoundFaces:
    """What was found in n frames; of several faces the largest is described."""

    boxes: Floats
    """(n, 4) left, top, right, bottom in pixels; nan where there is no face."""
    landmarks: Floats
    """(n, 68, 2) x, y in pixels, iBUG-68; nan where there is no face."""
    counts: Floats
    """(n,) how many faces were seen."""


class FaceFinder(Protocol):
    """Finds faces in each frame by itself."""

    @property
    def name(self) -> str:
        """What stands in a signature."""
        ...

    def weights(self) -> dict[str, str]:
        """Network -> sha256 (or version, for networks inside a package)."""
        ...

    def find(self, frames: Frames) -> FoundFaces:
        """Faces of RGB frames (n, H, W, 3)."""
        ...

    def boxes(self, frame: Frame, scale: float, threshold: float) -> Floats:
        """(k, 4) boxes in the pixels of `frame`, looked for in a picture `scale` times as large, best first.

        Raises Unmeasurable when the finder has no scores to put a threshold on.
        """
        ...


def nothing_found(n: int) -> FoundFaces:
    """n frames without a face."""
    nan = np.float32(np.nan)
    return FoundFaces(np.full((n, 4), nan), np.full((n, 68, 2), nan), np.zeros(n, np.float32))


def largest(boxes: NDArray[np.floating]) -> int:
    """Index of the largest of (k, 4) boxes; the first one of equals."""
    return int(((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).argmax())


def cut(frame: Frame, box: NDArray[np.floating]) -> Frame | None:
    """The part of a frame inside a box, rounded to whole pixels and cut at the frame's edge; None when empty."""
    height, width = frame.shape[:2]
    left, top = max(int(box[0]), 0), max(int(box[1]), 0)
    right, bottom = min(int(box[2]), width), min(int(box[3]), height)
    if right - left < 1 or bottom - top < 1:
        return None
    return np.ascontiguousarray(frame[top:bottom, left:right])


class Remembering:
    """A finder that does not look twice at the block of frames it saw last: several features ask about it."""

    def __init__(self, finder: FaceFinder) -> None:
        self._finder = finder
        self._last: tuple[Frames, FoundFaces] | None = None

    @property
    def name(self) -> str:
        """The finder's."""
        return self._finder.name

    def weights(self) -> dict[str, str]:
        """The finder's."""
        return self._finder.weights()

    def __getstate__(self) -> dict[str, object]:
        return {"_finder": self._finder, "_last": None}

    def find(self, frames: Frames) -> FoundFaces:
        """See `FaceFinder.find`."""
        if self._last is None or self._last[0] is not frames:
            self._last = (frames, self._finder.find(frames))
        return self._last[1]

    def boxes(self, frame: Frame, scale: float, threshold: float) -> Floats:
        """See `FaceFinder.boxes`."""
        return self._finder.boxes(frame, scale, threshold)
