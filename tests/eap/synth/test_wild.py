from __future__ import annotations

from dataclasses import replace

import numpy as np

from eap.synth.clip import ClipSpec, face_of, render_clip
from eap.synth.wild import Camera, Room, crop_centres, film, record

CLEAN = Camera(1.0, (0.0, 0.0), 0.0, (1.0, 1.0, 1.0), 0.0, 1.0, 1.0, 0.0, 0.0, 0.0)
DRY = Room(0.0, 0.0, 90.0, 0.0, 1e9)


def picture() -> np.ndarray:
    y, x = np.mgrid[:64, :64]
    return np.stack([x * 4, y * 4, (x + y) * 2], axis=-1).astype(np.uint8)[None]


def filmed(camera: Camera, frames: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(0)
    return film(frames, crop_centres(camera, len(frames), frames.shape[1], rng), camera, rng)


def test_a_clean_camera_changes_nothing() -> None:
    assert np.abs(filmed(CLEAN, picture()).astype(int) - picture()).max() <= 1


def test_the_crop_moves_a_point_as_it_moves_the_picture() -> None:
    frames = np.zeros((1, 64, 64, 3), np.uint8)
    frames[0, 20:23, 40:43] = 255  # centre (41.5, 21.5)
    camera = replace(CLEAN, zoom=1.2, offset=(0.05, -0.03))
    centre = crop_centres(camera, 1, 64, np.random.default_rng(0))
    made = film(frames, centre, camera, np.random.default_rng(0))[0, ..., 0].astype(float)
    y, x = np.mgrid[:64, :64] + 0.5
    found = np.array([(x * made).sum(), (y * made).sum()]) / made.sum()
    expected = (np.array([41.5, 21.5]) - centre[0]) * 1.2 + 32
    np.testing.assert_allclose(found, expected, atol=0.1)


def test_blur_noise_and_blocks_do_their_work() -> None:
    sharp = np.zeros((1, 64, 64, 3), np.uint8)
    sharp[:, :, 32:] = 200
    edge = np.abs(np.diff(filmed(replace(CLEAN, blur=2.0), sharp)[0, 30, :, 0].astype(int))).max()
    assert edge < 150
    flat = np.full((1, 64, 64, 3), 128, np.uint8)
    assert 3 < filmed(replace(CLEAN, noise=5.0), flat).std() < 7
    noisy = np.random.default_rng(1).integers(100, 140, (1, 64, 64, 3)).astype(np.uint8)
    assert filmed(replace(CLEAN, blocks=40.0), noisy).std() < noisy.std()


def test_rooms() -> None:
    sound = np.zeros(16000, np.float32)
    sound[:1600] = 0.3 * np.sin(np.arange(1600) * 0.3)
    dry = record(sound, DRY, np.random.default_rng(0))
    np.testing.assert_allclose(dry[:1600], np.tanh(sound[:1600]), atol=2e-3)
    wet = record(sound, replace(DRY, decay=0.4, wet=0.3), np.random.default_rng(0))
    assert wet[2000:4000].std() > 20 * dry[2000:4000].std()
    noisy = record(sound, replace(DRY, snr=10.0), np.random.default_rng(0))
    measured = 10 * np.log10(np.mean(sound**2) / np.mean(noisy[8000:] ** 2))
    assert abs(measured - 10) < 1.5


def test_a_wild_clip_is_deterministic_and_differs_from_the_studio() -> None:
    spec = ClipSpec(2, "happy", 2, 3, seconds=0.2, wild=True)
    first, again = render_clip(spec, size=64), render_clip(spec, size=64)
    studio = render_clip(replace(spec, wild=False), size=64)
    assert first.frames is not None
    assert studio.frames is not None
    assert again.frames is not None
    np.testing.assert_array_equal(first.frames, again.frames)
    np.testing.assert_array_equal(first.audio, again.audio)
    assert np.abs(first.frames.astype(int) - studio.frames).mean() > 3
    assert not np.allclose(first.truth.landmarks, studio.truth.landmarks)
    np.testing.assert_array_equal(first.truth.alpha, studio.truth.alpha)


def test_another_light_shares_the_scene_and_leaves_no_trace() -> None:
    from eap.synth.face import build_face

    first = render_clip(ClipSpec(3, "sad", 2, 5, seconds=0.04, wild=True), size=64)
    assert build_face(3, 7).scene is build_face(3, 8).scene
    render_clip(ClipSpec(3, "angry", 3, 6, seconds=0.04, wild=True), size=64)
    face_of.cache_clear()
    again = render_clip(ClipSpec(3, "sad", 2, 5, seconds=0.04, wild=True), size=64)
    assert first.frames is not None
    assert again.frames is not None
    np.testing.assert_array_equal(first.frames, again.frames)
