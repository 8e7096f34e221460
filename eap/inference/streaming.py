"""Voice in as it comes, frames out."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eap.constants import FPS, RATE
from eap.errors import ConfigError
from eap.inference.control import Control
from eap.inference.framing import Portrait
from eap.inference.listening import Heard, Listener, MeanExpression
from eap.inference.painting import BATCH, Painter
from eap.inference.resampling import BlockResampler
from eap.inference.sound import checked

LOOKAHEAD = 4
"""Frames of sound after its own that a frame of a stream waits for: 160 ms, as far as the audio encoder reaches."""
STEP = 8
"""Frames that are computed at once where a stream waits for all that the model can use."""

Frames = NDArray[np.uint8]


class Stream:
    """A talking face whose voice is still being spoken.

    ``push`` takes samples (n,) of any number at ``rate`` Hz and gives the frames (m,H,W,3) that are ready, m >= 0;
    ``close`` gives the rest. Frame k shows the time [k/25, (k+1)/25) s of the voice; it comes ``delay`` seconds of
    sound after the beginning of that time, plus the time of computing. How the sound is cut into blocks changes
    nothing.

    Two things differ from a clip that is known whole. z_exp, the mean over a clip, is the mean over what was heard so
    far, so the expression settles in the first seconds. And a frame knows only ``lookahead`` frames of what follows:
    with None it waits for all that the model can use, and its lips and alpha(t) are those of the whole clip.
    """

    def __init__(
        self,
        painter: Painter,
        listener: Listener,
        control: Control,
        fixed: Tensor | None,
        portrait: Portrait | None,
        rate: int = RATE,
    ) -> None:
        """``fixed``: z_exp (d,) instead of the voice's own; ``portrait``: where frames are put back into."""
        if rate <= 0:
            raise ConfigError(f"sample rate {rate}", fix="give the samples per second of the voice, as 16000")
        self._painter, self._listener, self._control = painter, listener, control
        self._fixed, self._portrait = fixed, portrait
        self._resampler = BlockResampler(rate, RATE)
        self._mean = MeanExpression(painter.talker)
        self._closed = False
        self.frames = 0
        """Frames given out."""
        self.alpha = np.zeros(0, np.float32)
        """alpha(t) of the frames given out last."""

    @property
    def delay(self) -> float:
        """Seconds of sound from the beginning of a frame's time until the frame can be computed."""
        return (self._listener.ahead + self._listener.step) / FPS + self._resampler.delay

    def push(self, samples: NDArray[np.floating]) -> Frames:
        """Take in the next samples (n,); give the frames that are ready. DataError for what is no sound."""
        if self._closed:
            raise ConfigError("the stream is closed", fix="open another with model.stream(image)")
        return self._paint(list(self._listener.push(self._resampler.push(checked(samples)))))

    def close(self) -> Frames:
        """The frames that waited for sound that will not come; a part of a frame at the end is left out."""
        if self._closed:
            return self._paint([])
        self._closed = True
        heard = list(self._listener.push(self._resampler.close()))
        return self._paint([*heard, *self._listener.close()])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True

    def _paint(self, heard: list[Heard]) -> Frames:
        terms = [self._terms(part) for part in heard]
        painted = []
        for start in range(0, len(terms), BATCH):
            z_lip, alpha, z_exp = (torch.cat(column) for column in zip(*terms[start : start + BATCH], strict=True))
            painted.append(self._painter.paint(z_lip, alpha, z_exp))
        self.alpha = np.concatenate([np.zeros(0, np.float32), *(alpha.numpy() for _, alpha, _ in terms)])
        frames = (
            np.concatenate(painted) if painted else np.zeros((0, self._painter.size, self._painter.size, 3), np.uint8)
        )
        self.frames += len(frames)
        if self._portrait is None:
            return frames
        whole = [self._portrait.paste(frame) for frame in frames]
        return np.stack(whole) if whole else np.zeros((0, *self._portrait.picture.shape), np.uint8)

    def _terms(self, heard: Heard) -> tuple[Tensor, Tensor, Tensor]:
        """z_lip (n,d), alpha (n,) and z_exp (n,d) of a piece."""
        self._mean.add(heard)
        z_exp = self._mean.z_exp() if self._fixed is None else self._fixed
        if not self._listener.emotional:
            z_exp = torch.zeros_like(self._painter.z_id[0])
        alpha = torch.from_numpy(self._control.alpha(heard.alpha.float().numpy(), heard.first))
        return heard.z_lip, alpha, z_exp.expand(len(heard), -1)
