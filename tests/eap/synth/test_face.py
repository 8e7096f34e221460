"""The face as its users see it: pictures and landmarks by number and pose."""

import numpy as np
import pytest
from scipy import ndimage

from eap.synth.face import AU_NAMES, Background, Face, Light, build_face
from eap.synth.identity import sample_identity

BALD, LONG = 22, 4  # identities with these hair styles
FLAT = Background(kind=1, colour=(0.0, 1.0, 0.0), seed=0)
FLAT_LIGHT = Light(direction=(0.0, 0.0, 1.0), key=0.4, ambient=0.5, warmth=0.0)


@pytest.fixture(scope="module")
def face() -> Face:
    return build_face(LONG)


def test_same_identity_same_bytes(face: Face) -> None:
    acts = {"AU12": 0.7, "AU26": 0.3}
    image, landmarks = face.draw(acts, head=(0.2, 0.1, 0.0))
    again, landmarks_again = build_face(LONG).draw(acts, head=(0.2, 0.1, 0.0))
    assert image.shape == (128, 128, 3)
    assert image.dtype == np.uint8
    assert landmarks.shape == (68, 2)
    assert image.tobytes() == again.tobytes()
    assert landmarks.tobytes() == landmarks_again.tobytes()


def test_drawing_leaves_no_trace_on_the_next_frame(face: Face) -> None:
    before = face.render({})
    face.render({"AU4": 1.0, "AU12": 1.0, "AU26": 1.0}, head=(0.4, 0.2, 0.1))
    assert face.render({}).tobytes() == before.tobytes()


def test_draw_agrees_with_render_and_landmarks(face: Face) -> None:
    image, landmarks = face.draw({"AU1": 1.0}, head=(0.1, 0.0, 0.0), size=96)
    assert np.array_equal(image, face.render({"AU1": 1.0}, head=(0.1, 0.0, 0.0), size=96))
    assert np.array_equal(landmarks, face.landmarks({"AU1": 1.0}, head=(0.1, 0.0, 0.0), size=96))


def test_landmarks_scale_with_the_picture(face: Face) -> None:
    np.testing.assert_allclose(face.landmarks({}, size=256), 2 * face.landmarks({}, size=128), rtol=1e-5)


def test_variant_changes_light_and_background_but_not_the_person() -> None:
    plain, varied = build_face(LONG), build_face(LONG, variant_seed=3)
    assert np.array_equal(plain.landmarks({}), varied.landmarks({}))
    assert plain.identity == varied.identity
    assert not np.array_equal(plain.render({})[:5, :5], varied.render({})[:5, :5])


def test_background_and_light_overrides_are_used() -> None:
    bright = build_face(BALD, light=FLAT_LIGHT, background=FLAT)
    corner = bright.render({})[4, 4]
    assert corner[1] > 200
    assert corner[0] == corner[2] == 0
    dim = build_face(BALD, light=Light((0.0, 0.0, 1.0), 0.1, 0.2, 0.0), background=FLAT)
    assert dim.render({})[50:80, 50:80].mean() < 0.7 * bright.render({})[50:80, 50:80].mean()


def test_expression_does_not_show_outside_the_head() -> None:
    face = build_face(BALD)
    neutral = face.render({}).astype(int)
    angry = face.render({"AU4": 1.0, "AU7": 0.8, "AU24": 0.75, "AU12": 0.5}).astype(int)
    changed = np.argwhere(np.abs(neutral - angry).max(2) > 0)
    low, high = face.landmarks({}).min(0), face.landmarks({}).max(0)
    assert len(changed) > 300
    assert changed[:, 1].min() >= low[0] - 4
    assert changed[:, 1].max() <= high[0] + 4
    assert changed[:, 0].max() <= high[1] + 4


def test_unknown_action_unit_is_refused(face: Face) -> None:
    with pytest.raises(KeyError, match="AU99"):
        face.render({"AU99": 1.0})


def test_negative_identity_is_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        build_face(-1)


@pytest.mark.parametrize("identity", [0, BALD, 2003])
def test_face_stays_in_the_picture_and_chin_inside_with_the_jaw_open(identity: int) -> None:
    open_mouth = build_face(identity).landmarks({"AU26": 0.8, "AU25": 0.6})
    assert open_mouth.min() > 0
    assert open_mouth.max() < 128


@pytest.mark.parametrize("yaw", [-0.61, 0.61])
@pytest.mark.parametrize("identity", [LONG, BALD, 6])
def test_no_background_shows_through_the_turned_face(identity: int, yaw: float) -> None:
    """A pure green backdrop must not be seen in patches enclosed by the face."""
    face = build_face(identity, light=FLAT_LIGHT, background=FLAT)
    image, points = face.draw({"AU26": 0.5, "AU25": 0.5}, head=(yaw, 0.0, 0.0), size=256, supersample=1)
    pixels = image.astype(int)
    green = (pixels[..., 1] > pixels[..., 0] + 60) & (pixels[..., 1] > pixels[..., 2] + 60)
    patches, count = ndimage.label(green)
    assert green.mean() > 0.05
    low, high = points[17:].min(0), points[17:].max(0)
    for k in range(1, count + 1):
        ys, xs = np.nonzero(patches == k)
        at_border = min(ys.min(), xs.min()) == 0 or max(ys.max(), xs.max()) == 255
        in_face = low[0] < xs.mean() < high[0] and low[1] < ys.mean() < high[1]
        assert at_border or not in_face, f"a hole of {len(xs)} pixels at {xs.mean():.0f}, {ys.mean():.0f}"


def test_pale_skin_does_not_clip() -> None:
    """The brightest of the first identities under its own light keeps its shading."""
    palest = max(range(12), key=lambda i: sum(sample_identity(i).skin.tone))
    forehead = build_face(palest).render({})[40:100, 40:90]
    assert (forehead.min(2) >= 254).mean() < 0.01


def test_every_named_action_unit_moves_the_face(face: Face) -> None:
    rest = face.landmarks({"AU26": 0.3, "AU25": 0.3})
    picture = face.render({"AU26": 0.3, "AU25": 0.3})
    for name in AU_NAMES:
        acts = {"AU26": 0.3, "AU25": 0.3}
        acts[name] = acts.get(name, 0.0) + 0.8
        moved = np.abs(face.landmarks(acts) - rest).max()
        changed = np.abs(face.render(acts).astype(int) - picture).max()
        assert moved > 0.1 or changed > 12, name
