"""What comes out of a model: the terms of Eq. 1, and a video with the terms behind it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eap.media import Video, write_video

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Explanation:
    """The terms of Eq. 1 for one clip of T frames, as arrays.

    z_id (d,); z_lip (T,d), *our* lip term, made from lip_shape (T,40); alpha (T,) after every override; z_exp (d,), one
    direction per clip; a and e (T,token); emotion_probability (8,) by phi, of the voice. r_hat (T,): psi(F(frame)) of
    the generated frames, Eq. 7; None where it was not asked for. For ANT alpha, z_exp, e and the probabilities are 0.
    """

    z_id: Floats
    z_lip: Floats
    lip_shape: Floats
    alpha: Floats
    z_exp: Floats
    a: Floats
    e: Floats
    emotion_probability: Floats
    r_hat: Floats | None = None


@dataclass(frozen=True, eq=False)
class Generated(Video):
    """A video in memory: frames (T,H,W,3) uint8 at ``fps``, the audio that drove them, float32 at ``rate``, and the
    latents behind them."""

    latents: Explanation

    def save(self, path: str | Path) -> None:
        """Write an MP4 with sound. Raises MediaError."""
        write_video(path, self.frames, self.fps, self.audio, self.rate)


@dataclass(frozen=True)
class Written:
    """A video that was written straight to a file.

    frames of ``width`` x ``height`` pixels at ``fps``; alpha: least, mean and greatest of the clip; peak and clipped:
    the voice's loudest sample (1 is full scale) and the part of its samples that lie there.
    """

    path: Path
    frames: int
    fps: float
    width: int
    height: int
    alpha: tuple[float, float, float]
    peak: float
    clipped: float
