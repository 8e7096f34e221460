"""Face finding on real photographs and on the embedded world."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eap.data.faces import BOX_IN_CROP, crop_face, cut_square, find_faces
from eap.errors import DataError
from eap.media import read_image


def test_one_face_in_a_portrait(shared_dir: Path) -> None:
    image = read_image(shared_dir / "real" / "portrait.jpg")
    crop = crop_face(image)
    assert crop.found == 1
    assert crop.image.shape[0] == crop.image.shape[1] == crop.box[2]
    again = find_faces(crop.image)
    assert len(again) == 1
    left, top, side = (v / crop.box[2] for v in again[0])
    assert left == pytest.approx(BOX_IN_CROP[0], abs=0.08)
    assert top == pytest.approx(BOX_IN_CROP[1], abs=0.08)
    assert side == pytest.approx(BOX_IN_CROP[2], abs=0.12)


def test_grass_has_no_face_and_the_error_names_the_file(shared_dir: Path) -> None:
    image = read_image(shared_dir / "real" / "no_face.jpg")
    with pytest.raises(DataError, match=r"no_face\.jpg: no face found"):
        crop_face(image, "no_face.jpg")


def test_faces_of_the_embedded_world_are_found_where_they_are() -> None:
    from eap.synth.clip import ClipSpec, render_clip

    clip = render_clip(ClipSpec(2001, "neutral", 1, 200, seconds=0.08), size=128)
    assert clip.frames is not None
    boxes = find_faces(clip.frames[0])
    assert len(boxes) == 1
    left, top, side = boxes[0]
    nose = clip.truth.landmarks[0, 30]
    assert left < nose[0] < left + side
    assert top < nose[1] < top + side


def test_a_square_beyond_the_edge_repeats_it() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    out = cut_square(image, (-1, 0, 3))
    assert out.shape == (3, 3, 3)
    assert out[0, 0].tolist() == out[0, 1].tolist() == [0, 1, 2]
    assert out[2, 2].tolist() == [9, 10, 11]


def test_tiny_and_odd_arrays() -> None:
    assert find_faces(np.zeros((20, 20, 3), np.uint8)) == []
    with pytest.raises(DataError, match="image of shape"):
        find_faces(np.zeros((20, 20), np.uint8))


def test_a_picture_the_face_fills_is_left_alone() -> None:
    from eap.synth.clip import ClipSpec, render_clip

    clip = render_clip(ClipSpec(2003, "neutral", 1, 200, seconds=0.08), size=128)
    assert clip.frames is not None
    assert np.array_equal(crop_face(clip.frames[0]).image, clip.frames[0])


def test_a_face_that_fills_an_oblong_picture_keeps_its_full_square() -> None:
    from eap.synth.clip import ClipSpec, render_clip

    clip = render_clip(ClipSpec(2003, "neutral", 1, 200, seconds=0.08), size=128)
    assert clip.frames is not None
    oblong = np.concatenate([np.full((128, 14, 3), 90, np.uint8), clip.frames[0]], axis=1)
    crop = crop_face(oblong)
    left, top, side = crop.box
    assert (top, side) == (0, 128)
    assert left > 9, "the square lies about the face, not in the picture's middle"
    assert np.array_equal(crop.image, oblong[:, left : left + 128])
