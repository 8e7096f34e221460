"""A whole clip in flat memory: what was heard, kept small, and drawing it into a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eap.constants import FPS
from eap.inference.framing import Portrait
from eap.inference.listening import WINDOW, Heard, Listener, MeanExpression
from eap.inference.painting import BATCH, Painter
from eap.inference.results import Written
from eap.inference.sound import Loudness, Voice
from eap.media import VideoWriter
from eap.model import Talker

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class HeardClip:
    """What a clip of T frames is drawn from, 164 bytes a frame: lip_shape (T,40), alpha (T,), z_exp (d,)."""

    lip_shape: Floats
    alpha: Floats
    z_exp: Tensor
    peak: float
    clipped: float


def hear_clip(
    talker: Talker,
    z_id: Tensor,
    voice: Voice,
    *,
    emotional: bool,
    keep: Callable[[Heard], None] | None = None,
) -> HeardClip:
    """Listen to a whole voice. ``keep`` is given every piece. DataError or MediaError for less than one frame."""
    listener = Listener(talker, z_id, emotional=emotional, step=WINDOW)
    loudness, mean = Loudness(), MeanExpression(talker)
    shapes: list[Floats] = []
    alphas: list[Floats] = []

    def take(pieces: Iterator[Heard]) -> None:
        for heard in pieces:
            mean.add(heard)
            shapes.append(heard.lip_shape.float().numpy())
            alphas.append(heard.alpha.float().numpy())
            if keep is not None:
                keep(heard)

    for block in voice.blocks():
        take(listener.push(loudness.hear(block)))
    take(listener.close())
    if not shapes:
        raise voice.too_short(loudness.samples)
    z_exp = mean.z_exp() if emotional else torch.zeros_like(z_id[0])
    return HeardClip(np.concatenate(shapes), np.concatenate(alphas), z_exp, loudness.peak, loudness.clipped)


def write_clip(
    out: Path,
    clip: HeardClip,
    z_exp: Tensor,
    painter: Painter,
    portrait: Portrait | None,
    voice: Voice,
    progress: Callable[[int, int], None] | None = None,
) -> Written:
    """Draw a clip into ``out`` with its voice; with a portrait, into its picture. Raises MediaError."""
    total = len(clip.alpha)
    height, width = (painter.size, painter.size) if portrait is None else portrait.picture.shape[:2]
    sound = _Sound(voice)
    with VideoWriter(out, width, height, float(FPS), sound.rate) as writer:
        for start in range(0, total, BATCH):
            part = slice(start, start + BATCH)
            z_lip = painter.lips(torch.from_numpy(clip.lip_shape[part]))
            frames = painter.paint(z_lip, torch.from_numpy(clip.alpha[part]), z_exp)
            if portrait is None:
                writer.write(frames)
            else:
                for frame in frames:
                    writer.write(portrait.paste(frame))
            done = min(start + BATCH, total)
            writer.write_audio(sound.until(done * sound.rate // FPS))
            if progress is not None:
                progress(done, total)
    alpha = clip.alpha.astype(np.float64)
    spread = (float(alpha.min()), float(alpha.mean()), float(alpha.max()))
    return Written(out, total, float(FPS), width, height, spread, clip.peak, clip.clipped)


class _Sound:
    """The voice at the rate of the file, handed out piece by piece."""

    def __init__(self, voice: Voice) -> None:
        self.rate = voice.file_rate()
        self._blocks = voice.blocks(self.rate)
        self._held = np.zeros(0, np.float32)
        self._given = 0

    def until(self, sample: int) -> Floats:
        """The samples from the last ones to number ``sample``; fewer where the voice ends earlier."""
        wanted = sample - self._given
        while len(self._held) < wanted and (block := next(self._blocks, None)) is not None:
            self._held = np.concatenate([self._held, block])
        part, self._held = self._held[:wanted], self._held[wanted:]
        self._given += len(part)
        return part
