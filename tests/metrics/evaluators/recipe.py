"""Pictures and sound to show to networks filled by `benchmarks.evidence.recipe`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


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
