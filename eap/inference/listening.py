"""From sound to the latents of every frame, piece by piece: the same code for files and for streams.

A frame's latents depend on the frames around it only as far as the fusion transformer and the audio encoder reach
(`context`). A `Listener` keeps that much sound before the frames it works on, and waits for ``ahead`` frames of sound
after them. With ``ahead`` of the full context the pieces equal one pass over the whole clip; with less, the latest
frames are computed as if the sound ended there, which is what bounds the delay of a stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from eap.acoustics import log_mel
from eap.constants import MEL_PER_FRAME
from eap.inference.sound import SAMPLES, Samples
from eap.model import ModelConfig, Talker

WINDOW = 160
"""Frames that are worked on at once where nobody waits for them."""
CONVOLUTIONS = 4
"""Frames to either side that a token of the audio encoders depends on: four 5-wide time convolutions, with their
strides, reach 2 + 2 + 4 + 8 mel rows."""
_BEFORE = 1
"""Frames of sound before the first mel row: half a transform window, and pre-emphasis one sample."""


def context(config: ModelConfig) -> int:
    """Frames to either side that a frame's latents depend on: ``reach`` per layer of the transformer, and the audio
    encoder's and the spectrogram's own."""
    return config.reach * config.layers + CONVOLUTIONS + _BEFORE


@dataclass(frozen=True)
class Heard:
    """Latents of n consecutive frames from ``first`` on.

    z_lip (n,d), lip_shape (n,40), a and e (n,token), alpha (n,) as the voice says, hidden (n,token): what z_exp is made
    from when averaged. e, alpha and hidden are zero without the emotional path.
    """

    first: int
    z_lip: Tensor
    lip_shape: Tensor
    a: Tensor
    e: Tensor
    alpha: Tensor
    hidden: Tensor

    def __len__(self) -> int:
        return len(self.z_lip)


class Listener:
    """Takes in sound, gives latents. Memory does not grow with the length of the sound."""

    def __init__(self, talker: Talker, z_id: Tensor, *, emotional: bool, step: int, ahead: int | None = None) -> None:
        """z_id (1,d); ``step``: frames per piece; ``ahead``: frames waited for (None: as far as the model reaches)."""
        self._talker, self._z_id, self.emotional = talker, z_id, emotional
        self._context = context(talker.config)
        self.step = step
        self.ahead = self._context if ahead is None else min(ahead, self._context)
        self._sound = np.zeros(0, np.float32)
        self._low = 0  # the frame that the sound at hand begins with
        self._done = 0  # frames given out
        none = torch.zeros(0, talker.config.token)
        self._a, self._e = none, none
        self._first = 0  # the frame that the tokens at hand begin with
        self._certain = 0  # frames whose tokens no later sound changes
        self.frames = 0
        """Whole frames of sound taken in."""

    def push(self, samples: Samples) -> Iterator[Heard]:
        """Take in 16 kHz mono samples; give the latents of the frames that are ready."""
        self._sound = np.concatenate([self._sound, samples])
        self.frames = self._low + len(self._sound) // SAMPLES
        while self.frames >= self._done + self.step + self.ahead:
            yield self._piece(self._done + self.step)

    def close(self) -> Iterator[Heard]:
        """The latents of the rest; a part of a frame at the end is left out."""
        while self._done < self.frames:
            yield self._piece(min(self.frames, self._done + self.step))

    def _piece(self, until: int) -> Heard:
        """Frames from the last piece to ``until``."""
        with torch.inference_mode():
            self._hear(min(self.frames, until + self.ahead))
            low = max(0, self._done - self._context)
            self._a, self._e = self._a[low - self._first :], self._e[low - self._first :]
            self._first = low
            heard = self._latents(self._done, slice(self._done - low, until - low))
        self._done = until
        keep = max(0, min(self._certain, until) - CONVOLUTIONS - _BEFORE)
        self._sound = self._sound[(keep - self._low) * SAMPLES :].copy()
        self._low = keep
        return heard

    def _hear(self, high: int) -> None:
        """Bring the tokens a and e up to frame ``high``; those that are certain already are kept."""
        low = max(0, self._certain - CONVOLUTIONS)
        sound_from = max(0, low - _BEFORE)
        samples = self._sound[(sound_from - self._low) * SAMPLES : (high - self._low) * SAMPLES]
        mel = torch.from_numpy(log_mel(samples)[(low - sound_from) * MEL_PER_FRAME :])[None]
        kept, new = self._certain - self._first, self._certain - low
        self._a = torch.cat([self._a[:kept], self._talker.E_A(mel)[0, new:]])
        if self.emotional:
            self._e = torch.cat([self._e[:kept], self._talker.E_E(mel)[0, new:]])
        self._certain = max(self._certain, high - CONVOLUTIONS)

    def _latents(self, first: int, inner: slice) -> Heard:
        talker, a = self._talker, self._a[None]
        y_a, y_e = talker.fusion(self._z_id, a, self._e[None] if self.emotional else None)
        z_lip, shape = talker.lip(y_a)
        if y_e is None:
            none = torch.zeros_like(a[0, inner])
            return Heard(first, z_lip[0, inner], shape[0, inner], a[0, inner], none, none[:, 0], none)
        alpha = talker.intensity(y_a)[0, inner, 0]
        hidden = talker.expression.features(y_e)[0, inner]
        return Heard(first, z_lip[0, inner], shape[0, inner], a[0, inner], self._e[inner], alpha, hidden)


class MeanExpression:
    """z_exp from the mean over all frames heard so far: over a whole clip that is the clip's z_exp."""

    def __init__(self, talker: Talker) -> None:
        self._talker = talker
        self._sum = torch.zeros(talker.config.token, dtype=torch.float64)
        self._count = 0

    def add(self, heard: Heard) -> None:
        """Take frames into the mean."""
        self._sum += heard.hidden.double().sum(0)
        self._count += len(heard)

    def z_exp(self) -> Tensor:
        """(d,)."""
        with torch.inference_mode():
            return self._talker.expression.project((self._sum / max(1, self._count)).float())


class EmotionReader:
    """phi over a clip that arrives in pieces: the LSTM's state is carried on, its outputs are averaged."""

    def __init__(self, talker: Talker) -> None:
        self._phi = talker.phi
        self._state: tuple[Tensor, Tensor] | None = None
        self._sum = torch.zeros(talker.phi.head.in_features, dtype=torch.float64)
        self._count = 0

    def add(self, heard: Heard) -> None:
        """Read on."""
        with torch.inference_mode():
            states, self._state = self._phi.lstm(heard.e[None], self._state)
        self._sum += states[0].double().sum(0)
        self._count += len(heard)

    def probability(self) -> Tensor:
        """(8,) in the order of EMOTIONS, of everything read so far."""
        with torch.inference_mode():
            out: Tensor = self._phi.head((self._sum / max(1, self._count)).float()).softmax(-1)
        return out
