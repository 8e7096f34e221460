"""Pseudo labels: valence and arousal of every training frame as the frozen F reads them (Eq. 6 takes r from these)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import median_filter
from torch import nn

from eap.data.arrays import ArraySet
from eap.files import atomic_write

SMOOTH = 5
"""Frames of the median per clip (*our choice*): a per-frame network jitters."""


def pseudo_labels(face: nn.Module, arrays: ArraySet, path: Path, batch: int = 128) -> NDArray[np.float32]:
    """(F,2) valence and arousal of all frames of ``arrays``; read from ``path`` when there, else made and kept.

    ``face``: F, whose reading has ``va``; it runs on the device it is on.
    """
    if path.exists():
        kept: NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
        if len(kept) == arrays.n_frames:
            return kept
    out = np.zeros((arrays.n_frames, 2), np.float32)
    face.eval()
    device = next(face.parameters()).device
    with torch.inference_mode():
        for clip in arrays.clips:
            for first in range(0, clip.length, batch):
                last = min(first + batch, clip.length)
                frames = torch.from_numpy(arrays.frames(clip, slice(first, last)))
                va = face(frames.to(device).permute(0, 3, 1, 2).float() / 255).va
                out[clip.start + first : clip.start + last] = va.float().cpu().numpy()
            whole = slice(clip.start, clip.start + clip.length)
            out[whole] = median_filter(out[whole], size=(SMOOTH, 1), mode="nearest")
    with atomic_write(path) as stream:
        np.save(stream, out)
    return out
