"""Face tracks as syncnet_python's run_pipeline.py makes them: shots, boxes linked by overlap, median filter, crop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from metrics.evaluators.faces import FaceFinder, Frame, Frames
from metrics.registry import Unmeasurable

DETECTION_SCALE: Final = 0.25
DETECTION_SCORE: Final = 0.9
MIN_OVERLAP: Final = 0.5
MAX_MISSED: Final = 25
MIN_FACE: Final = 100
SMOOTHING: Final = 13
CROP_SCALE: Final = 0.40
PADDING: Final = 110
CUT_THRESHOLD: Final = 30.0
MIN_SHOT: Final = 15
_SIZE: Final = 224
_DOWNSCALE: Final = ((3200, 12), (2100, 8), (1700, 6), (1200, 5), (900, 4), (600, 3))

Array = NDArray[np.float64]
Box = Sequence[float]


def overlap(first: Box, second: Box) -> float:
    """Intersection over union of two boxes (left, top, right, bottom)."""
    width = max(0.0, min(first[2], second[2]) - max(first[0], second[0]))
    height = max(0.0, min(first[3], second[3]) - max(first[1], second[1]))
    inner = width * height
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (first, second))
    return inner / float(areas - inner) if areas > inner else 0.0


@dataclass(frozen=True, eq=False)
class Track:
    """One face over consecutive frames `first`, `first + 1`, ..."""

    first: int
    boxes: Array
    """(n, 4), interpolated where a detection was missed."""

    def smoothed(self) -> Array:
        """(n, 3): centre x, y and half size of the square about the face, median filtered over 13 frames."""
        from scipy.signal import medfilt

        left, top, right, bottom = self.boxes.T
        sides = np.maximum(bottom - top, right - left) / 2
        return np.stack([medfilt(row, SMOOTHING) for row in ((left + right) / 2, (top + bottom) / 2, sides)], axis=1)


def link(detections: Sequence[Sequence[Box]], first: int, min_track: int) -> list[Track]:
    """Tracks of one shot from the boxes of its frames; `first` is the shot's first frame.

    A track takes the first free box, then in every later frame a box that overlaps its last one by more than half; it
    ends after 25 frames without. It counts when it has more than `min_track` boxes and a face over 100 pixels.
    """
    free = [list(boxes) for boxes in detections]
    tracks: list[Track] = []
    while True:
        taken: list[tuple[int, Box]] = []
        for index, boxes in enumerate(free):
            place = 0
            while place < len(boxes):
                box = boxes[place]
                if taken and index - taken[-1][0] > MAX_MISSED:
                    break
                if not taken or overlap(box, taken[-1][1]) > MIN_OVERLAP:
                    taken.append((index, box))
                    del boxes[place]
                # The script takes boxes out of the list it walks along, so that it passes over the next one.
                place += 1
        if not taken:
            return tracks
        if len(taken) > min_track:
            track = _interpolated(taken, first)
            size = track.boxes[:, 2:] - track.boxes[:, :2]
            if size.mean(axis=0).max() > MIN_FACE:
                tracks.append(track)


def _interpolated(taken: Sequence[tuple[int, Box]], first: int) -> Track:
    known = np.array([index for index, _ in taken], np.float64)
    boxes = np.array([box for _, box in taken], np.float64)
    known, unique = np.unique(known, return_index=True)
    frames = np.arange(int(known[0]), int(known[-1]) + 1)
    columns = [np.interp(frames, known, boxes[unique, side]) for side in range(4)]
    return Track(first + int(known[0]), np.stack(columns, axis=1))


def cut_square(frame: Frame, x: float, y: float, half: float) -> Frame:
    """The crop (224, 224, 3) about a face: .4 wider than its box on both sides, .8 lower, grey (110) outside."""
    import cv2

    pad = int(half * (1 + 2 * CROP_SCALE))
    padded = np.pad(frame, ((pad, pad), (pad, pad), (0, 0)), constant_values=PADDING)
    x, y = x + pad, y + pad
    rows = slice(int(y - half), int(y + half * (1 + 2 * CROP_SCALE)))
    columns = slice(int(x - half * (1 + CROP_SCALE)), int(x + half * (1 + CROP_SCALE)))
    return np.asarray(cv2.resize(padded[rows, columns], (_SIZE, _SIZE)), np.uint8)


@dataclass
class ShotFinder:
    """Cuts between shots by the jump in hue, saturation and value (PySceneDetect 0.5.1's ContentDetector)."""

    cuts: list[int] = field(default_factory=list)
    n_frames: int = 0
    _last: NDArray[np.int32] | None = None

    def see(self, frame: Frame) -> None:
        """The next frame."""
        import cv2

        step = next((step for width, step in _DOWNSCALE if frame.shape[1] >= width), 1)
        hsv = cv2.cvtColor(np.ascontiguousarray(frame[::step, ::step]), cv2.COLOR_RGB2HSV).astype(np.int32)
        if self._last is not None:
            jump = float(np.abs(hsv - self._last).mean())
            since = self.n_frames - (self.cuts[-1] if self.cuts else 0)
            if jump >= CUT_THRESHOLD and since >= MIN_SHOT:
                self.cuts.append(self.n_frames)
        self._last = hsv
        self.n_frames += 1

    def shots(self) -> list[tuple[int, int]]:
        """(first, after the last) frame of every shot."""
        edges = [0, *self.cuts, self.n_frames]
        return list(pairwise(edges))


@dataclass
class TrackPlanner:
    """Gathers boxes and cuts for `s3fd-track`."""

    finder: FaceFinder
    min_track: int
    _shots: ShotFinder = field(default_factory=ShotFinder)
    _boxes: list[list[Box]] = field(default_factory=list)

    def see(self, frames: Frames) -> None:
        """The next frames; see `Planner`. Raises Unmeasurable with a finder that has no scores."""
        for frame in frames:
            self._shots.see(frame)
            found = self.finder.boxes(frame, DETECTION_SCALE, DETECTION_SCORE)
            self._boxes.append([tuple(map(float, box)) for box in found])

    def plan(self) -> TrackPlan:
        """The longest track. Raises Unmeasurable when there is none."""
        tracks: list[Track] = []
        for first, stop in self._shots.shots():
            if stop - first >= self.min_track:
                tracks += link(self._boxes[first:stop], first, self.min_track)
        if not tracks:
            n, seen = len(self._boxes), sum(bool(boxes) for boxes in self._boxes)
            raise Unmeasurable(
                f"no face track of more than {self.min_track} frames and {MIN_FACE} pixels "
                f"({n} frames, a face in {seen})"
            )
        best = max(tracks, key=lambda track: len(track.boxes))
        remark = f"{len(tracks)} face tracks: the longest is scored" if len(tracks) > 1 else ""
        return TrackPlan(best.first, best.smoothed(), remark)


@dataclass(frozen=True, eq=False)
class TrackPlan:
    """See `metrics.evaluators.crops.CropPlan`."""

    first: int
    squares: Array
    """(n, 3) from `Track.smoothed`."""
    remark: str = ""

    @property
    def stop(self) -> int:
        """The frame after the last one."""
        return self.first + len(self.squares)

    def cut(self, frame: Frame, index: int) -> Frame:
        """The padded square about the face."""
        x, y, half = self.squares[index - self.first]
        return cut_square(frame, float(x), float(y), float(half))
