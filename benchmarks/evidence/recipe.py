"""Deterministic weights for networks whose published files cannot be had here.

Every key seeds itself, so a reference implementation filled by the same recipe is the same network.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch


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
    import torch

    return {key: torch.from_numpy(recipe_tensor(key, tuple(tensor.shape))) for key, tensor in like.items()}
