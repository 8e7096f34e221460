"""Targets seen from the reference image's head pose (*our choice*, in every row alike).

The voice does not tell where the head goes, and the head moves as far as the face does: half of all landmark movement
between two clips of the embedded world is the head's. Left in the targets it is noise that no latent can explain, and
what minimises an L1 loss under it is a blurred, half-moving face. So every target is laid onto its reference by the
similarity map of the points that expressions hardly move, and the model learns the face alone; at inference the head
keeps the reference image's pose. Only landmarks are used, so real data is treated in the same way.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

RIGID = (27, 31, 33, 35, 36, 39, 42, 45)
"""Root and base of the nose and the eye corners of iBUG-68: what expressions hardly move."""


def pose_maps(reference: NDArray[np.float32], landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Similarity maps (turn, scale, shift) from the reference's plane to each frame's: least squares over ``RIGID``.

    reference (68,2) and landmarks (T,68,2) in units of the side -> (T,2,3), p_frame = A [p_reference, 1]. A full affine
    map fits the points better and the face worse: it takes the nose's parallax for a shear of the whole head.
    """
    points = list(RIGID)
    here, there = reference[points].astype(np.float64), landmarks[:, points].astype(np.float64)
    origin, places = here.mean(0), there.mean(1)
    u = (here - origin) @ (1, 1j)
    v = (there - places[:, None]) @ (1, 1j)
    turn = v @ u.conj() / np.sum(np.abs(u) ** 2)  # complex: scale and angle in one number
    linear = np.stack([np.stack([turn.real, -turn.imag], -1), np.stack([turn.imag, turn.real], -1)], 1)
    shift = places - linear @ origin
    return np.asarray(np.concatenate([linear, shift[..., None]], 2), np.float32)


def landmarks_in_pose(landmarks: NDArray[np.float32], maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Landmarks (T,68,2) of the frames as they lie in the reference's pose: the inverse of ``pose_maps``' maps."""
    inverse = np.linalg.inv(maps[:, :, :2].astype(np.float64))
    moved = landmarks.astype(np.float64) - maps[:, None, :, 2]
    return np.asarray(moved @ inverse.transpose(0, 2, 1), np.float32)


def frames_in_pose(frames: Tensor, maps: Tensor) -> Tensor:
    """Frames (N,3,S,S) seen from the reference's pose; maps (N,2,3) as ``pose_maps`` gives them. Edges are repeated."""
    # Sampling places run over -1..1 where landmarks run over 0..1: x = (u + 1) / 2 on both sides of the map.
    linear = maps[:, :, :2]
    shift = 2 * maps[:, :, 2] + linear.sum(2) - 1
    theta = torch.cat([linear, shift[..., None]], 2).to(frames.dtype)
    grid = F.affine_grid(theta, list(frames.shape), align_corners=False)
    # Bicubic keeps the targets as sharp as they were; it overshoots a little at edges.
    return F.grid_sample(frames, grid, mode="bicubic", padding_mode="border", align_corners=False).clamp(0, 1)
