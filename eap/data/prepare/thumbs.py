"""Small pictures of clips that were not used, for the report."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eap import media
from eap.errors import MediaError

SIDE: Final = 96
_WITHIN: Final = 100
"""Pictures are taken from so many frames (4 s) at the beginning."""


def thumb_file(folder: Path, clip: str) -> Path:
    """The strip of a clip: named by a hash, for ids may hold anything."""
    return folder / f"{hashlib.sha256(clip.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}.jpg"


def save_thumbs(video: Path, folder: Path, clip: str) -> int:
    """Write up to three frames side by side, of what can be decoded; returns how many, 0 and no file for none."""
    frames: list[NDArray[np.uint8]] = []
    try:
        for block in media.read_frames(video, chunk=10, shorter=SIDE):
            frames.extend(block)
            if len(frames) >= _WITHIN:
                break
    except MediaError:
        # That it is damaged is the reason it is here; what came before the damage is shown.
        pass
    if not frames:
        return 0
    chosen = sorted({0, len(frames) // 2, len(frames) - 1})
    media.write_image(thumb_file(folder, clip), np.concatenate([frames[k] for k in chosen], axis=1))
    return len(chosen)
