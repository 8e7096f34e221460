from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from eap.synth.clip import ClipSpec, face_of
from metrics.features.clip import ClipFeatures, Measured
from metrics.movement import (
    amount,
    brow_dynamics,
    brow_height,
    head_dynamics,
    head_pose,
    lip_dynamics,
    liveliness,
    mouth_opening,
)
from metrics.registry import NotApplicable, Remarked, Unmeasurable
from metrics.validity.damages import FACE_CHANGES
from metrics.validity.stage import Scene

Points = NDArray[np.float64]


def face(n: int = 20) -> Points:
    """A still face: eyes on a line 60 pixels apart (outer corners), brows above, lips closed."""
    points = np.zeros((n, 68, 2))
    points[:, 36:42] = (30.0, 40.0)
    points[:, 42:48] = (80.0, 40.0)
    points[:, 36], points[:, 39], points[:, 42], points[:, 45] = (25.0, 40.0), (35.0, 40.0), (75.0, 40.0), (85.0, 40.0)
    points[:, 17:27] = (55.0, 30.0)
    points[:, 27:36] = (55.0, 55.0)
    points[:, 48:68] = (55.0, 75.0)
    return points


def moving(course: Points, *, lips: float = 0.0, brows: float = 0.0, head: float = 0.0) -> Points:
    """A face whose parts follow a (T,) course, in pixels."""
    points = face(len(course))
    points[:, 65:68, 1] += lips * course[:, None]
    points[:, 17:27, 1] -= brows * course[:, None]
    points[:, :, 0] += head * course[:, None]
    return points


COURSE = np.sin(np.arange(20) / 3)


def test_by_hand() -> None:
    lips = moving(COURSE, lips=6.0)
    assert mouth_opening(lips) == pytest.approx(6 * COURSE / 60)
    assert brow_height(moving(COURSE, brows=3.0)) == pytest.approx((10 + 3 * COURSE) / 60)
    place = head_pose(moving(COURSE, head=12.0))
    assert place[:, 0] - place[0, 0] == pytest.approx(12 * (COURSE - COURSE[0]) / 60)
    assert amount(place) == pytest.approx(12 * COURSE.std() / 60)
    assert liveliness(moving(COURSE, lips=3.0), lips, mouth_opening) == pytest.approx(0.5)


@given(st.floats(-0.5, 0.5), st.floats(0.3, 3.0), st.floats(-40, 40))
def test_lips_and_brows_do_not_see_the_head(angle: float, scale: float, shift: float) -> None:
    points = moving(COURSE, lips=6.0, brows=3.0)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    moved = scale * points @ turn + shift
    assert mouth_opening(moved) == pytest.approx(mouth_opening(points), abs=1e-9)
    assert brow_height(moved) == pytest.approx(brow_height(points), abs=1e-9)
    assert amount(head_pose(moved)) == pytest.approx(amount(head_pose(points)), abs=1e-9)


def test_nothing_sees_a_blink_or_a_squint() -> None:
    """Lids that close, one eye more than the other: neither brows nor head nor lips move."""
    points = moving(COURSE, lips=6.0, brows=3.0, head=12.0)
    blinking = points.copy()
    blinking[:, [37, 38, 43, 44], 1] += 5 * np.abs(COURSE[:, None])
    blinking[:, [40, 41], 1] -= 3 * np.abs(COURSE[:, None])
    for read in (mouth_opening, brow_height, head_pose):
        assert np.array_equal(read(blinking), read(points))


def _played(brows_held: float) -> Points:
    """Exact landmarks of a surprised take of the world whose brows move less by a share about their mean."""
    scene = Scene(ClipSpec(2400, "surprised", 3, 248, seconds=1.6), 32)
    played = FACE_CHANGES["brow_flatten"](scene.played(), brows_held, np.random.default_rng(0))
    return face_of(2400).landmarks_track(played.units, played.head)[:40].astype(np.float64)


def test_brows_of_the_world_that_are_held_still() -> None:
    """With everything else going on, blinks and speech and the head's turns: what is left is nearly nothing."""
    free = _played(0.0)
    assert liveliness(_played(0.5), free, brow_height) == pytest.approx(0.5, abs=0.05)
    assert liveliness(_played(1.0), free, brow_height) < 0.1
    assert liveliness(_played(1.0), free, mouth_opening) == pytest.approx(1.0, abs=0.02)


def _clip(points: Points) -> ClipFeatures:
    return ClipFeatures("k", len(points), 96, 96, 25.0, True, landmarks=points.astype(np.float32))


def test_metrics_lost_faces_and_still_references() -> None:
    true = moving(COURSE, lips=6.0, brows=4.0, head=12.0)
    half = moving(COURSE, lips=3.0, brows=2.0, head=6.0)
    measured = Measured(_clip(half), _clip(true))
    for function in (lip_dynamics, brow_dynamics, head_dynamics):
        assert function(measured) == pytest.approx(0.5, rel=1e-3)
    half[4] = np.nan
    found = lip_dynamics(Measured(_clip(half), _clip(true)))
    assert isinstance(found, Remarked)
    assert found.remark == "face lost in 1 of 20 frames"
    half[4:] = np.nan
    with pytest.raises(Unmeasurable, match="only 4 frames have a face"):
        lip_dynamics(Measured(_clip(half), _clip(true)))
    with pytest.raises(NotApplicable, match="the reference hardly moves there"):
        brow_dynamics(Measured(_clip(true), _clip(face())))
