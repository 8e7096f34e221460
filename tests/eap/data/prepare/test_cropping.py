from __future__ import annotations

import numpy as np
import pytest

from eap.data.prepare import cropping
from eap.data.prepare.finding import EYES_AND_MOUTH, Place, eyes_and_mouth, overlap, place_of_landmarks


def landmarks_at(points: np.ndarray) -> np.ndarray:
    """(68, 2) with eyes and mouth at three points."""
    found = np.zeros((68, 2))
    for part, point in zip((slice(36, 42), slice(42, 48), slice(48, 68)), points, strict=True):
        found[part] = point
    return found


def test_a_square_that_fits_is_cut_without_a_change() -> None:
    frame = np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8)
    assert np.array_equal(cropping.cut(frame, (10, 5, 32), 32), frame[5:37, 10:42])
    beyond = cropping.cut(frame, (-4, 0, 32), 32)
    assert np.array_equal(beyond[:, 4:], frame[:32, :28])
    assert np.array_equal(beyond[:, 0], frame[:32, 0]), "the edge goes on"
    halved = cropping.cut(frame, (0, 0, 60), 30).astype(float)
    blocks = frame[:60, :60].reshape(30, 2, 30, 2, 3).mean(axis=(1, 3))
    assert np.abs(halved - blocks).max() <= 0.51, "areas are averaged"


def test_box_matrix_by_hand() -> None:
    matrix = cropping.box_matrix((10, 20, 50), 100)
    assert cropping.moved(np.array([[10.0, 20.0], [35.0, 45.0], [60.0, 70.0]]), matrix) == pytest.approx(
        np.array([[0, 0], [50, 50], [100, 100]])
    )


def test_a_similarity_is_recovered_and_is_the_least_squares_one() -> None:
    from skimage.transform import SimilarityTransform

    rng = np.random.default_rng(1)
    points, noise = rng.normal(size=(5, 2)), rng.normal(size=(5, 2)) * 0.1
    target = 2 * points @ np.array([[0.8, 0.6], [-0.6, 0.8]]) + [3, -1]
    exact = cropping.similarity(points, target)
    assert cropping.moved(points, exact) == pytest.approx(target, abs=1e-5)
    assert exact[:, :2] == pytest.approx(np.array([[1.6, -1.2], [1.2, 1.6]]))
    found = cropping.moved(points, cropping.similarity(points, target + noise))
    other = SimilarityTransform.from_estimate(points, target + noise)(points)
    assert ((found - target - noise) ** 2).sum() <= ((other - target - noise) ** 2).sum() + 1e-6


def test_aligned_faces_lie_on_the_template_and_upright() -> None:
    size, wide = 64, 96
    angle = np.deg2rad(20)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    tilted = (EYES_AND_MOUTH - 0.5) @ turn.T * size + wide / 2
    frames = np.zeros((2, wide, wide, 3), np.uint8)
    for x, y in tilted:
        frames[:, int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2] = 255
    crops, matrix = cropping.align(frames, np.stack([landmarks_at(tilted), np.full((68, 2), np.nan)]), size)
    assert cropping.moved(tilted, matrix) == pytest.approx(EYES_AND_MOUTH * size, abs=0.01)
    for x, y in EYES_AND_MOUTH * size:
        assert crops[0, round(y - 0.5), round(x - 0.5), 0] > 100, "the picture moves with the points"
    assert np.array_equal(crops[0], crops[1])


def test_joined_matrices() -> None:
    first, second = np.array([[2.0, 0, 1], [0, 2, 5]]), np.array([[0, -1.0, 3], [1, 0, 4]])
    point = np.array([7.0, 9.0])
    assert cropping.moved(point, cropping.joined(second, first)) == pytest.approx(
        cropping.moved(cropping.moved(point, first), second)
    )


def test_place_of_landmarks_and_overlap() -> None:
    points = EYES_AND_MOUTH * 200 + [30, 40]
    place = place_of_landmarks(landmarks_at(points))
    assert place == pytest.approx((30, 40, 200), abs=0.5)
    narrow = points.copy()
    narrow[:2, 0] = points[:2, 0].mean() + np.array([-20, 20])  # a turned head
    assert place_of_landmarks(landmarks_at(narrow)).side == pytest.approx(200, abs=1)
    assert eyes_and_mouth(landmarks_at(points)[None]).shape == (1, 3, 2)
    assert overlap(Place(0, 0, 10), Place(5, 0, 10)) == pytest.approx(50 / 150)
    assert overlap(Place(0, 0, 10), Place(20, 0, 10)) == 0
