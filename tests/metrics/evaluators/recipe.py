"""Deterministic weights for networks whose published files cannot be had here, and pictures and sound to show them.

Every key seeds itself, so a reference implementation filled by the same recipe is the same network.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


def recipe_tensor(key: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """The numbers of one key."""
    rng = np.random.RandomState(zlib.crc32(key.encode()) & 0x7FFFFFFF)
    leaf = key.rsplit(".", 1)[-1]
    if leaf == "num_batches_tracked":
        return np.zeros(shape, np.int64)
    noise = rng.standard_normal(shape)
    if leaf == "weight" and len(shape) >= 2:
        noise = noise * np.sqrt(2.0 / np.prod(shape[1:]))
    elif leaf == "weight":
        noise = 1 + 0.1 * noise
    elif leaf in ("bias", "running_mean"):
        noise = 0.05 * noise
    elif leaf == "running_var":
        noise = 1 + 0.1 * np.abs(noise)
    else:
        raise ValueError(f"the recipe has no rule for {key!r}")
    return np.asarray(noise, np.float32)


def recipe_state(like: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A state dict with the keys and shapes of `like`."""
    return {key: torch.from_numpy(recipe_tensor(key, tuple(tensor.shape))) for key, tensor in like.items()}


def pictures(n: int, size: int) -> NDArray[np.uint8]:
    """(n, size, size, 3) smooth pictures that move, the same on every machine (whole-number arithmetic)."""
    y, x = np.mgrid[0:size, 0:size].astype(np.int64)
    t = np.arange(n, dtype=np.int64)[:, None, None]
    planes = [(x * (3 + c) + y * (5 - c) + t * (7 + 4 * c) + (x * y) // (40 + 10 * c)) % 256 for c in range(3)]
    return np.asarray(np.stack(planes, axis=-1), np.uint8)


def sound(n: int) -> NDArray[np.int16]:
    """(n,) 16-bit samples: a triangle wave whose height and pitch change, the same on every machine."""
    t = np.arange(n, dtype=np.int64)
    wave = np.abs((t * (37 + t // 4000)) % 4096 - 2048) - 1024
    return np.asarray((wave * (8 + (t // 800) % 17)) // 2, np.int16)
