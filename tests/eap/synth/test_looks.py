"""What people must be able to see in a face: expressions, mouths of speech, variety, and pictures without artefacts."""

import numpy as np
import pytest

from eap.synth.action_units import activation_vector, basis
from eap.synth.affect import AFFECTS
from eap.synth.face import Background, Face, Light, build_face
from eap.synth.identity import HAIR_STYLES, sample_identity
from eap.synth.mesh import template
from eap.synth.phonemes import PHONEMES, VISEME_CHANNELS
from eap.synth.renderer import cast_shadow
from eap.synth.surface import Array

SOMEONE, BALD = 5, 22


@pytest.fixture(scope="module")
def face() -> Face:
    return build_face(SOMEONE)


def _speaks(face: Face, symbol: str) -> tuple[Array, Array]:
    """Picture (256, 256, 3) and landmarks of a person who holds one sound."""
    mouth = dict(zip(VISEME_CHANNELS, PHONEMES[symbol].mouth, strict=True))
    tongue = mouth.pop("tongue")
    mouth["close"] = min(1.0, 2.2 * mouth["AU24"])
    return face.draw(mouth, tongue=tongue, size=256)


def _inside(picture: Array, points: Array) -> Array:
    """Pixels (n, 3) between the inner lips, float."""
    lips = points[60:68]
    left, right = np.ceil(lips[:, 0].min()) + 3, np.floor(lips[:, 0].max()) - 3
    found = []
    for x in np.arange(left, right):
        top = np.interp(x, points[[60, 61, 62, 63, 64], 0], points[[60, 61, 62, 63, 64], 1])
        low = np.interp(x, points[[60, 67, 66, 65, 64], 0], points[[60, 67, 66, 65, 64], 1])
        found += [picture[int(y), int(x)] for y in np.arange(np.ceil(top), np.floor(low))]
    return np.array(found, float).reshape(-1, 3)


def _teeth(pixels: Array) -> int:
    """How many pixels are bright and nearly grey."""
    return int(((pixels.min(1) > 120) & (np.ptp(pixels, axis=1) < 50)).sum())


def _gap(points: Array) -> float:
    return float((points[[67, 66, 65], 1] - points[[61, 62, 63], 1]).mean())


def test_labiodental_shows_teeth_over_the_lower_lip_and_bilabial_does_not(face: Face) -> None:
    bite, points_bite = _speaks(face, "f")
    press, points_press = _speaks(face, "p")
    assert _gap(points_bite) > 2.0
    assert _gap(points_press) < 0.2
    assert _teeth(_inside(bite, points_bite)) > 30
    assert _teeth(_inside(press, points_press)) == 0


def test_teeth_show_in_a_smile(face: Face) -> None:
    picture, points = face.draw(AFFECTS["happy"].units, size=256)
    assert _teeth(_inside(picture, points)) > 100


def test_tongue_shows_between_the_teeth_in_th_and_not_in_s(face: Face) -> None:
    def red(symbol: str) -> int:
        pixels = _inside(*_speaks(face, symbol))
        return int(((pixels[:, 0] > 110) & (pixels[:, 0] - pixels[:, 1] > 50)).sum())

    assert red("th") > red("s") + 30


def test_smile_raises_corners_and_closes_eyes_and_sorrow_does_the_opposite_with_the_mouth(face: Face) -> None:
    rest, smile, sorrow = (face.landmarks(AFFECTS[e].units) for e in ("neutral", "happy", "sad"))
    corners = [48, 54]
    assert (smile[corners, 1] < rest[corners, 1] - 3).all()
    assert (sorrow[corners, 1] > rest[corners, 1] + 2).all()

    def opening(p: Array) -> float:
        return float((p[[40, 41, 46, 47], 1] - p[[38, 37, 44, 43], 1]).mean())

    assert opening(smile) < 0.75 * opening(rest)
    assert opening(face.landmarks(AFFECTS["surprised"].units)) > 1.2 * opening(rest)


@pytest.mark.parametrize("emotion", ["sad", "fear"])
def test_brows_of_sorrow_and_fear_slant_inwards_and_up(face: Face, emotion: str) -> None:
    rest, moved = face.landmarks({}), face.landmarks(AFFECTS[emotion].units)

    def slant(p: Array) -> float:
        """How much higher the inner ends stand than the outer, pixels."""
        return float((p[[17, 26], 1] - p[[21, 22], 1]).mean())

    assert slant(moved) > slant(rest) + 2
    assert moved[22, 0] - moved[21, 0] < rest[22, 0] - rest[21, 0]  # drawn together


def test_contempt_is_one_sided(face: Face) -> None:
    rest, scorn = face.landmarks({}), face.landmarks(AFFECTS["contempt"].units)
    lift = rest[[48, 54], 1] - scorn[[48, 54], 1]
    assert abs(lift[1]) > 3 * abs(lift[0])


def test_slant_is_the_product_of_its_two_units_and_the_jaw_has_a_limit() -> None:
    index = basis().index
    assert activation_vector({"AU1": 0.5, "AU4": 0.8})[index["oblique"]] == pytest.approx(0.4)
    assert activation_vector({"AU1": 1.0})[index["oblique"]] == 0
    assert activation_vector({"AU26": 0.9})[index["AU26"]] == pytest.approx(0.9)
    # by hand: .9 + .3 tanh((1.5 - .9) / .3) = .9 + .3 * .96403
    assert activation_vector({"AU26": 1.5})[index["AU26"]] == pytest.approx(1.18921, abs=1e-4)
    with pytest.raises(KeyError, match="oblique"):
        activation_vector({"oblique": 1.0})


def test_at_least_five_hair_silhouettes_among_the_first_forty() -> None:
    styles = {sample_identity(i).hair.style for i in range(40)}
    assert styles <= set(HAIR_STYLES)
    outlines: dict[str, Array] = {}
    green = Background(kind=1, colour=(0.0, 1.0, 0.0), seed=0)
    for i in range(40):
        style = sample_identity(i).hair.style
        if style in outlines or len(outlines) == 8:
            continue
        pixels = build_face(i, background=green).render({}, size=64, supersample=1).astype(int)
        outlines[style] = ~((pixels[..., 1] > pixels[..., 0] + 60) & (pixels[..., 1] > pixels[..., 2] + 60))
    kept: list[Array] = []
    for mask in outlines.values():
        if all((mask ^ other).mean() > 0.03 for other in kept):
            kept.append(mask)
    assert len(kept) >= 5


def test_skin_tones_spread_evenly_and_shapes_differ() -> None:
    people = [sample_identity(i) for i in range(70)]
    light = np.sort([sum(p.skin.tone) / 3 for p in people])
    assert light[0] < 0.3
    assert light[-1] > 0.75
    assert np.diff(light).max() < 0.06  # no tone between is missing
    for name in ("nose_width", "eye_apart", "mouth_width", "face_length", "lip_upper", "chin_width"):
        assert np.std([getattr(p.shape, name) for p in people]) > 0.02, name


def test_the_nose_casts_a_shadow_away_from_the_light() -> None:
    scene = build_face(BALD).scene
    t = template()
    beside = (np.abs(t.y + 0.38) < 0.12) & (np.abs(np.abs(t.x) - 0.2) < 0.06)
    side = np.array([0.8, 0.0, 0.6])
    from_right = cast_shadow(scene, Light((side[0], side[1], side[2]), 0.7, 0.4, 0.0))[: len(t.x), 0]
    assert from_right[beside & (t.x < 0)].mean() < from_right[beside & (t.x > 0)].mean() - 0.05
    ahead = cast_shadow(scene, Light((0.0, 0.0, 1.0), 0.7, 0.4, 0.0))
    assert ahead[: len(t.x), 0][beside].mean() > 0.95


@pytest.mark.parametrize("size", [128, 512])
def test_every_size_is_the_same_face(face: Face, size: int) -> None:
    picture = face.render({"AU12": 1.0}, size=size, supersample=1).astype(float)
    assert picture.shape == (size, size, 3)
    k = size // 64
    small = picture.reshape(64, k, 64, k, 3).mean((1, 3))
    reference = face.render({"AU12": 1.0}, size=256, supersample=1).astype(float).reshape(64, 4, 64, 4, 3).mean((1, 3))
    assert np.abs(small - reference).mean() < 3.0
