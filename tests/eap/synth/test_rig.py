"""Poses: closures, lids, jaw, and landmarks that lie where they should."""

import numpy as np
import pytest

from eap.synth.face import build_face
from eap.synth.identity import sample_identity
from eap.synth.mesh import template
from eap.synth.rig import Pose, landmarks, posed, project, rotation
from eap.synth.scene import Scene, build_scene

EMOTIONS = {
    "neutral": {},
    "surprised": {"AU1": 1.0, "AU2": 1.0, "AU5": 1.0, "AU26": 0.6, "AU25": 0.45},
    "disgusted": {"AU9": 1.0, "AU10": 0.85, "AU15": 0.35, "AU16": 0.35, "AU17": 0.35},
    "happy": {"AU6": 0.95, "AU12": 1.05, "AU25": 0.45, "AU26": 0.05},
}


@pytest.fixture(scope="module")
def scene() -> Scene:
    return build_scene(sample_identity(5))


def _gap(scene: Scene, acts: dict[str, float]) -> float:
    """Mean opening between the inner lip landmarks, in pixels of a 128 px picture."""
    points = landmarks(scene, posed(scene, Pose(acts)), 0.0, 128)
    return float((points[[67, 66, 65], 1] - points[[61, 62, 63], 1]).mean())


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_bilabial_closure_is_closed_in_every_expression(scene: Scene, emotion: str) -> None:
    acts = EMOTIONS[emotion] | {"AU24": 0.6, "close": 1.0}
    assert abs(_gap(scene, acts)) < 0.1


def test_neutral_lips_touch_and_open_with_the_jaw(scene: Scene) -> None:
    assert abs(_gap(scene, {})) < 0.05
    gaps = [_gap(scene, {"AU26": a, "AU25": a}) for a in (0.2, 0.5, 0.8)]
    assert gaps[0] > 0.5
    assert gaps == sorted(gaps)


def test_labiodental_is_not_a_closure(scene: Scene) -> None:
    assert _gap(scene, {"AU26": 0.1, "AU25": 0.38, "AU20": 0.1, "tuck": 1.0}) > 0.8


def test_lips_never_cross(scene: Scene) -> None:
    t = template()
    v = posed(scene, Pose({"AU17": 1.5, "AU24": 1.0}))
    assert (v[t.upper_rings[0], 1] - v[t.lower_rings[0], 1]).min() > -1e-6


@pytest.mark.parametrize("acts", [{}, {"AU5": 1.0}, {"AU6": 1.0, "AU7": 0.4}])
def test_a_blink_closes_the_eye(scene: Scene, acts: dict[str, float]) -> None:
    up, low = template().lid_edges
    v = posed(scene, Pose({**acts, "lidU": 1.0}))
    assert np.abs(v[up, 1] - v[low, 1]).max() < 0.012
    awake = posed(scene, Pose(acts))
    assert (awake[up, 1] - awake[low, 1]).max() > 0.03  # even in a wide smile


def test_rotation_is_a_rotation_and_yaw_goes_right() -> None:
    r = rotation(0.3, -0.2, 0.1)
    np.testing.assert_allclose(r @ r.T, np.eye(3), atol=1e-6)
    assert (rotation(0.3, 0, 0) @ np.array([0, 0, 1.0]))[0] > 0
    assert (rotation(0, 0.3, 0) @ np.array([0, 0, 1.0]))[1] < 0  # positive pitch looks down


def test_gaze_moves_the_eyeballs_only(scene: Scene) -> None:
    straight, aside = posed(scene, Pose()), posed(scene, Pose(gaze=(0.3, 0.0)))
    moved = np.flatnonzero(np.abs(straight - aside).max(1) > 0)
    eyes = np.r_[scene.parts["eye_right"], scene.parts["eye_left"]]
    assert set(moved) <= set(eyes)
    assert len(moved) > 100


def test_projection_of_the_picture_centre(scene: Scene) -> None:
    centre = np.array([[0.0, scene.centre_y, 0.4]], np.float32)
    np.testing.assert_allclose(project(scene, centre, 128), [[64, 64]], atol=1e-4)
    # by hand: half the view height above the centre, in the plane of unit magnification, is the top edge
    top = np.array([[0.0, scene.centre_y + scene.view / 2, 0.4]], np.float32)
    np.testing.assert_allclose(project(scene, top, 128), [[64, 0]], atol=1e-4)


def test_landmarks_are_the_painted_features(scene: Scene) -> None:
    """Eye corners enclose the eyeball, brows lie over eyes, the nose tip between eyes and mouth, left is left."""
    p = landmarks(scene, posed(scene, Pose()), 0.0, 128)
    eye = project(scene, np.array([[scene.eye[0], scene.eye[1], scene.eye[2] + scene.eye[3]]], np.float32), 128)[0]
    assert p[42, 0] < eye[0] < p[45, 0]
    assert p[43, 1] < eye[1] < p[47, 1]
    assert (p[17:27, 1] < p[36:48, 1].min()).all()
    assert p[36:48, 1].max() < p[30, 1] < p[33, 1] < p[51, 1] < p[62, 1] < p[57, 1] < p[8, 1]
    assert (np.diff(p[:17, 0]) > 0).all()
    assert p[36, 0] < p[39, 0] < p[42, 0] < p[45, 0]


@pytest.mark.parametrize("yaw", [-0.5, 0.0, 0.5])
def test_jaw_landmarks_lie_on_the_silhouette(yaw: float) -> None:
    """On the far side the upper jaw line is the outermost skin at its height; below, the chin is the lowest skin."""
    scene = build_scene(sample_identity(22))
    v = posed(scene, Pose(head=(yaw, 0.0, 0.0)))
    points = landmarks(scene, v, 0.0, 128)
    t = template()
    skin = project(scene, v[: len(t.x)], 128)
    far = range(5) if yaw <= 0 else range(12, 17)
    for i in far:
        level = skin[np.abs(skin[:, 1] - points[i, 1]) < 1.5]
        edge = level[:, 0].min() if i < 8 else level[:, 0].max()
        assert abs(points[i, 0] - edge) < 1.2, i
    assert abs(points[8, 1] - skin[:, 1].max()) < 1.0


def test_jaw_landmarks_move_smoothly_with_yaw(scene: Scene) -> None:
    steps = [landmarks(scene, posed(scene, Pose(head=(y, 0.0, 0.0))), 0.0, 128) for y in np.arange(-0.5, 0.5, 0.01)]
    # half a degree per step: a vertex on the nose moves by .6; the silhouette may slide, not leap
    assert np.abs(np.diff(np.stack(steps), axis=0)).max() < 2.5


def test_shift_moves_everything_alike() -> None:
    face = build_face(5)
    moved = face.landmarks({}, shift=(0.05, 0.0)) - face.landmarks({})
    assert moved[:, 0].std() < 0.1
    assert 2.0 < moved[:, 0].mean() < 3.2
    np.testing.assert_allclose(moved[17:, 1], 0, atol=1e-4)


def test_a_track_of_landmarks_equals_its_frames() -> None:
    face, r = build_face(5), np.random.default_rng(1)
    units = {name: r.uniform(0, 1, 9) for name in ("AU1", "AU5", "AU12", "AU25", "AU26", "lidU")}
    units["close"] = r.uniform(-0.5, 1, 9)
    head, shift = r.normal(size=(9, 3)) * 0.2, r.normal(size=(9, 2)) * 0.02
    track = face.landmarks_track(units, head, shift)
    for i in range(9):
        acts = {name: float(values[i]) for name, values in units.items()}
        one = face.landmarks(acts, (head[i, 0], head[i, 1], head[i, 2]), shift=(shift[i, 0], shift[i, 1]))
        np.testing.assert_allclose(track[i], one, atol=2e-3)
    with pytest.raises(KeyError, match="AU99"):
        face.landmarks_track({"AU99": np.ones(9)}, head)
