from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from metrics.evaluators.crops import EYES_AND_MOUTH, FanPlanner, eyes_and_mouth, fan_matrices, planner, whole_frame
from metrics.evaluators.faces import Floats, FoundFaces, Frame, Frames, cut, nothing_found
from metrics.evaluators.tracks import ShotFinder, Track, TrackPlanner, cut_square, link, overlap
from metrics.registry import Unmeasurable
from tests.metrics.evaluators.recipe import pictures


def _landmarks(n: int) -> NDArray[np.float64]:
    """A face that moves; eyes, mouth and the rest at known places."""
    rng = np.random.default_rng(0)
    face = rng.uniform(40, 200, (68, 2))
    return np.asarray(face[None] + rng.uniform(-3, 3, (n, 1, 2)) + rng.uniform(-1, 1, (n, 68, 2)))


def test_whole_frame() -> None:
    frame = pictures(1, 224)[0]
    assert whole_frame(frame) is frame
    assert whole_frame(frame[:100, :50]).shape == (224, 224, 3)
    assert planner("lrs-frame", None) is None
    with pytest.raises(ValueError, match="needs a face finder"):
        planner("fan-224", None)


def test_fan_crop_pins_the_mouth() -> None:
    landmarks = _landmarks(30)
    points, matrices = eyes_and_mouth(landmarks), fan_matrices(landmarks)
    mouths = np.einsum("tij,tj->ti", matrices[:, :, :2], points[:, 2]) + matrices[:, :, 2]
    assert mouths[0] == pytest.approx(EYES_AND_MOUTH[2])  # the first frame is put exactly
    assert np.abs(mouths[1:] - EYES_AND_MOUTH[2]).max() > 1e-6  # later ones lag by the smoothing
    still = np.repeat(landmarks[:1], 5, axis=0)
    for matrix in fan_matrices(still):
        assert points[0, 2] @ matrix[:, :2].T + matrix[:, 2] == pytest.approx(EYES_AND_MOUTH[2])


def test_fan_smoothing_by_hand() -> None:
    """A face whose template points fit exactly in the mean; the mouth jumps 10 pixels down in the second frame."""
    landmarks = np.zeros((2, 68, 2))
    for part, target in zip((slice(36, 42), slice(42, 48), slice(60, 68)), EYES_AND_MOUTH, strict=True):
        landmarks[:, part] = target
    landmarks[0, 60:68, 1] -= 5
    landmarks[1, 60:68, 1] += 5
    first, second = fan_matrices(landmarks)
    assert first == pytest.approx(np.array([[1, 0, 0], [0, 1, 5.0]]), abs=1e-6)
    assert second == pytest.approx(np.array([[1, 0, 0], [0, 1, 0.2 * 5 + 0.8 * -5]]), abs=1e-6)


class _Finder:
    """Finds what it is told to."""

    name = "told"

    def __init__(self, found: FoundFaces, boxes: list[Floats]) -> None:
        self._found, self._boxes = found, iter(boxes)

    def weights(self) -> dict[str, str]:
        return {"told": "1"}

    def find(self, frames: Frames) -> FoundFaces:
        assert len(frames) == len(self._found.counts)
        return self._found

    def boxes(self, frame: Frame, scale: float, threshold: float) -> Floats:
        assert (scale, threshold) == (0.25, 0.9)
        return next(self._boxes)


def test_fan_plan_needs_every_face() -> None:
    frames = pictures(4, 64)
    found = nothing_found(4)
    found.landmarks[:] = _landmarks(4)
    plan = planner("fan-224", _Finder(found, []))
    assert plan is not None
    plan.see(frames)
    made = plan.plan()
    assert (made.first, made.stop) == (0, 4)
    assert made.cut(frames[0], 0).shape == (224, 224, 3)
    found.landmarks[2] = np.nan
    again = FanPlanner(_Finder(found, []))
    again.see(frames)
    with pytest.raises(Unmeasurable, match="needs a face in every frame: lost in 1 of 4"):
        again.plan()


def test_overlap_by_hand() -> None:
    assert overlap((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(2 / 6)
    assert overlap((0, 0, 1, 1), (2, 2, 3, 3)) == 0
    assert overlap((0, 0, 0, 0), (0, 0, 0, 0)) == 0


def test_link_bridges_short_gaps_and_interpolates() -> None:
    box = (0.0, 0.0, 200.0, 200.0)
    far = (300.0, 300.0, 500.0, 520.0)
    frames: list[list[tuple[float, float, float, float]]] = [[box] for _ in range(40)]
    frames[10] = []
    frames[20] = [box, far]
    (track,) = link(frames, 7, 30)
    assert (track.first, len(track.boxes)) == (7, 40)
    assert track.boxes[10] == pytest.approx(box)
    assert link(frames, 0, 39) == []  # 39 boxes are not more than 39
    assert len(link([[box]] * 30 + [[]] * 26 + [[box]] * 30, 0, 20)) == 2
    small = (0.0, 0.0, 99.0, 99.0)
    assert link([[small]] * 40, 0, 20) == []


def test_crop_square_by_hand() -> None:
    frame = np.zeros((100, 100, 3), np.uint8)
    frame[:, :, 0] = np.arange(100)[None]
    found = cut_square(frame, 50, 40, 20)
    # columns 50 -+ 28, rows 20 to 76: 56 on a side, enlarged by 4
    assert found.shape == (224, 224, 3)
    assert (found[100, 2, 0], found[100, -3, 0]) == (22, 77)
    edge = cut_square(frame, 0, 0, 20)
    assert edge[0, 0].tolist() == [110, 110, 110]


def test_track_smoothing_takes_out_a_spike() -> None:
    boxes = np.repeat(np.array([[10.0, 20.0, 110.0, 140.0]]), 20, axis=0)
    boxes[9] += 500
    assert Track(0, boxes).smoothed()[9] == pytest.approx([60, 80, 60])


def test_shots_are_found() -> None:
    finder = ShotFinder()
    dark, light = np.full((60, 60, 3), 20, np.uint8), np.full((60, 60, 3), 200, np.uint8)
    light[..., 0] = 0
    for frame in [dark] * 20 + [light] * 20 + [dark] * 5 + [light] * 20:
        finder.see(frame)
    assert finder.shots() == [(0, 20), (20, 40), (40, 65)]  # a shot of fewer than 15 frames is not cut off


def test_track_planner() -> None:
    frames = pictures(60, 240)
    box = np.array([[20.0, 20.0, 180.0, 190.0]], np.float32)
    none = np.zeros((0, 4), np.float32)
    made = TrackPlanner(_Finder(nothing_found(60), [none] * 3 + [box] * 57), 50)
    for start in range(0, 60, 16):
        made.see(frames[start : start + 16])
    plan = made.plan()
    assert (plan.first, plan.stop, plan.remark) == (3, 60, "")
    assert plan.cut(frames[3], 3).shape == (224, 224, 3)
    short = TrackPlanner(_Finder(nothing_found(60), [box] * 60), 100)
    short.see(frames)
    with pytest.raises(Unmeasurable, match=r"no face track of more than 100 frames .*\(60 frames, a face in 60\)"):
        short.plan()


def test_cut_stays_inside() -> None:
    frame = pictures(1, 50)[0]
    found = cut(frame, np.array([-5.0, 10.0, 20.9, 80.0]))
    assert found is not None
    assert np.array_equal(found, frame[10:50, 0:20])
    assert cut(frame, np.array([60.0, 0.0, 70.0, 10.0])) is None
