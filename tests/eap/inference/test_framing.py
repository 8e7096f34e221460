"""The face's square, and putting a made face back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eap.errors import DataError, MediaError
from eap.inference.framing import FEATHER, Portrait, portrait_of, within
from eap.media import write_image
from tests.eap.inference.samples import scene, world_face


def pasted(box: tuple[int, int, int], made: int = 200, size: tuple[int, int] = (100, 120)) -> np.ndarray:
    picture = np.full((*size, 3), 50, np.uint8)
    portrait = Portrait(picture, box, np.zeros((8, 8, 3), np.uint8))
    return portrait.paste(np.full((16, 16, 3), made, np.uint8))[..., 0]


def test_outside_the_box_not_a_bit_changes() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (90, 130, 3)).astype(np.uint8)
    before = picture.copy()
    out = Portrait(picture, (30, 20, 50), picture[:50, :50]).paste(rng.integers(0, 256, (96, 96, 3)).astype(np.uint8))
    outside = np.ones((90, 130), bool)
    outside[20:70, 30:80] = False
    assert np.array_equal(out[outside], before[outside])
    assert np.array_equal(picture, before), "the picture itself is left as it was"
    assert not np.array_equal(out[20:70, 30:80], before[20:70, 30:80])


def test_the_seam_by_hand() -> None:
    """Across the middle: from 50 outside to 200 inside over 12 % of the side, by 3x^2 - 2x^3."""
    out = pasted((20, 10, 60))
    width = FEATHER * 60
    for column in range(10):
        x = min(1.0, (column + 0.5) / width)
        assert out[40, 20 + column] == pytest.approx(50 + 150 * (3 * x**2 - 2 * x**3), abs=0.51)
    assert out[40, 50] == 200
    assert np.array_equal(out[40], out[40, ::-1][np.roll(np.arange(120), 20)]) or np.array_equal(
        out[40, 20:80], out[40, 20:80][::-1]
    )


def test_no_seam_where_the_picture_ends() -> None:
    out = pasted((0, 0, 60))
    assert out[0, 0] == 200, "at the picture's corner there is no background to blend with"
    assert out[59, 30] < 60
    beyond = pasted((-20, -10, 60))
    assert beyond[0, 0] == 200
    assert beyond[20, 39] < 60
    assert (beyond[50:] == 50).all()
    assert (pasted((0, 0, 100), size=(100, 100)) == 200).all(), "a face that fills the picture replaces it"


def test_the_face_taken_is_the_one_asked_for(tmp_path: Path) -> None:
    picture = scene(world_face(96), [(20, 60)], width=500)
    big = world_face(160)
    picture[60:220, 300:460] = big
    largest = portrait_of(picture, crop=True)
    assert largest.face is not None
    assert (largest.face.found, largest.face.taken) == (2, 1)
    assert 280 < largest.box[0] < 340
    second = portrait_of(picture, crop=True, which=2)
    assert second.box[0] < 100
    assert second.crop.shape == (second.box[2], second.box[2], 3)
    with pytest.raises(DataError, match="image: no face number 3, 2 found"):
        portrait_of(picture, crop=True, which=3)


def test_a_portrait_is_given_back_and_arrays_are_taken_as_they_are(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (40, 30, 3)).astype(np.uint8)
    portrait = portrait_of(picture)
    assert portrait.face is None
    assert portrait.box == (0, 5, 30)
    assert np.array_equal(portrait.crop, picture[5:35])
    assert portrait_of(portrait, crop=True) is portrait
    write_image(tmp_path / "p.png", picture)
    with pytest.raises(DataError, match=r"p\.png: no face found"):
        portrait_of(tmp_path / "p.png")
    assert portrait_of(tmp_path / "p.png", crop=False).box == (0, 5, 30)
    write_image(tmp_path / "dot.png", picture[:4, :4])
    with pytest.raises(MediaError, match=r"dot\.png: 4 x 4 pixels"):
        portrait_of(tmp_path / "dot.png", crop=False)


def test_pictures_are_made_smaller_only_where_they_are_too_large() -> None:
    picture = np.zeros((100, 300, 3), np.uint8)
    assert within(picture, 300) is picture
    assert within(picture, 150).shape == (50, 150, 3)
