"""Fitting psi on ground-truth frames against the pseudo labels of F, before ERA (*our choice*)."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from eap import losses
from eap.data.arrays import ArraySet
from eap.model.intensity import IntensityRegressor


def fit_psi(
    face: nn.Module, arrays: ArraySet, *, frames: int = 4000, steps: int = 600, seed: int = 0
) -> IntensityRegressor:
    """r_hat = psi(h) with r from F's own (v, a) on the same real frames; returns psi frozen, on the CPU.

    ``frames`` frames are drawn evenly over the clips. Deterministic by ``seed``.
    """
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    embeddings, intensities = [], []
    clips = [arrays.clips[int(i)] for i in rng.integers(0, len(arrays.clips), frames // 16)]
    face.eval()
    device = next(face.parameters()).device
    with torch.inference_mode():
        for clip in clips:
            picks = rng.integers(0, clip.length, 16)
            images = torch.from_numpy(arrays.frames(clip, picks)).to(device).permute(0, 3, 1, 2).float() / 255
            reading = face(images)
            embeddings.append(reading.embedding.float().cpu())
            intensities.append(losses.intensity(reading.va[:, 0], reading.va[:, 1]).float().cpu())
    h, r = torch.cat(embeddings).clone(), torch.cat(intensities).clone()
    psi = IntensityRegressor(h.shape[1])
    optimiser = torch.optim.Adam(psi.parameters(), lr=2e-3)
    for _ in range(steps):
        picks_t = torch.from_numpy(rng.integers(0, len(h), 256))
        loss = F.mse_loss(psi(h[picks_t]), r[picks_t])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return psi.eval().requires_grad_(False)
