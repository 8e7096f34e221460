from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.faces import Box, find_faces, frame_face
from eap import media
from eap.synth.clip import ClipSpec, render_clip


def world_frame(identity: int, size: int = 96) -> np.ndarray:
    clip = render_clip(ClipSpec(identity, "neutral", 1, 200, seconds=0.04), size=size)
    assert clip.frames is not None
    return np.asarray(clip.frames[0])


@pytest.mark.parametrize("identity", [2000, 2003])
def test_faces_of_the_world_are_found_and_are_framed_already(identity: int) -> None:
    frame = world_frame(identity)
    (face, *_) = find_faces(frame)
    assert 0.55 < face.side / 96 < 0.8
    assert frame_face(frame, face) is frame


def test_a_small_face_is_cut_out_as_the_world_frames_it() -> None:
    canvas = np.full((300, 400, 3), 128, np.uint8)
    canvas[90:186, 210:306] = world_frame(2000)
    (face, *_) = find_faces(canvas)
    cut = frame_face(canvas, face)
    assert cut.shape[0] == cut.shape[1]
    assert abs(cut.shape[0] - 96) < 20
    (again, *_) = find_faces(cut)
    assert abs(again.left + again.side / 2 - cut.shape[1] / 2) < 0.12 * cut.shape[1]


def test_a_frame_beyond_the_edge_is_continued() -> None:
    image = np.zeros((100, 120, 3), np.uint8)
    image[:, :, 0] = np.arange(120)
    # Side 40 / 0.71 = 56, left edge at 20 - 0.495 * 56 = -8: the first 8 columns repeat column 0.
    cut = frame_face(image, Box(0, 30, 40))
    assert cut.shape == (56, 56, 3)
    assert cut[5, :, 0].tolist() == [0] * 8 + list(range(48))


def test_no_face_in_a_picture_without_one() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    assert find_faces(noise) == []
    assert find_faces(np.full((64, 64, 3), 200, np.uint8)) == []


def test_real_photographs(shared_dir: Path) -> None:
    real = shared_dir / "real"
    assert len(find_faces(media.read_image(real / "portrait.jpg"))) == 1
    assert find_faces(media.read_image(real / "no_face.jpg")) == []
    assert len(find_faces(media.read_image(real / "several_faces.jpg"))) > 1
