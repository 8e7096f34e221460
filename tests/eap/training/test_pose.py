"""Targets in the reference's pose: hand-worked maps, round trips, and the picture moving with its landmarks."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from eap.training.pose import RIGID, frames_in_pose, landmarks_in_pose, pose_maps


def face(seed: int = 0) -> NDArray[np.float32]:
    return (0.3 + 0.4 * np.random.default_rng(seed).random((68, 2))).astype(np.float32)


def moved(points: NDArray[np.float32], angle: float, scale: float, shift: tuple[float, float]) -> NDArray[np.float32]:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(points @ turn.T + shift, np.float32)


def test_the_same_pose_is_the_identity_map() -> None:
    np.testing.assert_allclose(pose_maps(face(), face()[None])[0], [[1, 0, 0], [0, 1, 0]], atol=1e-6)


def test_a_quarter_turn_with_a_shift_by_hand() -> None:
    # (x, y) -> (-y + .9, x + .1): a turn by 90 degrees, then a shift.
    found = pose_maps(face(), moved(face(), np.pi / 2, 1.0, (0.9, 0.1))[None])[0]
    np.testing.assert_allclose(found, [[0, -1, 0.9], [1, 0, 0.1]], atol=1e-6)


def test_landmarks_come_back_from_any_similarity() -> None:
    frames = np.stack([moved(face(), a, s, (0.05, -0.02)) for a, s in ((0.2, 1.1), (-0.3, 0.9), (0.0, 1.3))])
    back = landmarks_in_pose(frames, pose_maps(face(), frames))
    np.testing.assert_allclose(back, np.broadcast_to(face(), back.shape), atol=1e-5)


def test_only_the_rigid_points_decide() -> None:
    """A smile (any other point moved) changes no map."""
    smiling = face()
    others = [i for i in range(68) if i not in RIGID]
    smiling[others] += 0.1
    np.testing.assert_allclose(pose_maps(face(), smiling[None])[0], [[1, 0, 0], [0, 1, 0]], atol=1e-6)


def test_the_picture_moves_as_its_landmarks_do() -> None:
    """A dot painted at a landmark of the frame is found at that landmark of the reference."""
    size = 64
    frame_points = moved(face(), 0.15, 1.1, (0.0, -0.06))
    maps = pose_maps(face(), frame_points[None])
    for point in (30, 48, 8):
        x, y = frame_points[point]
        ticks = (np.arange(size) + 0.5) / size
        dot = np.exp(-((ticks[None] - x) ** 2 + (ticks[:, None] - y) ** 2) / (2 * 0.02**2)).astype(np.float32)
        out = frames_in_pose(torch.from_numpy(dot)[None, None].expand(1, 3, -1, -1), torch.from_numpy(maps))[0, 0]
        row, column = divmod(int(out.argmax()), size)
        np.testing.assert_allclose(((column + 0.5) / size, (row + 0.5) / size), face()[point], atol=1.0 / size)
